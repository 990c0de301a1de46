"""Tumors laid into other brains: labels, what stays untouched, places, and what a graft looks like."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.prepared import head
from tumorseg_training.transplant import Graft, donor_of, pasted, place_for, transplanted, turned
from tumorseg_training.tumor_edge import FADE_MM, MAX_SHIFT, Scan, blended, fading

SHAPE = (6, 8, 8)


def _host(own: int = 0) -> Scan:
    """A brain of ones with a border of air, no second channel, and a tumor of one voxel."""
    images = np.zeros((2, *SHAPE), np.float16)
    images[0, 1:-1, 1:-1, 1:-1] = 1
    labels = np.zeros(SHAPE, np.uint8)
    labels[2, 2, 2] = own
    return Scan(images, labels)


def _graft(labels: np.ndarray, weight: float = 1.0) -> Graft:
    shape = labels.shape
    return Graft(np.full((2, *shape), 3, np.float32), np.full(shape, weight, np.float32), labels, False)


def test_the_new_tumor_wins_over_the_old_and_the_margin_does_not() -> None:
    labels = np.array([[[3, 0, 1]]], np.uint8)
    covered = pasted(_host(own=5), _graft(labels), (2, 2, 2))
    assert covered.labels[2, 2, 2:5].tolist() == [3, 0, 1]
    assert covered.images[0, 2, 2, 2:5].tolist() == [3, 3, 3]
    beside = pasted(_host(own=5), _graft(labels), (2, 2, 1))
    assert beside.labels[2, 2, 1:4].tolist() == [3, 5, 1]
    assert beside.images[0, 2, 2, 1:4].tolist() == [3, 1, 3]


def test_air_and_lacking_sequences_stay_empty() -> None:
    host = _host()
    after = pasted(host, _graft(np.full((2, 2, 2), 2, np.uint8)), (0, 0, 0))
    assert not after.images[1].any()
    assert not after.images[0, 0].any()
    assert np.argwhere(after.labels).tolist() == [[1, 1, 1]]
    assert not host.labels.any()


@settings(max_examples=40, deadline=None)
@given(corner=st.tuples(*[st.integers(-3, size + 1) for size in SHAPE]), weight=st.floats(0, 1))
def test_nothing_outside_of_the_graft_changes(corner: tuple[int, int, int], weight: float) -> None:
    host = _host(own=1)
    after = pasted(host, _graft(np.full((2, 3, 3), 2, np.uint8), weight), corner)
    box = tuple(slice(max(0, start), max(0, start + size)) for start, size in zip(corner, (2, 3, 3), strict=True))
    untouched = np.ones(SHAPE, bool)
    untouched[box] = False
    assert np.array_equal(after.images[:, untouched], host.images[:, untouched])
    assert np.array_equal(after.labels[untouched], host.labels[untouched])
    assert (after.labels[box] == 2).sum() == np.count_nonzero(host.brain[box])
    assert np.array_equal(after.images != 0, host.images != 0)


def test_a_tumor_fades_into_its_surroundings_within_the_given_distance() -> None:
    tumor = np.zeros((1, 1, 9), bool)
    tumor[..., 0] = True
    assert fading(tumor, 2.0)[0, 0].tolist() == pytest.approx([1, 2 / 3, 1 / 3, 0, 0, 0, 0, 0, 0])
    assert FADE_MM == 6.0


def test_brightness_is_matched_where_tissues_fade_into_each_other() -> None:
    weight = np.array([[[1, 0.5, 0]]], np.float32)
    healthy = np.array([[[False, True, True]]])
    host, other = np.full((1, 1, 1, 3), 1.0, np.float32), np.full((1, 1, 1, 3), 1.25, np.float32)
    other[..., 0] = 4
    assert blended(host, other, weight, healthy).ravel().tolist() == pytest.approx([3.75, 1, 1])
    assert blended(host, other + 2, weight, healthy).ravel()[0] == pytest.approx(6 - MAX_SHIFT)


def test_a_place_is_inside_the_brain_and_beside_the_tumor_that_is_there() -> None:
    images, labels = head(0, (40, 40, 40))
    scan = Scan(images, labels)
    tumor = np.full((6, 6, 6), 2, np.uint8)
    places = [place_for(tumor, scan, np.array([0.5, 0.5, 0.25]), np.random.default_rng(seed)) for seed in range(20)]
    found = [corner for corner in places if corner is not None]
    assert len(found) > 10
    for corner in found:
        box = tuple(slice(start, start + 6) for start in corner)
        assert np.count_nonzero(scan.brain[box]) >= 0.9 * 216
        assert np.count_nonzero(labels[box]) <= 0.05 * 216
    assert place_for(np.full((30, 30, 30), 2, np.uint8), scan, np.full(3, 0.5), np.random.default_rng(0)) is None


def test_a_wish_is_met_where_there_is_room() -> None:
    images, labels = head(0, (40, 40, 40))
    empty = Scan(images, np.zeros_like(labels))
    corners = [
        place_for(np.ones((3, 3, 3), np.uint8), empty, np.array([0.5, 0.5, 0.25]), np.random.default_rng(seed))
        for seed in range(10)
    ]
    assert np.abs(np.array(corners) - (18, 18, 9)).max() <= 5


def test_a_graft_shows_the_donors_tissue_only_and_keeps_its_parts() -> None:
    images, labels = head(1, (40, 40, 40))
    # Each channel shows one value in the brain: nothing may be mixed in from outside.
    flat = np.where(images != 0, np.float16(2), np.float16(0))
    donor = donor_of(Scan(flat, labels), 1.0)
    assert donor is not None
    graft = turned(donor, 1.0, np.random.default_rng(0))
    np.testing.assert_allclose(graft.images[:, graft.weight > 0.05], 2, rtol=0.02)
    assert set(np.unique(graft.labels)) == {0, 1, 2, 3}
    assert (graft.weight[graft.labels > 0] >= 0.5).all()


def test_the_same_numbers_make_the_same_scan_and_others_another() -> None:
    host, other = Scan(*head(0, (40, 40, 40))), Scan(*head(1, (40, 40, 40)))
    empty = Scan(host.images, np.zeros_like(host.labels))
    donor = donor_of(other, 4.0)
    assert donor is not None
    first, again, second = (transplanted(empty, donor, 4.0, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first.labels.any()
    assert np.array_equal(first.images, again.images)
    assert not np.array_equal(first.images, second.images)


def test_a_scan_without_tumor_gives_none() -> None:
    images, labels = head(0)
    assert donor_of(Scan(images, np.zeros_like(labels)), 1.0) is None
