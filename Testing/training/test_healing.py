"""Healed brains: the mirrored other half takes the tumor's place, and nothing else changes."""

import numpy as np

from tumorseg_training.healing import healed, weakened
from tumorseg_training.tumor_edge import FADE_MM, Scan, tumor_box

SHAPE = (20, 30, 31)


def _scan(labels: np.ndarray) -> Scan:
    """A symmetric ball without a second channel, brighter to the back; tumors are very bright."""
    places = np.stack(np.meshgrid(*[np.linspace(-1, 1, size) for size in SHAPE], indexing="ij"))
    brain = (places**2).sum(axis=0) < 0.95
    images = np.zeros((2, *SHAPE), np.float16)
    images[0] = (1 + places[1] / 2 + 9 * (labels > 0)) * brain
    return Scan(images, labels * brain)


def _tumor(columns: slice, label: int = 5) -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[8:12, 12:18, columns] = label
    return labels


def test_a_tumor_on_one_side_becomes_what_lies_on_the_other() -> None:
    sick, healthy = _scan(_tumor(slice(4, 9))), _scan(np.zeros(SHAPE, np.uint8))
    after = healed(sick, 2.0)
    assert after is not None
    assert not after.labels.any()
    np.testing.assert_allclose(after.images.astype(float), healthy.images.astype(float), atol=0.02)


def test_nothing_beyond_the_margin_changes_and_the_input_stays() -> None:
    sick = _scan(_tumor(slice(4, 9)))
    before = sick.images.copy()
    after = healed(sick, 2.0)
    assert after is not None
    outside = np.ones(SHAPE, bool)
    outside[tumor_box(sick.labels, 2.0)] = False
    assert FADE_MM == 6.0
    assert np.array_equal(after.images[:, outside], before[:, outside])
    assert np.array_equal(sick.images, before)


def test_a_tumor_across_the_midline_cannot_be_healed() -> None:
    assert healed(_scan(_tumor(slice(12, 19))), 2.0) is None


def test_what_the_other_half_lacks_is_filled_from_around() -> None:
    labels = _tumor(slice(3, 11), 2)
    # A few voxels of tumor opposite: less than a tenth.
    labels[8:10, 12:14, 26:28] = 1
    after = healed(_scan(labels), 2.0)
    assert after is not None
    assert not after.labels.any()
    assert after.images.max() < 2


def test_a_healthy_brain_is_left_alone() -> None:
    scan = _scan(np.zeros(SHAPE, np.uint8))
    assert healed(scan, 1.0) is scan


def test_a_weakened_tumor_keeps_its_labels_and_loses_the_asked_part_of_its_contrast() -> None:
    sick, healthy = _scan(_tumor(slice(4, 9))), _scan(np.zeros(SHAPE, np.uint8))
    after = weakened(sick, 2.0, 0.6)
    assert after is not None
    assert np.array_equal(after.labels, sick.labels)
    expected = 0.4 * sick.images.astype(float) + 0.6 * healthy.images.astype(float)
    np.testing.assert_allclose(after.images.astype(float), expected, atol=0.02)
    assert not after.images[1].any()  # a lacking sequence stays absent


def test_a_tumor_without_a_healthy_other_half_cannot_be_weakened() -> None:
    assert weakened(_scan(_tumor(slice(12, 19))), 2.0, 0.5) is None
