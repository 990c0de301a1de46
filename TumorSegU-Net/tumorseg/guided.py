"""Outlines between the network's voxels that follow the volumes: the fast guided filter.

Around each voxel of the network's grid the probability of a region is taken for a linear function of the guides, fitted
there by ridge regression; the same function of the guides at full resolution is the result. He, Sun and Tang, "Guided
Image Filtering", IEEE TPAMI 35(6), 2013; on a coarser grid: He and Sun, "Fast Guided Filter", arXiv 1505.00996.
"""

from __future__ import annotations

import numpy as np

from tumorseg.grids import WorkingGrid, probabilities_to_reference, to_working
from tumorseg.normalise import zscore
from tumorseg.volume import BoolArray, FloatArray, Volume

RIDGE = 0.01
"""Variance, in parts of that of the brain, below which a guide hardly counts: noise is not followed."""


REACH = 2
"""Voxels of the network's grid that a result depends on to each side: one of the fit, one of the mean over fits."""


def guided(probabilities: FloatArray, guides: FloatArray, brain: BoolArray, grid: WorkingGrid) -> FloatArray:
    """Probabilities on the grid of the volumes, with the outlines that these show.

    Args:
        probabilities: (region, z, y, x) on ``grid.working``.
        guides: intensities (guide, z, y, x) on ``grid.reference``.
        brain: mask (z, y, x) on ``grid.reference``, not empty; other voxels of the guides do not count.
        grid: both grids; a part of larger ones needs ``REACH`` voxels of the working grid around the reference.

    Returns:
        (region, z, y, x) on ``grid.reference``, 0 to 1.
    """
    fine = np.stack([zscore(guide, brain) for guide in guides])
    coarse = np.stack([to_working(Volume(guide, grid.reference, "guide"), grid) for guide in fine])
    offsets, *slopes = fit(probabilities, coarse)
    found = probabilities_to_reference(offsets, grid)
    for slope, guide in zip(slopes, fine, strict=True):
        found += probabilities_to_reference(slope, grid) * guide
    return np.clip(found, 0, 1, out=found)


def fit(probabilities: FloatArray, guides: FloatArray) -> FloatArray:
    """The linear functions of the guides that are nearest to the probabilities around each voxel.

    Args:
        probabilities: (region, z, y, x).
        guides: (guide, z, y, x), in standard deviations of the brain.

    Returns:
        (1 + guide, region, z, y, x): offsets, then slopes.
    """
    means, level = _mean(guides), _mean(probabilities)
    spread = _mean(guides[:, None] * guides) - means[:, None] * means
    shared = _mean(guides[:, None] * probabilities) - means[:, None] * level
    for guide in range(len(guides)):
        spread[guide, guide] += RIDGE
    slopes = _solved(spread, shared)
    offsets = level - (slopes * means[:, None]).sum(axis=0)
    return _mean(np.concatenate([offsets[None], slopes]))


def _solved(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """Gauss and Jordan's elimination in each voxel, in place; ten times as fast here as ``np.linalg.solve``.

    No pivot is needed, as the matrices are positive definite.

    Args:
        matrix: (row, column, z, y, x).
        right: (row, region, z, y, x).
    """
    for pivot in range(len(matrix)):
        matrix[pivot] /= (scale := matrix[pivot, pivot].copy())
        right[pivot] /= scale
        for row in range(len(matrix)):
            if row != pivot:
                factor = matrix[row, pivot].copy()
                matrix[row] -= factor * matrix[pivot]
                right[row] -= factor * right[pivot]
    return right


def _mean(maps: FloatArray) -> FloatArray:
    """Mean over three voxels along each axis of maps (..., z, y, x), the outermost repeated."""
    for axis in (-3, -2, -1):
        each = np.moveaxis(maps, axis, 0)
        total = each.copy()
        total[1:] += each[:-1]
        total[:-1] += each[1:]
        total[0] += each[0]
        total[-1] += each[-1]
        maps = np.moveaxis(total / np.float32(3), 0, axis)
    return maps
