"""The rules after the network on tiny label arrays with exact results."""

import numpy as np

from tumorseg.modelfile import PostProcessing
from tumorseg.postprocess import clean
from tumorseg.regions import ED, ET, NCR


def _labels() -> np.ndarray:
    labels = np.zeros((1, 4, 8), np.uint8)
    labels[0, :2, :3] = ED
    labels[0, 0, 0] = ET
    labels[0, 1, 0] = NCR
    labels[0, 3, 7] = ET
    return labels


def test_without_rules_nothing_changes() -> None:
    labels = _labels()
    np.testing.assert_array_equal(clean(labels, PostProcessing(), 0.001), labels)


def test_separate_parts_below_the_limit_go_whatever_their_label() -> None:
    expected = _labels()
    expected[0, 3, 7] = 0
    cleaned = clean(_labels(), PostProcessing(min_component_ml=0.002), 0.001)
    np.testing.assert_array_equal(cleaned, expected)


def test_the_limit_is_a_volume_and_not_a_number_of_voxels() -> None:
    cleaned = clean(_labels(), PostProcessing(min_component_ml=0.002), voxel_volume_ml=0.002)
    np.testing.assert_array_equal(cleaned, _labels())


def test_a_tiny_enhancing_part_becomes_core() -> None:
    cleaned = clean(_labels(), PostProcessing(min_enhancing_ml=0.003), 0.001)
    assert not np.any(cleaned == ET)
    assert np.count_nonzero(cleaned == NCR) == 3
    assert np.count_nonzero(cleaned == ED) == np.count_nonzero(_labels() == ED)


def test_an_enhancing_part_as_large_as_the_limit_stays() -> None:
    labels = np.zeros((10, 10, 10), np.uint8)
    labels[:2] = ET
    np.testing.assert_array_equal(clean(labels, PostProcessing(min_enhancing_ml=0.2), 0.001), labels)


def test_corners_connect() -> None:
    labels = np.zeros((2, 2, 2), np.uint8)
    labels[0, 0, 0] = labels[1, 1, 1] = ED
    np.testing.assert_array_equal(clean(labels, PostProcessing(min_component_ml=0.002), 0.001), labels)


def test_the_input_is_left_alone() -> None:
    labels = _labels()
    clean(labels, PostProcessing(min_component_ml=1, min_enhancing_ml=1), 0.001)
    np.testing.assert_array_equal(labels, _labels())
