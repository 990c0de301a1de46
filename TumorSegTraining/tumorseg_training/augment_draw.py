"""Drawing the random changes of one patch: numbers only, so that loading and changing it need no random state.

Everything follows from one generator, seeded with the seed of the run and the number of the sample: the same patch
comes out whatever the worker, the process or the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tumorseg.modelfile import AXES
from tumorseg_training.augment_recipe import Augmentation, Range

Matrix = npt.NDArray[np.float64]
Sizes = tuple[int, int, int]


class ChannelChange(NamedTuple):
    """The changes of one channel of a patch.

    Attributes:
        blur: standard deviation of a Gaussian in voxels, 0 for none.
        resolution: part of the resolution that is left, 1 for all.
        noise: standard deviation of added noise.
        factor: of the intensities.
        shift: added to the intensities.
        gamma: exponent.
        dropped: whether the sequence is taken away.
        bias: standard deviation of a smooth field that is added, 0 for none.
    """

    blur: float = 0.0
    resolution: float = 1.0
    noise: float = 0.0
    factor: float = 1.0
    shift: float = 0.0
    gamma: float = 1.0
    dropped: bool = False
    bias: float = 0.0


UNCHANGED = ChannelChange()


@dataclass(frozen=True)
class Draw:
    """The changes of one patch.

    Attributes:
        corner: first voxel (z, y, x) of the part of the case that is shown; may lie outside.
        size: voxels (z, y, x) of that part; another size than the patch means another scale.
        mirrored: whether the patch is mirrored, per axis (z, y, x).
        rotation: rotation (3, 3) about the centre of the part, from patch offsets to case offsets (z, y, x).
        elastic: standard deviation of an elastic displacement in voxels, 0 for none.
        channels: what happens to each channel, in order.
        seed: of noise, bias fields and displacement, which are drawn where they are used.
    """

    corner: Sizes
    size: Sizes
    mirrored: tuple[bool, bool, bool] = (False, False, False)
    rotation: Matrix | None = None
    elastic: float = 0.0
    channels: tuple[ChannelChange, ...] = ()
    seed: int = 0


def draw_changes(draw: Draw, augmentation: Augmentation, present: Sequence[bool], random: np.random.Generator) -> Draw:
    """A plain draw (corner and size only) with random changes.

    Args:
        draw: where the patch lies.
        augmentation: what may be changed.
        present: whether the case has the sequence of each channel.
        random: where the numbers come from.
    """
    shaped = _draw_shape(draw, augmentation, random)
    channels = _draw_channels(augmentation, present, random)
    return replace(shaped, channels=channels, seed=int(random.integers(2**63)))


def _draw_channels(
    augmentation: Augmentation, present: Sequence[bool], random: np.random.Generator
) -> tuple[ChannelChange, ...]:
    count = len(present)
    shaded = random.random(count) < augmentation.shading
    drawn = (
        _each(count, augmentation.blur, augmentation.blur_voxels, 0.0, random),
        _each(count, augmentation.lowering, augmentation.low_resolution, 1.0, random),
        _each(count, augmentation.noising, (0.0, augmentation.noise), 0.0, random),
        _where(shaded, random.uniform(*augmentation.contrast, count), 1.0),
        _where(shaded, random.uniform(-augmentation.brightness, augmentation.brightness, count), 0.0),
        _each(count, augmentation.bending, augmentation.gamma, 1.0, random),
        _drop(present, augmentation.dropping, random),
        _where(random.random(count) < augmentation.bias, np.full(count, augmentation.bias_strength), 0.0),
    )
    return tuple(map(ChannelChange, *drawn))


def _draw_shape(draw: Draw, augmentation: Augmentation, random: np.random.Generator) -> Draw:
    chances = [augmentation.mirror if axis in augmentation.mirror_axes else 0.0 for axis in AXES]
    z, y, x = (random.random(3) < chances).tolist()
    scaled, rotated, bent = random.random(3) < (augmentation.scaling, augmentation.rotation, augmentation.elastic)
    factor = random.uniform(*augmentation.scale) if scaled else 1.0
    angles = np.deg2rad(random.uniform(-augmentation.rotation_degrees, augmentation.rotation_degrees, 3))
    resized = _about_centre(draw, factor)
    return replace(
        resized,
        mirrored=(z, y, x),
        rotation=rotation_matrix(*angles) if rotated else None,
        elastic=augmentation.elastic_voxels if bent else 0.0,
    )


def _about_centre(draw: Draw, factor: float) -> Draw:
    """The same centre, ``factor`` times the size, to whole voxels."""
    size = np.maximum(np.rint(np.multiply(draw.size, factor)), 1).astype(int)
    corner = draw.corner + (np.subtract(draw.size, size)) // 2
    return replace(draw, corner=triple(corner), size=triple(size))


def rotation_matrix(about_z: float, about_y: float, about_x: float) -> Matrix:
    """Rotation (3, 3) of offsets (z, y, x): about x, then y, then z; angles in radians."""
    (cz, cy, cx), (sz, sy, sx) = np.cos([about_z, about_y, about_x]), np.sin([about_z, about_y, about_x])
    turn_x = np.array([[cx, sx, 0], [-sx, cx, 0], [0, 0, 1]])
    turn_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    turn_z = np.array([[1, 0, 0], [0, cz, sz], [0, -sz, cz]])
    return turn_z @ turn_y @ turn_x


def triple(values: npt.NDArray[Any]) -> Sizes:
    """Three whole numbers as a tuple."""
    z, y, x = (int(value) for value in values)
    return z, y, x


def _each(
    channels: int, chance: float, limits: Range, otherwise: float, random: np.random.Generator
) -> tuple[float, ...]:
    return _where(random.random(channels) < chance, random.uniform(*limits, channels), otherwise)


def _where(chosen: npt.NDArray[np.bool_], values: npt.NDArray[np.float64], otherwise: float) -> tuple[float, ...]:
    return tuple(np.where(chosen, values, otherwise).tolist())


def _drop(present: Sequence[bool], chance: float, random: np.random.Generator) -> tuple[bool, ...]:
    """Take one to all but one of the sequences away that are there."""
    there = np.flatnonzero(present)
    happens, order = random.random() < chance, random.permutation(there)
    count = int(random.integers(1, len(there))) if happens and len(there) > 1 else 0
    gone = set(order[:count].tolist())
    return tuple(channel in gone for channel in range(len(present)))
