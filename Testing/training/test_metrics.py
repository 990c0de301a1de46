"""Dice: exact values, the rule for empty masks, and parity with MONAI."""

import numpy as np
import pytest
import torch
from monai.metrics import compute_dice

from tumorseg_training.metrics import dice, region_dice


@pytest.mark.parametrize(
    ("prediction", "truth", "expected"),
    [([1, 1, 0, 0], [1, 0, 1, 0], 0.5), ([1, 1], [1, 1], 1.0), ([0, 0], [0, 0], 1.0), ([0, 1], [0, 0], 0.0)],
)
def test_known_values(prediction: list[int], truth: list[int], expected: float) -> None:
    assert dice(np.array([[prediction]], bool), np.array([[truth]], bool)) == expected


def test_equals_monai() -> None:
    random = np.random.default_rng(0)
    prediction, truth = random.random((2, 5, 6, 7)) > 0.5
    expected = compute_dice(torch.from_numpy(prediction)[None, None], torch.from_numpy(truth)[None, None])
    assert dice(prediction, truth) == pytest.approx(float(expected))


def test_regions_are_nested_unions_of_labels() -> None:
    prediction, truth = np.array([[[1, 2, 3, 0]]], np.uint8), np.array([[[3, 2, 0, 0]]], np.uint8)
    assert region_dice(prediction, truth) == {"WT": 0.8, "TC": pytest.approx(2 / 3), "ET": 0.0}


def test_only_the_wanted_regions_are_scored() -> None:
    labels = np.array([[[1, 2, 3, 0]]], np.uint8)
    assert region_dice(labels, labels, ("WT",)) == {"WT": 1.0}
