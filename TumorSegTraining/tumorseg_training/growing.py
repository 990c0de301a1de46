"""Tumors that never were: drawn at random in a brain without one, of many shapes, sizes, parts and contrasts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorseg.normalise import Box
from tumorseg.regions import ED, ET, NCR
from tumorseg.volume import BoolArray, FloatArray, LabelArray
from tumorseg_training.enhancement import smooth_noise
from tumorseg_training.tumor_edge import Scan, in_channels

Range = tuple[float, float]

RADIUS_MM = (11.0, 45.0)
"""Of the whole tumor, as many small as large ones (even in the logarithm)."""

STRETCH = 0.4
"""Largest logarithm of each axis of the ellipsoid from which a tumor is made, relative to its radius."""

REACH = 2.2
"""Of the box in which a tumor is drawn, relative to its radius."""

CROSSING = 0.2
"""Chance that a tumor does not end at the middle of the brain."""

SPARED_MM = (0.0, 6.0)
"""Depth of the brain's surface that edema leaves free, as it spreads in white matter."""

LOBES = (0.15, 0.45)
"""How far the edge of a part wavers, relative to its radius."""

CORE_CHANCE = 0.9
CORE_SIZE = (0.35, 0.95)
"""Radius of the core, relative to that of the whole tumor."""

RIM_CHANCE, SOLID_CHANCE = 0.55, 0.25
"""Of a rim that enhances, and of a core that enhances here and there or as a whole; otherwise nothing enhances."""

RIM_MM = (2.5, 8.0)
"""Thickness of a rim; at least a voxel."""

DARK = -1.2
"""Standard deviations of the brain below which FLAIR shows fluid, which edema goes around."""

EDEMA_SHARE, CORE_SHARE = (0.4, 1.0), (0.7, 1.0)
"""How much of what was there a part covers."""

TEXTURE = (0.1, 0.6)
"""Standard deviation of brighter and darker places within a part, in standard deviations of the brain."""

UPTAKE = (0.5, 3.5)
"""What T1ce shows more than T1 where a tumor enhances, even in the logarithm."""


class _Contrast(NamedTuple):
    """Ranges of the brightness of a part, in standard deviations of the brain from its mean.

    As wide as the medians of the real cases at hand, of those whose labels a program made, and of synthetic patients.
    """

    t1: Range
    t2: Range
    flair: Range


EDEMA = _Contrast(t1=(-0.5, 0.6), t2=(0.1, 2.0), flair=(0.7, 3.0))
NECROSIS = _Contrast(t1=(-1.3, 0.3), t2=(0.4, 2.8), flair=(-0.5, 2.5))
SOLID = _Contrast(t1=(-0.8, 0.7), t2=(0.3, 2.2), flair=(0.7, 3.0))


class _Parts(NamedTuple):
    """Of a tumor in a box (z, y, x): all of it, its core, and how much each voxel of that enhances (0 to about 1.5)."""

    whole: BoolArray
    core: BoolArray
    uptake: FloatArray


def grown(scan: Scan, channels: tuple[str, ...], spacing: float, random: np.random.Generator) -> Scan | None:
    """The scan with a tumor; None where it has one already, or no room for it. The input is not changed.

    Args:
        scan: in LPS.
        channels: sequence of each channel.
        spacing: voxel size along each axis, mm.
        random: where the numbers come from.
    """
    brain = scan.brain
    # Every second voxel: the depth of a place matters to a few mm only.
    places = 2 * np.argwhere(ndimage.binary_erosion(brain[::2, ::2, ::2]))
    if scan.labels.any() or not len(places):
        return None
    centre, radius = places[random.integers(len(places))], _even_in_logarithm(RADIUS_MM, random)
    box = _box(centre, REACH * radius / spacing, brain.shape)
    room = brain & _side(brain, centre, random)
    before = scan.images[in_channels(box)].astype(np.float32)
    spared = ndimage.distance_transform_edt(brain[box], sampling=spacing) <= random.uniform(*SPARED_MM)
    far = _relative_distance(centre, box, radius / spacing, random)
    parts = _parts(far, room[box], _fluid(before, channels) | spared, radius / spacing, spacing, random)
    images, labels = scan.images.copy(), np.zeros_like(scan.labels)
    images[in_channels(box)] = _painted(before, channels, parts, spacing, random)
    labels[box] = _labels(parts)
    return Scan(images, labels)


def _even_in_logarithm(limits: Range, random: np.random.Generator) -> float:
    low, high = np.log(limits)
    return float(np.exp(random.uniform(low, high)))


def _box(centre: npt.NDArray[np.intp], reach: float, shape: tuple[int, ...]) -> Box:
    """All voxels within reach of the centre along each axis."""
    low = np.maximum(centre - np.ceil(reach).astype(int), 0)
    high = np.minimum(centre + np.ceil(reach).astype(int) + 1, shape)
    z, y, x = (slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))
    return z, y, x


def _side(brain: BoolArray, centre: npt.NDArray[np.intp], random: np.random.Generator) -> BoolArray:
    """Columns (1, 1, x) of the half of a brain (z, y, x) where the centre lies; at times all."""
    columns = np.arange(brain.shape[2])
    middle = np.flatnonzero(brain.any(axis=(0, 1))).mean()
    whole = abs(centre[2] - middle) < 3 or random.random() < CROSSING
    return np.asarray(whole | ((columns > middle) == (centre[2] > middle)))[None, None]


def _fluid(images: FloatArray, channels: tuple[str, ...]) -> BoolArray:
    """Where FLAIR, or T1 where there is none, of images (channel, z, y, x) is dark."""
    name = "flair" if "flair" in channels else "t1"
    if name not in channels:
        return np.zeros(images.shape[1:], bool)
    return np.asarray(ndimage.gaussian_filter(images[channels.index(name)], 0.5) < DARK)


