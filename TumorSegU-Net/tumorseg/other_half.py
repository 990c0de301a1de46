"""What the other half of the brain shows: a tumor makes both halves differ, most of what looks like one does not."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorseg.midline import middle_of_rows
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
    """The channels (channel, z, y, x), and after them the difference of each from its :func:`opposite`.

    Takes what that takes; twice as many channels come back.
    """
    return np.concatenate([channels, channels - opposite(channels, brain, spacing)])


def opposite(
    channels: npt.NDArray[np.floating], brain: BoolArray, spacing: Triple, box: Box | None = None
) -> FloatArray:
    """What lies at the mirrored place of each voxel, smoothed; the channel itself where no brain lies there.

    Args:
        channels: normalised intensities (channel, z, y, x) in LPS, 0 outside the brain.
        brain: mask (z, y, x).
        spacing: voxel size (x, y, z), mm.
        box: part (slices along z, y, x) that is wanted; everything if None.

    Returns:
        Array (channel, z, y, x) of the box.
    """
    box = box or _whole(brain)
    own = np.asarray(channels[:, box[0], box[1], box[2]], np.float32)
    sigmas = [SMOOTH_MM / size for size in spacing[::-1]]
    wide, inner = _with_margin(box, brain.shape, [int(TRUNCATE * sigma + 0.5) for sigma in sigmas])
    columns = mirror_columns(brain, wide)
    if columns is None:
        return own.copy()
    weight = _smooth(mirrored(brain[wide[:2]], columns), sigmas)[inner]
    compared = brain[box] & (weight > LEAST_BRAIN)
    weight = np.maximum(weight, LEAST_BRAIN)
    others = mirrored(channels[:, wide[0], wide[1]], columns)
    smooth = np.stack([_smooth(other, sigmas)[inner] for other in others])
    return np.where(compared, smooth / weight, own)


def mirror_columns(brain: BoolArray, box: Box) -> npt.NDArray[np.intp] | None:
    """Column whose voxel is the mirror image of each voxel of a box; those outside of the brain's grid are -1.

    Args:
        brain: mask (z, y, x) in LPS.
        box: part of it.

    Returns:
        None where the brain is too small to find its midline.
    """
    geometry = Geometry((brain.shape[0], brain.shape[1], brain.shape[2]))
    midline = middle_of_rows(brain, geometry)
    if midline is None:
        return None
    across = np.arange(brain.shape[2]) - 2 * midline.distance(geometry)[box[:2]]
    columns = np.rint(across[..., box[2]]).astype(np.intp)
    return np.where((columns >= 0) & (columns < brain.shape[2]), columns, -1)


def mirrored(array: npt.NDArray[Value], columns: npt.NDArray[np.intp]) -> npt.NDArray[Value]:
    """Values (..., z, y, x) of whole rows in the given columns (z, y, x); 0 outside."""
    index = np.broadcast_to(np.maximum(columns, 0), (*array.shape[:-3], *columns.shape))
    return np.where(columns >= 0, np.take_along_axis(array, index, axis=-1), array.dtype.type(0))


def _whole(brain: BoolArray) -> Box:
    z, y, x = (slice(0, size) for size in brain.shape)
    return z, y, x


def _with_margin(box: Box, shape: tuple[int, ...], margins: list[int]) -> tuple[Box, Box]:
    """A box that is wider by margins in voxels, as far as the grid goes, and where the box lies in it."""
    starts = [max(0, side.start - margin) for side, margin in zip(box, margins, strict=True)]
    z, y, x = (
        slice(start, min(size, side.stop + margin))
        for start, side, size, margin in zip(starts, box, shape, margins, strict=True)
    )
    inner_z, inner_y, inner_x = (
        slice(side.start - start, side.stop - start) for start, side in zip(starts, box, strict=True)
    )
    return (z, y, x), (inner_z, inner_y, inner_x)


def _smooth(image: npt.NDArray[np.generic], sigmas: list[float]) -> FloatArray:
    """An image (z, y, x) as float32, smoothed with standard deviations (z, y, x) in voxels, 0 around it."""
    return ndimage.gaussian_filter(image.astype(np.float32), sigmas, mode="constant", truncate=TRUNCATE)
