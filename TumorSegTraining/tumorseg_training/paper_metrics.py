"""The paper's own figures, for comparison with its tables: they count the background and say little about a tumor.

A prediction of nothing scores about 0.99 in most of them; that is why the Dice of each region stands beside them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tumorseg.regions import ET
from tumorseg.volume import LabelArray

PAPER_METRICS = ("accuracy", "paper_dice", "mean_iou", "precision", "sensitivity", "specificity")


def paper_metrics(prediction: LabelArray, truth: LabelArray, regions: Sequence[str]) -> dict[str, float]:
    """The figures by name, of two label arrays (z, y, x) in the engine's convention.

    Accuracy is the share of voxels that are right. The others are computed for each class, background included, from
    true and false positives and negatives, and averaged: Dice 2TP/(2TP+FP+FN), IoU TP/(TP+FP+FN), precision
    TP/(TP+FP), sensitivity TP/(TP+FN), specificity TN/(TN+FP). What would be 0/0 is 1. Classes are background, NCR, ED
    and ET, or background and tumor where only the whole tumor is predicted or known.
    """
    confusion = _confusion(prediction, truth, divided=len(regions) > 1 and truth.max() <= ET)
    right, total = np.diag(confusion), confusion.sum()
    excess, missed = confusion.sum(axis=0) - right, confusion.sum(axis=1) - right
    refused = total - right - excess - missed
    means = (
        _mean_ratio(2 * right, 2 * right + excess + missed),
        _mean_ratio(right, right + excess + missed),
        _mean_ratio(right, right + excess),
        _mean_ratio(right, right + missed),
        _mean_ratio(refused, refused + excess),
    )
    return dict(zip(PAPER_METRICS, (float(right.sum() / total), *means), strict=True))


def _confusion(prediction: LabelArray, truth: LabelArray, divided: bool) -> npt.NDArray[np.int64]:
    """Voxels by true class (rows) and predicted class (columns)."""
    classes = 4 if divided else 2
    true, predicted = (array if divided else (array > 0).astype(np.uint8) for array in (truth, prediction))
    pairs = true.ravel().astype(np.int64) * classes + predicted.ravel()
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def _mean_ratio(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> float:
    return float(np.mean(np.where(whole > 0, part / np.maximum(whole, 1), 1.0)))
