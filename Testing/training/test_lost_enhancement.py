"""Enhancement that is taken away: T1ce shows what T1 shows, the label says core, and the input stays."""

import numpy as np
import pytest

from tumorseg.regions import ED, ET, NCR
from tumorseg_training.lost_enhancement import FAINT, MOST_LEFT, ON_T1, unenhanced, without_faint_enhancement
from tumorseg_training.tumor_edge import Scan

SHAPE = (20, 22, 24)
CHANNELS = ("t1", "t1ce", "t2", "flair")
INSIDE = (slice(6, 12), slice(6, 12), slice(6, 12))
ENHANCING = (slice(8, 10), slice(8, 10), slice(8, 10))


def _scan(uptake: float = 2.0, offset: float = 0.0) -> Scan:
    """An even brain (1 on every sequence, T1ce brighter by ``offset``) with edema and, inside, 8 enhancing voxels."""
    images = np.ones((4, *SHAPE), np.float16)
    images[1] += offset
    images[1][ENHANCING] += uptake
    labels = np.zeros(SHAPE, np.uint8)
    labels[INSIDE] = ED
    labels[ENHANCING] = ET
    return Scan(images, labels)


def _unenhanced(scan: Scan, seed: int = 0) -> Scan:
    result = unenhanced(scan, CHANNELS, np.random.default_rng(seed))
    assert result is not None
    return result


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("uptake", [0.1, 2.0, 5.0])
def test_hardly_any_uptake_stays_however_strong_it_was_and_the_label_is_core(uptake: float, seed: int) -> None:
    after = _unenhanced(_scan(uptake), seed)
    t1, t1ce, t2, flair = after.images.astype(float)
    left = (t1ce - t1)[ENHANCING]
    assert -0.01 <= left.min() <= left.max() <= MOST_LEFT + 0.01
    assert (after.labels[ENHANCING] == NCR).all()
    assert np.array_equal(after.labels > 0, _scan().labels > 0)
    assert (t2 == 1).all()
    assert (flair == 1).all()


def test_some_of_the_uptake_comes_to_lie_on_t1_at_times() -> None:
    bright = [float(_unenhanced(_scan(2.0), seed).images[0][ENHANCING].max()) - 1 for seed in range(40)]
    assert min(bright) < 0.2 < 1.0 < max(bright) <= 2.0 * ON_T1


def test_uptake_counts_from_what_healthy_brain_shows() -> None:
    after = _unenhanced(_scan(uptake=2.0, offset=-0.5))
    difference = (after.images[1] - after.images[0]).astype(float)
    assert -0.51 < difference[ENHANCING].min() <= difference[ENHANCING].max() < -0.5 + MOST_LEFT + 0.01
    assert (difference[0] == -0.5).all()


def test_half_of_what_shines_beside_enhancing_tumor_goes_and_nothing_farther_off() -> None:
    scan = _scan()
    scan.images[1][9, 9, 10] = scan.images[1][9, 9, 12] = 3.0
    after = _unenhanced(scan, 1).images.astype(float)
    assert 1.0 <= (after[1] - after[0])[9, 9, 10] <= 1.0 + MOST_LEFT / 2 + 0.01
    assert after[1, 9, 9, 12] == 3.0
    assert after[0, 9, 9, 12] == 1.0


def test_darker_enhancing_tumor_does_not_become_brighter() -> None:
    after = _unenhanced(_scan(uptake=-0.5))
    assert np.array_equal(after.images, _scan(uptake=-0.5).images)
    assert not (after.labels == ET).any()


def test_the_input_stays_and_the_same_numbers_make_the_same_scan() -> None:
    scan = _scan()
    first, second = _unenhanced(scan, 3), _unenhanced(scan, 3)
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(scan.images, _scan().images)
    assert np.array_equal(scan.labels, _scan().labels)


def test_where_a_sequence_shows_nothing_it_stays_nothing() -> None:
    scan = _scan()
    scan.images[:, 9] = 0
    assert not _unenhanced(scan).images[:, 9].any()


def test_without_enhancing_tumor_or_without_t1_and_t1ce_nothing_is_lost() -> None:
    random = np.random.default_rng(0)
    without = Scan(_scan().images, np.where(_scan().labels == ET, NCR, _scan().labels))
    dark = _scan()
    dark.images[0] = 0
    assert unenhanced(without, CHANNELS, random) is None
    assert unenhanced(dark, CHANNELS, random) is None
    assert unenhanced(_scan(), ("flair", "t1ce", "t2", "t2"), random) is None


@pytest.mark.parametrize(("uptake", "label"), [(FAINT - 0.05, NCR), (FAINT + 0.05, ET)])
@pytest.mark.parametrize("offset", [0.0, -0.5])
def test_faint_enhancement_is_called_core(uptake: float, label: int, offset: float) -> None:
    scan = _scan(uptake, offset)
    after = without_faint_enhancement(scan, CHANNELS)
    assert (after.labels[ENHANCING] == label).all()
    assert after.images is scan.images
    assert (scan.labels[ENHANCING] == ET).all()


def test_a_scan_in_which_nothing_can_be_told_stays_itself() -> None:
    scan = _scan(0.0)
    assert without_faint_enhancement(scan, ("flair", "t1ce", "t2", "t2")) is scan
    healthy = Scan(scan.images, np.zeros(SHAPE, np.uint8))
    assert without_faint_enhancement(healthy, CHANNELS) is healthy
