"""Core that does not enhance: as bright as in real tumors, inside the tumor, and the input stays."""

import numpy as np
import pytest

from support.tumor_scan import CHANNELS, ball_tumor
from tumorseg.regions import ED, ET, NCR, UNDIVIDED
from tumorseg_training.coring import FLAIR, T1, T2, cored
from tumorseg_training.tumor_edge import Scan

SEEDS = range(12)


def _cored(scan: Scan, seed: int) -> Scan:
    result = cored(scan, CHANNELS, 2.0, np.random.default_rng(seed))
    assert result is not None
    return result


@pytest.mark.parametrize("seed", SEEDS)
def test_what_changes_is_core_and_as_bright_as_real_core(seed: int) -> None:
    after = _cored(ball_tumor(), seed)
    t1, t1ce, t2, flair = after.images.astype(float) - 1
    changed = np.abs(t2) > 0.9 * np.abs(t2).max()
    assert (after.labels[changed] == NCR).all()
    assert np.array_equal(t1, t1ce)
    for change, (low, high) in ((t2, T2), (flair, FLAIR), (t1, T1)):
        assert low - 0.01 <= np.median(change[changed]) <= high + 0.01


def test_the_whole_tumor_stays_and_core_only_grows() -> None:
    grown = []
    for seed in range(40):
        labels = _cored(ball_tumor(), seed).labels
        assert np.array_equal(labels > 0, ball_tumor().labels > 0)
        assert (labels[ball_tumor().labels == NCR] == NCR).all()
        grown.append(np.count_nonzero(labels == NCR) > np.count_nonzero(ball_tumor().labels == NCR))
    assert 0.3 < np.mean(grown) < 0.9  # otherwise the core that is there looks otherwise


def test_without_core_some_of_the_edema_becomes_core() -> None:
    for seed in SEEDS:
        assert (_cored(ball_tumor(core=ED), seed).labels == NCR).any()


def test_what_enhances_keeps_its_label_and_in_its_depth_its_brightness() -> None:
    scan = ball_tumor(core=ET)
    for seed in SEEDS:
        after = _cored(scan, seed)
        assert (after.labels[scan.labels == ET] == ET).all()
        deep = (slice(None), 15, 15, 15)
        assert np.array_equal(after.images[deep], scan.images[deep])


def test_the_same_numbers_make_the_same_scan_and_the_input_stays() -> None:
    scan = ball_tumor()
    first, second = _cored(scan, 3), _cored(scan, 3)
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.labels, second.labels)
    assert np.array_equal(scan.images, ball_tumor().images)
    assert np.array_equal(scan.labels, ball_tumor().labels)


@pytest.mark.parametrize(("core", "edema"), [(0, 0), (UNDIVIDED, UNDIVIDED), (ET, ET)])
def test_without_divided_tumor_there_is_nothing_to_change(core: int, edema: int) -> None:
    assert cored(ball_tumor(core, edema), CHANNELS, 2.0, np.random.default_rng(0)) is None


def test_where_a_sequence_shows_nothing_it_stays_nothing_and_fewer_sequences_do() -> None:
    scan = ball_tumor()
    scan.images[:, :15] = 0
    assert not _cored(scan, 1).images[:, :15].any()
    two = Scan(scan.images[[0, 3]], scan.labels)
    after = cored(two, ("t1", "flair"), 2.0, np.random.default_rng(1))
    assert after is not None
    assert (after.images[1][16:] >= 1).all()
