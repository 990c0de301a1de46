"""Lesion-wise scores against the published definition, written out slowly, and on cases with a known answer."""

import numpy as np
import pytest

from support.lesionwise_reference import published_lesion_scores
from support.masks import blobs, box
from tumorseg_training.metrics.lesionwise import lesion_scores

MM = (1.0, 1.0, 1.0)
SHAPE = (26, 28, 60)
LARGE = box(SHAPE, (8, 8, 6), (6, 6, 6))
FAR = box(SHAPE, (8, 8, 40), (5, 5, 5))
SMALL = box(SHAPE, (16, 16, 50), (2, 5, 5))  # 50 voxels
NOTHING = np.zeros(SHAPE, bool)


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_published_definition(seed: int) -> None:
    shape = (14, 16, 30)
    truth, prediction = blobs(seed, shape, 0.04), blobs(seed, shape, 0.03) ^ blobs(seed + 50, shape, 0.02)
    expected = published_lesion_scores(prediction, truth, MM)
    assert lesion_scores(prediction, truth, MM) == pytest.approx(expected)
    assert expected["lesions_false"] > 0


def _scores(prediction: np.ndarray, truth: np.ndarray) -> list[float]:
    return list(lesion_scores(prediction, truth, MM).values())


def test_known_cases() -> None:
    """Dice, HD95, lesions, missed, false."""
    assert _scores(NOTHING, NOTHING) == [1, 0, 0, 0, 0]
    assert _scores(LARGE, LARGE) == [1, 0, 1, 0, 0]
    assert _scores(NOTHING, LARGE) == [0, 374, 1, 1, 0]
    assert _scores(LARGE, NOTHING) == [0, 374, 0, 0, 1]
    assert _scores(LARGE, LARGE | FAR) == [0.5, 187, 2, 1, 0]
    assert _scores(LARGE | FAR, LARGE) == [0.5, 187, 1, 0, 1]


def test_small_lesions_neither_count_nor_make_what_finds_them_false() -> None:
    assert _scores(LARGE, LARGE | SMALL) == [1, 0, 1, 0, 0]
    assert _scores(LARGE | SMALL, LARGE | SMALL) == [1, 0, 1, 0, 0]
    assert _scores(SMALL, SMALL) == [1, 0, 0, 0, 0]
    assert lesion_scores(SMALL, SMALL, (1.1, 1.0, 1.0))["lesions_true"] == 1  # 55 mm³


def test_a_false_part_of_one_voxel_costs_as_much_as_a_large_one() -> None:
    voxel = box(SHAPE, (20, 20, 50), (1, 1, 1))
    assert _scores(LARGE | voxel, LARGE) == [0.5, 187, 1, 0, 1]


def test_lesions_within_the_growth_are_one() -> None:
    near = np.roll(LARGE, 6 + 6, axis=2)  # six voxels between them
    assert lesion_scores(NOTHING, LARGE | near, MM)["lesions_true"] == 1
    assert lesion_scores(NOTHING, LARGE | np.roll(near, 2, axis=2), MM)["lesions_true"] == 2


def test_parts_near_a_lesion_belong_to_it_even_without_overlap() -> None:
    beside = np.roll(LARGE, 6 + 2, axis=2)  # two voxels between them
    dice, hd95, *counts = _scores(beside, LARGE)
    assert (dice, counts) == (0, [1, 0, 0])
    assert 0 < hd95 < 10
