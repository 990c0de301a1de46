"""Further enhancing tumor: brighter on T1ce and labelled where it is, only inside the tumor, and the input stays."""

import numpy as np
import pytest

from support.tumor_scan import CHANNELS, ball_tumor
from tumorseg.regions import ET, NCR, UNDIVIDED
from tumorseg_training.enhancement import STRENGTH, enhanced
from tumorseg_training.tumor_edge import Scan

SEEDS = range(12)


def _enhanced(scan: Scan, seed: int) -> Scan:
    result = enhanced(scan, CHANNELS, 2.0, np.random.default_rng(seed))
    assert result is not None
    return result


@pytest.mark.parametrize("seed", SEEDS)
def test_what_enhances_is_brighter_on_t1ce_alone_and_lies_in_the_tumor(seed: int) -> None:
    scan = ball_tumor()
    after = _enhanced(scan, seed)
    enhancing = after.labels == ET
    assert enhancing.any()
    assert not enhancing[scan.labels == 0].any()
    t1, t1ce, _, flair = after.images.astype(float)
    assert (t1ce[enhancing] - 1).mean() > 0.5 * STRENGTH[0]
    assert t1ce.max() - 1 < 4 * STRENGTH[1]
    assert t1.max() <= 1
    assert (flair == 1).all()


def test_the_whole_tumor_stays_and_the_core_only_grows() -> None:
    scan = ball_tumor()
    for seed in SEEDS:
        labels = _enhanced(scan, seed).labels
        assert np.array_equal(labels > 0, scan.labels > 0)
        assert np.isin(labels[scan.labels == NCR], (NCR, ET)).all()


def test_some_rims_hold_necrosis_and_some_parts_enhance_as_a_whole() -> None:
    fluid = [(_enhanced(ball_tumor(), seed).images[2].astype(float) > 1).any() for seed in range(40)]
    assert 0.2 < np.mean(fluid) < 0.8


def test_faint_enhancement_is_as_frequent_as_strong() -> None:
    gains = []
    for seed in range(80):
        after = _enhanced(ball_tumor(), seed)
        gains.append(np.median(after.images[1][after.labels == ET].astype(float)) - 1)
    middle = np.sqrt(STRENGTH[0] * STRENGTH[1])
    assert np.median(gains) == pytest.approx(middle, rel=0.25)
    assert np.quantile(gains, 0.1) < 1 < 2.3 < np.quantile(gains, 0.9)


def test_the_same_numbers_make_the_same_scan_and_the_input_stays() -> None:
    scan = ball_tumor()
    images, labels = scan.images.copy(), scan.labels.copy()
    first, second = _enhanced(scan, 3), _enhanced(scan, 3)
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.labels, second.labels)
    assert np.array_equal(scan.images, images)
    assert np.array_equal(scan.labels, labels)


def test_tumor_that_enhances_already_is_kept() -> None:
    after = _enhanced(ball_tumor(core=ET), 0)
    assert (after.labels[ball_tumor(core=ET).labels == ET] == ET).all()


@pytest.mark.parametrize(("core", "edema"), [(0, 0), (UNDIVIDED, UNDIVIDED), (ET, ET)])
def test_without_divided_tumor_that_could_enhance_there_is_nothing_to_change(core: int, edema: int) -> None:
    assert enhanced(ball_tumor(core, edema), CHANNELS, 2.0, np.random.default_rng(0)) is None


def test_where_a_sequence_shows_nothing_it_stays_nothing() -> None:
    scan = ball_tumor()
    scan.images[:, :15] = 0
    after = _enhanced(scan, 1)
    assert not after.images[:, :15].any()
    assert np.array_equal(after.labels[:15], scan.labels[:15])
