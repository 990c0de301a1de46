"""What the other half of the brain shows: a tumor makes both halves differ, most of what looks like one does not."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorseg.midline import find_midline
from tumorseg.normalise import Box
from tumorseg.volume import BoolArray, FloatArray, Geometry, Triple

Value = TypeVar("Value", bound=np.generic)

SMOOTH_MM = 4.0
"""Standard deviation of the Gaussian that smooths the other half: the folds of both halves lie at different places."""

TRUNCATE = 2.0
"""Standard deviations at which that Gaussian ends."""

LEAST_BRAIN = 0.25
"""Part of the smoothed neighborhood that must be brain; where it is less, nothing is compared."""


def with_other_half(channels: FloatArray, brain: BoolArray, spacing: Triple) -> FloatArray:
    """The channels, and after them the difference of each from the :func:`other_half`: (2 channels, z, y, x)."""
    return np.concatenate([channels, channels - other_half(channels, brain, spacing)])


def other_half(channels: FloatArray, brain: BoolArray, spacing: Triple) -> FloatArray:
    """The smoothed other half at the mirrored place of each voxel, same shape; the channel itself where there is none.

    Args:
        channels: normalised intensities (channel, z, y, x) in LPS, 0 outside the brain.
        brain: mask (z, y, x).
        spacing: voxel size (x, y, z), mm.
    """
    z, y, x = (slice(0, size) for size in brain.shape)
    columns = mirror_columns(brain, (z, y, x))
    if columns is None:
        return channels.copy()
    sigmas = [SMOOTH_MM / size for size in spacing[::-1]]
    there = mirrored(brain, columns)
    weight = _smooth(there.astype(np.float32), sigmas)
    compared = brain & (weight > LEAST_BRAIN)
    weight = np.maximum(weight, LEAST_BRAIN)
    pairs = zip(channels, mirrored(channels, columns), strict=True)
    return np.stack([np.where(compared, _smooth(other, sigmas) / weight, own) for own, other in pairs])


def mirror_columns(brain: BoolArray, box: Box) -> npt.NDArray[np.intp] | None:
    """Column whose voxel is the mirror image of each voxel of a box; those outside of the brain's grid are -1.

    Args:
        brain: mask (z, y, x) in LPS.
        box: part of it.

    Returns:
        None where the brain is too small to find its midline.
    """
    geometry = Geometry((brain.shape[0], brain.shape[1], brain.shape[2]))
    midline = find_midline(brain, geometry)
    if midline is None:
        return None
    across = np.arange(brain.shape[2]) - 2 * midline.distance(geometry)[box[:2]]
    columns = np.rint(across[..., box[2]]).astype(np.intp)
    return np.where((columns >= 0) & (columns < brain.shape[2]), columns, -1)


def mirrored(array: npt.NDArray[Value], columns: npt.NDArray[np.intp]) -> npt.NDArray[Value]:
    """Values (..., z, y, x) of whole rows in the given columns (z, y, x); 0 outside."""
    index = np.broadcast_to(np.maximum(columns, 0), (*array.shape[:-3], *columns.shape))
    return np.where(columns >= 0, np.take_along_axis(array, index, axis=-1), array.dtype.type(0))


def _smooth(image: FloatArray, sigmas: list[float]) -> FloatArray:
    return np.asarray(ndimage.gaussian_filter(image, sigmas, mode="constant", truncate=TRUNCATE), np.float32)
