"""Outlines between the network's voxels that follow the volumes: the fast guided filter.

Around each voxel of the network's grid the probability of a region is taken for a linear function of the guides, fitted
there by ridge regression; the same function of the guides at full resolution is the result. He, Sun and Tang, "Guided
Image Filtering", IEEE TPAMI 35(6), 2013; on a coarser grid: He and Sun, "Fast Guided Filter", arXiv 1505.00996.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from tumorseg.grids import WorkingGrid, box_around, probabilities_to_reference, to_working
from tumorseg.normalise import Box, bounding_box, zscore
from tumorseg.tiles import of_all
from tumorseg.volume import BoolArray, FloatArray, Volume

RIDGE = 0.01
"""Variance, in parts of that of the brain, below which a guide hardly counts: noise is not followed."""

LARGEST = 10.0
"""Standard deviations beyond which a guide is cut off: bright vessels say nothing, and float32 could not solve them."""

LIKELY = 0.1
"""Probability of a region above which its outline may lie near."""

REACH = 2
"""Voxels of the network's grid to each side on which a function depends: one of the fit, one of the mean over fits."""

LOWEST, HIGHEST = 1e-9, 1 - 1e-5
"""Results stay between, as a calibration could not soften 0 and 1; 1e-9 is what networks say of healthy brain.

With a lowest of 1e-5 the calibrated core of hundreds of millilitres of healthy brain added up to some millilitres."""


def as_guide(intensities: FloatArray, brain: BoolArray) -> FloatArray:
    """Intensities (z, y, x) in standard deviations of the brain, cut off at ``LARGEST``, and 0, its mean, outside."""
    return np.clip(zscore(intensities, brain), -LARGEST, LARGEST)


def near_tumor(probabilities: FloatArray, brain: BoolArray, grid: WorkingGrid) -> Box | None:
    """The part of ``grid.reference`` (slices along z, y, x) where guides can matter; None if there is no tumor.

    Args:
        probabilities: of the network (region, z, y, x) on ``grid.working``, not calibrated.
        brain: mask (z, y, x) on ``grid.working``; what lies outside may not be part of the reference.
        grid: resampled.
    """
    likely = (probabilities.max(axis=0) > LIKELY) & brain
    if not likely.any():
        return None
    near = bounding_box(likely, margin=REACH + 1)
    z, y, x = box_around(grid.working.crop(near), grid.reference, margin=0)
    return z, y, x


def guided(probabilities: FloatArray, guides: Sequence[FloatArray], grid: WorkingGrid, box: Box) -> FloatArray:
    """Probabilities on the grid of the volumes, with the outlines that these show.

    Args:
        probabilities: of the network (region, z, y, x) on ``grid.working``.
        guides: (z, y, x) each, on ``grid.reference``, made by ``as_guide``.
        grid: resampled.
        box: part of ``grid.reference`` (slices along z, y, x) that is wanted.

    Returns:
        (region, z, y, x) of the box, between 0 and 1.
    """
    reference = grid.reference.crop(box)
    cut = box_around(reference, grid.working, REACH)
    part = WorkingGrid(reference, grid.working.crop(cut), resampled=True)
    coarse = [to_working(Volume(guide, grid.reference, "guide"), part) for guide in guides]
    offsets, *slopes = fit(probabilities[of_all(cut)], np.stack(coarse))
    found = probabilities_to_reference(offsets, part)
    for slope, guide in zip(slopes, guides, strict=True):
        found += probabilities_to_reference(slope, part) * guide[box]
    return np.clip(found, LOWEST, HIGHEST, out=found)


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

    No pivot is needed, as the matrices are positive definite, by ``RIDGE`` at least.

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
    sizes = (*[1] * (maps.ndim - 3), 3, 3, 3)
    return np.asarray(ndimage.uniform_filter(maps, sizes, mode="nearest"))
