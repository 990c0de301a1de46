"""Tumors drawn into a brain without one: inside it, with parts that look as their labels say, and the input stays."""

import numpy as np
import pytest

from support.prepared import head
from tumorseg.regions import ED, ET, NCR
from tumorseg_training import growing
from tumorseg_training.growing import grown
from tumorseg_training.tumor_edge import Scan

CHANNELS = ("t1", "t1ce", "t2", "flair")
SHAPE = (48, 48, 48)
SEEDS = range(16)


def _brain() -> Scan:
    """A ball of even brightness 1 in every sequence, 2 mm voxels."""
    inside = np.linalg.norm(np.indices(SHAPE) - 23.5, axis=0) < 22
    images = np.where(inside, 1.0, 0.0).astype(np.float16)
    return Scan(np.stack([images] * 4), np.zeros(SHAPE, np.uint8))


def _grown(seed: int, scan: Scan | None = None, channels: tuple[str, ...] = CHANNELS) -> Scan:
    result = grown(scan or _brain(), channels, 2.0, np.random.default_rng(seed))
    assert result is not None
    return result


@pytest.mark.parametrize("seed", SEEDS)
def test_the_tumor_lies_in_the_brain_and_nothing_appears_outside(seed: int) -> None:
    after = _grown(seed)
    assert after.labels.any()
    assert set(np.unique(after.labels)) <= {0, NCR, ED, ET}
    assert not after.labels[~_brain().brain].any()
    assert not after.images[:, ~_brain().brain].any()


def test_tumors_differ_in_size_and_parts() -> None:
    sizes, enhancing, cores = [], [], []
    for seed in range(60):
        labels = _grown(seed).labels
        sizes.append(np.count_nonzero(labels) * 0.008)
        enhancing.append((labels == ET).any())
        cores.append(((labels == NCR) | (labels == ET)).any())
    assert min(sizes) < 5
    assert max(sizes) > 80
    assert 0.4 < np.mean(enhancing) < 0.95
    assert 0.8 < np.mean(cores) < 1


def test_what_is_called_enhancing_is_brighter_on_t1ce_than_on_t1() -> None:
    shown = 0
    for seed in range(40):
        after = _grown(seed)
        t1, t1ce = after.images[:2].astype(float)
        enhancing = after.labels == ET
        if np.count_nonzero(enhancing) > 50:
            others = (after.labels != ET) & _brain().brain
            assert np.median((t1ce - t1)[enhancing]) > np.median((t1ce - t1)[others])
            shown += 1
    assert shown > 10


def test_edema_is_as_bright_on_flair_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "EDEMA", growing._Contrast(t1=(0, 0), t2=(2, 2), flair=(3, 3)))
    monkeypatch.setattr(growing, "EDEMA_SHARE", (1.0, 1.0))
    monkeypatch.setattr(growing, "TEXTURE", (0.0, 0.0))
    monkeypatch.setattr(growing, "CORE_CHANCE", 0.0)
    after = _grown(2)
    assert set(np.unique(after.labels)) == {0, ED}
    _t1, _t1ce, t2, flair = after.images.astype(float)
    assert flair.max() == pytest.approx(3, abs=0.01)
    assert t2.max() == pytest.approx(2, abs=0.01)
    assert flair[after.labels == ED].mean() > 2 > flair[(after.labels == 0) & _brain().brain].mean()


def test_edema_goes_around_fluid() -> None:
    scan = _brain()
    scan.images[3, :, :, 10:20] = -2
    edema = [(_grown(seed, scan).labels == ED)[:, :, 12:18].any() for seed in SEEDS]
    assert not any(edema)
    without = [(_grown(seed).labels == ED)[:, :, 12:18].any() for seed in SEEDS]
    assert any(without)


def test_a_tumor_ends_at_the_middle_unless_it_may_cross(monkeypatch: pytest.MonkeyPatch) -> None:
    def on_both_sides() -> int:
        found = (_grown(seed).labels for seed in range(40))
        return sum(labels[:, :, :20].any() and labels[:, :, 28:].any() for labels in found)

    monkeypatch.setattr(growing, "CROSSING", 0.0)
    middle_ones = on_both_sides()  # their centre lies within three columns of the middle
    monkeypatch.setattr(growing, "CROSSING", 1.0)
    assert middle_ones <= 12 < 2 * middle_ones < on_both_sides()


def test_the_same_numbers_make_the_same_tumor_and_the_input_stays() -> None:
    scan = _brain()
    first, second = _grown(3, scan), _grown(3, scan)
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.labels, second.labels)
    assert np.array_equal(scan.images, _brain().images)
    assert not scan.labels.any()


def test_a_brain_with_a_tumor_gets_no_other_and_nothing_grows_without_a_brain() -> None:
    images, labels = head(0, (24, 24, 24))
    assert labels.any()
    assert grown(Scan(images, labels), CHANNELS, 4.0, np.random.default_rng(0)) is None
    empty = Scan(np.zeros((4, *SHAPE), np.float16), np.zeros(SHAPE, np.uint8))
    assert grown(empty, CHANNELS, 2.0, np.random.default_rng(0)) is None


@pytest.mark.parametrize("channels", [("t1", "flair"), ("t1",), ("t2",), ("t1ce", "t2")])
def test_fewer_sequences_do(channels: tuple[str, ...]) -> None:
    scan = Scan(_brain().images[: len(channels)], _brain().labels)
    after = _grown(1, scan, channels)
    assert after.images.shape == scan.images.shape
    assert not np.array_equal(after.images, scan.images)


def test_lacking_sequences_stay_lacking() -> None:
    scan = _brain()
    scan.images[[1, 2]] = 0
    assert not _grown(1, scan).images[[1, 2]].any()
