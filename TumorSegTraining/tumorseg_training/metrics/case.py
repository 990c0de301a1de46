"""All scores of one case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import ndimage

from tumorseg.regions import REGIONS, UNDIVIDED, region_mask
from tumorseg.volume import LabelArray, Triple
from tumorseg_training.metrics.lesionwise import GROWTH_VOXELS, lesion_scores
from tumorseg_training.metrics.overlap import overlap_scores
from tumorseg_training.metrics.surface import surface_scores
from tumorseg_training.metrics.volume import volume_scores

CaseScores = dict[str, dict[str, float]]
"""Per region (WT, TC, ET) and metric, as ``definitions.METRICS`` names and explains them; NaN where not defined."""


def case_scores(
    prediction: LabelArray, truth: LabelArray, spacing_zyx: Triple, regions: Sequence[str] | None = None
) -> CaseScores:
    """Score a prediction.

    Args:
        prediction: engine labels (z, y, x) of the whole volume.
        truth: engine labels, same shape.
        spacing_zyx: voxel size in mm along (z, y, x).
        regions: to score; by default those that both arrays can have.

    Raises:
        ValueError: the arrays differ in shape.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"prediction {prediction.shape} and truth {truth.shape} differ in shape")
    wanted = scored_regions(prediction, truth) if regions is None else regions
    box = _around(prediction, truth)
    spacing = (float(spacing_zyx[0]), float(spacing_zyx[1]), float(spacing_zyx[2]))
    return {region: _region_scores(region, prediction[box], truth[box], spacing, truth.size) for region in wanted}


def scored_regions(*labels: LabelArray) -> tuple[str, ...]:
    """Regions that can be told apart in all arrays: WT alone where one of them does not divide the tumor."""
    return ("WT",) if any(np.any(array == UNDIVIDED) for array in labels) else tuple(REGIONS)


def present_regions(scores: Mapping[str, CaseScores]) -> list[str]:
    """Regions that any of the cases (by name) was scored in, in their usual order."""
    return [region for region in REGIONS if any(region in of_case for of_case in scores.values())]


def _region_scores(
    region: str, prediction: LabelArray, truth: LabelArray, spacing: Triple, voxels: int
) -> dict[str, float]:
    found, true = region_mask(prediction, region), region_mask(truth, region)
    return {
        **overlap_scores(found, true, voxels),
        **surface_scores(found, true, spacing),
        **volume_scores(found, true, spacing),
        **lesion_scores(found, true, spacing),
    }


def _around(prediction: LabelArray, truth: LabelArray) -> tuple[slice, ...]:
    """The box that holds both tumors and all that growing the truth reaches."""
    boxes = ndimage.find_objects(((prediction != 0) | (truth != 0)).astype(np.uint8))
    if not boxes:
        return (slice(0, 1),) * 3
    return tuple(slice(max(0, side.start - GROWTH_VOXELS), side.stop + GROWTH_VOXELS) for side in boxes[0])