def _parts(
    far: FloatArray, room: BoolArray, spared: BoolArray, radius: float, spacing: float, random: np.random.Generator
) -> _Parts:
    """A tumor of a radius in voxels.

    Args:
        far: (z, y, x), 1 where a smooth one would end.
        room: where it may lie.
        spared: where edema may not.
        radius: in voxels.
        spacing: voxel size along each axis, mm.
        random: where the numbers come from.
    """
    whole = room & ~spared & (far < _wavering(far.shape, radius, random))
    core = np.zeros_like(room)
    if random.random() < CORE_CHANCE:
        size = random.uniform(*CORE_SIZE)
        core = room & (far < size * _wavering(far.shape, size * radius, random))
    return _Parts(whole | core, core, _uptake(core, spacing, random))


def _relative_distance(
    centre: npt.NDArray[np.intp], box: Box, radius: float, random: np.random.Generator
) -> FloatArray:
    """Distance (z, y, x) from the centre, 1 at the surface of a turned ellipsoid of about that radius in voxels."""
    turned, _ = np.linalg.qr(random.standard_normal((3, 3)))
    scaled = turned @ np.diag(np.exp(random.uniform(-STRETCH, STRETCH, 3))) @ turned.T / radius
    offsets = np.stack(np.meshgrid(*(np.arange(side.start, side.stop) for side in box), indexing="ij"), -1) - centre
    return np.asarray(np.linalg.norm(offsets @ scaled, axis=-1), np.float32)


def _wavering(shape: tuple[int, ...], radius: float, random: np.random.Generator) -> FloatArray:
    """About 1 (z, y, x): where the edge of a part of that radius in voxels lies, in lobes and smaller notches."""
    depth = random.uniform(*LOBES)
    lobes, notches = (smooth_noise(shape, max(radius / part, 0.7), random) for part in (2, 6))
    return np.asarray(1 + np.clip(depth * (0.8 * lobes + 0.4 * notches), -0.8, 0.4), np.float32)


def _uptake(core: BoolArray, spacing: float, random: np.random.Generator) -> FloatArray:
    """How much each voxel of a core (z, y, x) enhances."""
    kind = random.random()
    if kind >= RIM_CHANCE + SOLID_CHANCE:
        return np.zeros(core.shape, np.float32)
    uneven = np.maximum(1 + random.uniform(0.2, 0.6) * smooth_noise(core.shape, max(2.5 / spacing, 0.7), random), 0)
    if kind >= RIM_CHANCE:
        spread = random.uniform(-1.0, 1.5)  # a sixth to all but a few percent of the core
        return np.asarray(core * uneven * (smooth_noise(core.shape, 5.0 / spacing, random) < spread), np.float32)
    depth = ndimage.distance_transform_edt(core, sampling=spacing)
    # Thicker here, thinner or broken there.
    thickness = random.uniform(*RIM_MM) * (1 + 0.5 * smooth_noise(core.shape, 6.0 / spacing, random))
    return np.asarray(core * uneven * (depth <= np.maximum(thickness, 0.7 * spacing)), np.float32)


def _painted(
    images: FloatArray, channels: tuple[str, ...], parts: _Parts, spacing: float, random: np.random.Generator
) -> FloatArray:
    """Images (channel, z, y, x) with the tumor; where an image is 0, it stays 0."""
    edema = parts.whole & ~parts.core
    sharp = random.uniform(0.4, 0.8)  # voxels; edema fades farther
    shown = _covered(
        images, channels, edema, EDEMA, random.uniform(*EDEMA_SHARE), random.uniform(1, 3) / spacing, random
    )
    inside = SOLID if random.random() < 0.5 else NECROSIS
    shown = _covered(shown, channels, parts.core, inside, random.uniform(*CORE_SHARE), sharp, random)
    enhancing = parts.uptake > 0
    if enhancing.any():
        shown = _covered(shown, channels, enhancing, SOLID, random.uniform(*CORE_SHARE), sharp, random)
    if "t1ce" in channels:
        soft = ndimage.gaussian_filter(parts.uptake, sharp)
        shown[channels.index("t1ce")] += _even_in_logarithm(UPTAKE, random) * soft
    return np.where(images != 0, shown, np.float32(0))


def _covered(
    images: FloatArray,
    channels: tuple[str, ...],
    part: BoolArray,
    contrast: _Contrast,
    share: float,
    sharp: float,
    random: np.random.Generator,
) -> FloatArray:
    """Images (channel, z, y, x), a share of what they show in a part replaced by its brightness and texture."""
    weight = share * ndimage.gaussian_filter(part.astype(np.float32), sharp)
    t1, t2, flair = (random.uniform(*limits) for limits in contrast)
    levels = {"t1": t1, "t1ce": t1 + random.uniform(-0.3, 0.1), "t2": t2, "flair": flair}
    rough = random.uniform(*TEXTURE)
    texture = smooth_noise(part.shape, 1.0, random) + smooth_noise(part.shape, 2.5, random)
    signs = random.uniform(-1, 1, len(channels))
    target = np.stack([levels[name] + rough * sign * texture for name, sign in zip(channels, signs, strict=True)])
    return np.asarray(images + weight * (target - images), np.float32)


def _labels(parts: _Parts) -> LabelArray:
    """Label map (z, y, x); half of the full enhancement counts."""
    labels = np.where(parts.core, NCR, np.where(parts.whole, ED, 0))
    return np.where(parts.core & (parts.uptake >= 0.5), ET, labels).astype(np.uint8)
