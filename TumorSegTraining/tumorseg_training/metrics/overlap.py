"""Scores from counting voxels: Dice, IoU, precision, sensitivity, specificity."""

from __future__ import annotations

from collections.abc import Iterable
from math import nan

import numpy as np

from tumorseg.regions import REGIONS, region_mask
from tumorseg.volume import BoolArray, LabelArray


def dice(prediction: BoolArray, truth: BoolArray) -> float:
    """Dice coefficient 2|P∩T| / (|P|+|T|) of two masks (z, y, x).

    Both empty is 1 and one empty is 0, the rule of BraTS 2020.
    """
    total = int(prediction.sum()) + int(truth.sum())
    return 1.0 if total == 0 else 2.0 * int((prediction & truth).sum()) / total


def region_dice(prediction: LabelArray, truth: LabelArray, regions: Iterable[str] = tuple(REGIONS)) -> dict[str, float]:
    """Dice per region (WT, TC and ET unless given) of two label arrays (z, y, x) in the engine's convention."""
    return {region: dice(region_mask(prediction, region), region_mask(truth, region)) for region in regions}


def overlap_scores(prediction: BoolArray, truth: BoolArray, voxels: int | None = None) -> dict[str, float]:
    """Voxel-counting scores of two masks (z, y, x); NaN where a score is not defined.

    Args:
        prediction: mask.
        truth: mask of the same shape.
        voxels: of the whole volume, when the masks are cropped; those outside the crop belong to neither mask.
    """
    both = int(np.count_nonzero(prediction & truth))
    predicted, true = int(np.count_nonzero(prediction)), int(np.count_nonzero(truth))
    either = predicted + true - both
    healthy = (prediction.size if voxels is None else voxels) - true
    return {
        "dice": 2 * both / (predicted + true) if either else 1.0,
        "iou": both / either if either else 1.0,
        "precision": both / predicted if predicted else nan,
        "sensitivity": both / true if true else nan,
        "specificity": 1 - (predicted - both) / healthy if healthy else nan,
    }
