"""The patch's shape: exact cuts and mirrors, and one interpolation for scale, rotation and displacement together."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tumorseg_training.augment_draw import Draw, rotation_matrix
from tumorseg_training.augment_shape import cut_for, resized, shaped

PATCH = (6, 8, 10)
RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, 4, (12, 14, 16)).astype(np.uint8)
IMAGES = np.stack([LABELS, RANDOM.normal(size=LABELS.shape)]).astype(np.float16)


def _patch(draw: Draw, images: np.ndarray = IMAGES, labels: np.ndarray = LABELS) -> tuple[np.ndarray, np.ndarray]:
    cut = cut_for(draw, PATCH, images, labels, range(len(images)))
    patch, truth = shaped(cut, draw, PATCH)
    return patch.numpy(), truth.numpy()


def test_without_changes_a_patch_is_a_piece_of_the_case() -> None:
    patch, truth = _patch(Draw((2, 3, 4), PATCH))
    np.testing.assert_array_equal(patch, IMAGES[:, 2:8, 3:11, 4:14].astype(np.float32))
    np.testing.assert_array_equal(truth, LABELS[2:8, 3:11, 4:14])
    assert (patch.dtype, truth.dtype) == (np.float32, np.uint8)


def test_outside_the_case_there_is_nothing() -> None:
    patch, truth = _patch(Draw((-2, 8, 10), PATCH))
    np.testing.assert_array_equal(truth[2:, :6, :6], LABELS[:4, 8:, 10:])
    assert not patch[:, :2].any()
    assert not truth[:, 6:].any()
    assert not _patch(Draw((100, 0, 0), PATCH))[0].any()


def test_channels_are_taken_in_the_wanted_order() -> None:
    cut = cut_for(Draw((0, 0, 0), PATCH), PATCH, IMAGES, LABELS, (1, 0))
    np.testing.assert_array_equal(cut.images[1], IMAGES[0, :6, :8, :10])


def test_mirroring_reverses_the_named_axes_and_twice_is_nothing() -> None:
    plain, truth = _patch(Draw((2, 3, 4), PATCH))
    mirrored, mirrored_truth = _patch(Draw((2, 3, 4), PATCH, mirrored=(True, False, True)))
    np.testing.assert_array_equal(mirrored, plain[:, ::-1, :, ::-1])
    np.testing.assert_array_equal(mirrored_truth[::-1, :, ::-1], truth)


@pytest.mark.parametrize("mirrored", [(False, False, False), (True, True, False)])
def test_a_rotation_by_nothing_is_the_same_piece(mirrored: tuple[bool, bool, bool]) -> None:
    plain = Draw((2, 3, 4), PATCH, mirrored=mirrored)
    patch, truth = _patch(replace(plain, rotation=rotation_matrix(0, 0, 0)))
    np.testing.assert_allclose(patch, _patch(plain)[0], atol=1e-5)
    np.testing.assert_array_equal(truth, _patch(plain)[1])


def test_a_quarter_turn_about_z_swaps_the_other_axes() -> None:
    draw = Draw((0, 0, 0), (6, 8, 8), rotation=rotation_matrix(np.pi / 2, 0, 0))
    cut = cut_for(draw, (6, 8, 8), IMAGES, LABELS, range(2))
    patch, truth = shaped(cut, draw, (6, 8, 8))
    np.testing.assert_array_equal(truth, np.rot90(LABELS[:6, :8, :8], 1, axes=(1, 2)))
    np.testing.assert_allclose(patch[1], np.rot90(IMAGES[1, :6, :8, :8], 1, axes=(1, 2)), atol=1e-4)


def test_labels_turn_with_the_images() -> None:
    labels = np.zeros((24, 24, 24), np.uint8)
    labels[8:16, 8:16, 8:16] = 3
    turn = rotation_matrix(0.4, 0.2, -0.3)
    draw = Draw((9, 8, 7), PATCH, mirrored=(True, False, False), rotation=turn, elastic=1.0, seed=5)
    turned, truth = _patch(draw, labels[None].astype(np.float16), labels)
    sure = np.abs(turned[0] - 1.5) > 1.2  # away from the interpolated surface
    np.testing.assert_array_equal(truth[sure] == 3, turned[0][sure] > 1.5)
    assert set(np.unique(truth)) <= {0, 3}
    assert 0 < np.count_nonzero(truth) < truth.size


def test_the_cut_of_a_turned_patch_holds_all_that_it_shows() -> None:
    draw = Draw((3, 3, 3), PATCH, rotation=rotation_matrix(0.5, 0.5, 0.5))
    whole = cut_for(replace(draw, elastic=20.0), PATCH, IMAGES, LABELS, range(2))
    assert whole.images.shape[1:] == LABELS.shape
    np.testing.assert_allclose(_patch(draw)[0], shaped(whole, draw, PATCH)[0], atol=1e-4)


def test_another_scale_shows_another_part_of_space() -> None:
    ramp = np.broadcast_to(np.arange(32, dtype=np.float16), (32, 32, 32))
    draw = Draw((4, 4, 4), (12, 16, 20))  # twice the patch
    patch, truth = _patch(draw, ramp[None], (ramp > 13.4).astype(np.uint8))
    np.testing.assert_allclose(patch[0, 0, 0], 4 + 2 * np.arange(10) + 0.5, atol=1e-3)
    np.testing.assert_array_equal(truth[0, 0], [0, 0, 0, 0, 0, 1, 1, 1, 1, 1])


def test_scaling_and_rotating_by_nothing_equal_scaling_alone() -> None:
    draw = Draw((2, 2, 2), (9, 10, 12))
    turned = _patch(replace(draw, rotation=rotation_matrix(0, 0, 0)))[0]
    inside = (slice(None), *[slice(1, -1)] * 3)  # at the faces, one repeats the last voxel, the other sees the next
    np.testing.assert_allclose(turned[inside], _patch(draw)[0][inside], atol=1e-3)


def test_displacements_are_smooth_and_repeatable() -> None:
    ramp = np.broadcast_to(np.arange(32, dtype=np.float16)[:, None, None], (32, 32, 32))
    draw = Draw((12, 12, 11), PATCH, elastic=1.0, seed=3)
    bent, again = (_patch(draw, ramp[None], np.zeros((32, 32, 32), np.uint8))[0] for _ in range(2))
    np.testing.assert_array_equal(bent, again)
    moved = bent[0] - np.arange(12, 18)[:, None, None]
    assert 0.05 < np.abs(moved).max() <= 3
    assert np.abs(np.diff(moved, axis=2)).max() < 1


def test_stretching_keeps_the_mean_of_a_ramp() -> None:
    ramp = torch.arange(10.0).expand(1, 4, 4, 10)
    assert resized(ramp, (8, 8, 20)).mean() == pytest.approx(4.5)
