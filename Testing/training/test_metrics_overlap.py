"""Scores that count voxels: exact values, the rules for empty masks, parity with MONAI."""

from math import isnan

import numpy as np
import pytest
import torch
from monai.metrics import compute_dice, compute_iou, get_confusion_matrix
from monai.metrics.confusion_matrix import compute_confusion_matrix_metric

from support.masks import blobs
from tumorseg_training.metrics.overlap import dice, overlap_scores, region_dice


@pytest.mark.parametrize(
    ("prediction", "truth", "expected"),
    [([1, 1, 0, 0], [1, 0, 1, 0], 0.5), ([1, 1], [1, 1], 1.0), ([0, 0], [0, 0], 1.0), ([0, 1], [0, 0], 0.0)],
)
def test_known_values(prediction: list[int], truth: list[int], expected: float) -> None:
    masks = np.array([[prediction]], bool), np.array([[truth]], bool)
    assert dice(*masks) == overlap_scores(*masks)["dice"] == expected


def test_all_scores_of_a_known_confusion() -> None:
    prediction, truth = np.array([[[1, 1, 1, 0, 0, 0, 0, 0]]], bool), np.array([[[1, 1, 0, 1, 0, 0, 0, 0]]], bool)
    expected = {"dice": 4 / 6, "iou": 0.5, "precision": 2 / 3, "sensitivity": 2 / 3, "specificity": 4 / 5}
    assert overlap_scores(prediction, truth) == pytest.approx(expected)
    assert overlap_scores(prediction, truth, voxels=20)["specificity"] == pytest.approx(16 / 17)


def test_empty_masks() -> None:
    nothing, something = np.zeros((1, 2, 2), bool), np.array([[[1, 0], [0, 0]]], bool)
    both = overlap_scores(nothing, nothing)
    assert (both["dice"], both["iou"], both["specificity"]) == (1, 1, 1)
    assert isnan(both["precision"])
    assert isnan(both["sensitivity"])
    missed, invented = overlap_scores(nothing, something), overlap_scores(something, nothing)
    assert (missed["dice"], missed["iou"], missed["sensitivity"]) == (0, 0, 0)
    assert isnan(missed["precision"])
    assert (invented["dice"], invented["precision"], invented["specificity"]) == (0, 0, 0.75)
    assert isnan(invented["sensitivity"])
    assert isnan(overlap_scores(something, np.ones_like(something))["specificity"])


@pytest.mark.parametrize("seed", range(3))
def test_equals_monai(seed: int) -> None:
    prediction, truth = blobs(seed), blobs(seed + 10, share=0.2)
    tensors = [torch.from_numpy(mask)[None, None].float() for mask in (prediction, truth)]
    scores = overlap_scores(prediction, truth)
    assert scores["dice"] == pytest.approx(float(compute_dice(*tensors)))
    assert scores["iou"] == pytest.approx(float(compute_iou(*tensors)))
    confusion = get_confusion_matrix(*tensors)
    for name in ("precision", "sensitivity", "specificity"):
        assert scores[name] == pytest.approx(float(compute_confusion_matrix_metric(name, confusion)))


def test_regions_are_nested_unions_of_labels() -> None:
    prediction, truth = np.array([[[1, 2, 3, 0]]], np.uint8), np.array([[[3, 2, 0, 0]]], np.uint8)
    assert region_dice(prediction, truth) == {"WT": 0.8, "TC": pytest.approx(2 / 3), "ET": 0.0}


def test_only_the_wanted_regions_are_scored() -> None:
    labels = np.array([[[1, 2, 3, 0]]], np.uint8)
    assert region_dice(labels, labels, ("WT",)) == {"WT": 1.0}
