"""Tumors in which more enhances: a random part of the core takes up contrast medium on T1ce, as a rim or as a whole."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from tumorseg.regions import ED, ET, NCR
from tumorseg.volume import BoolArray, FloatArray, LabelArray
from tumorseg_training.tumor_edge import Scan, in_channels, tumor_box

LEAST_ML = 1.0
"""Smaller tumors are left as they are."""

RADIUS_MM = (6.0, 30.0)
"""Of what is changed, before the tumor's edge and the lobes of its own cut it."""

STRENGTH = (0.7, 3.5)
"""Enhancement in standard deviations of the brain; faint ones are as frequent as strong ones (even in the logarithm).

Medians of T1ce minus T1 in enhancing tumor are 0.24 to 1.9 in the real cases at hand, 1.7 to 4.9 in our synthetic ones.
"""

RIM_MM = (3.0, 7.0)
"""Thickness of a rim; at least a voxel."""

RIM_CHANCE = 0.6
"""Of a rim around necrosis, otherwise all of it enhances."""

LOBES_MM = 5.0
"""Size of the lobes of the part that enhances, and of what is brighter and darker in it."""

FLUID = 0.8
"""Largest change of brightness in the necrosis within a rim: brighter on T2, darker on T1 and T1ce."""


class _Part(NamedTuple):
    """What enhances in a box (z, y, x): all of it, how much each voxel does (0 to about 1), and the necrosis in it."""

    body: BoolArray
    uptake: FloatArray
    necrosis: BoolArray


def enhanced(scan: Scan, channels: tuple[str, ...], spacing: float, random: np.random.Generator) -> Scan | None:
    """The scan with a further enhancing part of its tumor; None where there is no tumor of divided labels to change.

    Voxels with at least half of the enhancement are labelled enhancing tumor, the others of the part core. The input is
    not changed.

    Args:
        scan: in LPS.
        channels: sequence of each channel; there is a T1ce among them.
        spacing: voxel size along each axis, mm.
        random: where the numbers come from.
    """
    changeable = ((scan.labels == NCR) | (scan.labels == ED)) & (scan.images[channels.index("t1ce")] != 0)
    if np.count_nonzero(changeable) * spacing**3 / 1000 < LEAST_ML:
        return None
    box = tumor_box(scan.labels, spacing)
    labels = np.array(scan.labels)
    part = _part(changeable[box], labels[box], spacing, random)
    images = scan.images.copy()
    images[in_channels(box)] = _brightened(images[in_channels(box)].astype(np.float32), channels, part, random)
    labels[box][part.body] = np.where(part.uptake >= 0.5, ET, NCR)[part.body]
    return Scan(images, labels)


def lobed_ball(changeable: BoolArray, core: BoolArray, spacing: float, random: np.random.Generator) -> BoolArray:
    """A lobed ball of changeable tissue (z, y, x) around a voxel of the core, or of any where there is no core.

    Args:
        changeable: what may belong to it; not empty.
        core: part of that, may be empty.
        spacing: voxel size along each axis, mm.
        random: where the numbers come from.
    """
    middles = np.argwhere(core)
    places = middles if len(middles) else np.argwhere(changeable)
    centre = places[random.integers(len(places))]
    z, y, x = np.ogrid[tuple(slice(size) for size in changeable.shape)]
    distance = spacing * np.sqrt((z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2)
    lobes = smooth_noise(changeable.shape, LOBES_MM / spacing, random)
    return np.asarray(changeable & (distance < random.uniform(*RADIUS_MM) * (1 + 0.3 * lobes)))


def _part(changeable: BoolArray, labels: LabelArray, spacing: float, random: np.random.Generator) -> _Part:
    """What enhances of the changeable tissue, and how."""
    body = lobed_ball(changeable, changeable & (labels == NCR), spacing, random)
    uptake = body * (1 + 0.35 * smooth_noise(body.shape, LOBES_MM / spacing / 2, random))
    necrosis = np.zeros_like(body)
    if random.random() < RIM_CHANCE:
        depth = ndimage.distance_transform_edt(body, sampling=spacing)
        necrosis = depth > max(random.uniform(*RIM_MM), spacing)
        uptake = uptake * ~necrosis
    # An edge as sharp as the scan: what lies between two voxels belongs to both.
    soft = ndimage.gaussian_filter(uptake.astype(np.float32), 0.5)
    return _Part(body, np.maximum(soft, 0), necrosis)


def _brightened(images: FloatArray, channels: tuple[str, ...], part: _Part, random: np.random.Generator) -> FloatArray:
    """Images (channel, z, y, x) of the box with the part's uptake and necrosis; where an image is 0, it stays 0."""
    low, high = np.log(STRENGTH)
    uptake = np.exp(random.uniform(low, high)) * part.uptake
    fluid = random.uniform(0, FLUID) * ndimage.gaussian_filter(part.necrosis.astype(np.float32), 0.5)
    change = {"t1ce": uptake - fluid, "t1": -fluid, "t2": fluid}
    added = np.stack([change.get(name, np.zeros_like(fluid)) for name in channels])
    return np.asarray(images + added * (images != 0), np.float32)


def smooth_noise(shape: tuple[int, ...], sigma: float, random: np.random.Generator) -> FloatArray:
    """Gaussian noise of standard deviation 1, smoothed with a Gaussian of ``sigma`` voxels."""
    noise = ndimage.gaussian_filter(random.standard_normal(shape).astype(np.float32), sigma)
    return np.asarray(noise / max(float(noise.std()), 1e-6), np.float32)
