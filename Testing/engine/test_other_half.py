"""The other half of the brain: symmetric brains show nothing, a tumor on one side shows itself."""

import numpy as np
import pytest

from tumorseg.other_half import SMOOTH_MM, mirror_columns, mirrored, opposite, with_other_half

SHAPE = (24, 30, 33)
ISOTROPIC = (2.0, 2.0, 2.0)


def _brain(middle: float = 16.0, slope: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A ball around a column, or around one that moves by ``slope`` columns per row, and the distance to it."""
    z, y, x = np.indices(SHAPE, dtype=np.float32)
    across = x - middle - slope * (y - 15)
    return ((z - 12) / 11) ** 2 + ((y - 15) / 13) ** 2 + (across / 13) ** 2 < 1, across


def _symmetric(brain: np.ndarray, across: np.ndarray) -> np.ndarray:
    """One channel (1, z, y, x), brighter away from the middle."""
    return ((2 + np.abs(across) / 5) * brain)[None].astype(np.float32)


@pytest.mark.parametrize(("middle", "slope"), [(16.0, 0.0), (18.0, 0.0), (15.5, 0.0), (16.0, 0.2)])
def test_a_symmetric_brain_does_not_differ_from_its_other_half(middle: float, slope: float) -> None:
    brain, across = _brain(middle, slope)
    flat = brain[None].astype(np.float32)
    # What is flat stays so to the brain's surface, wherever it lies and however it is tilted.
    np.testing.assert_allclose(opposite(flat, brain, ISOTROPIC), flat, atol=1e-5)
    channels = _symmetric(brain, across)
    deep = brain & (np.abs(across) < 8) & (np.abs(across) > 4)
    np.testing.assert_allclose(opposite(channels, brain, ISOTROPIC)[0][deep], channels[0][deep], atol=0.25)


def test_a_tumor_differs_from_what_lies_opposite() -> None:
    brain, across = _brain()
    channels = _symmetric(brain, across)
    tumor = np.zeros(SHAPE, bool)
    tumor[9:16, 11:19, 20:26] = True
    sick = channels + 3 * tumor
    differences = with_other_half(sick, brain, ISOTROPIC)[1]
    assert differences[tumor].mean() > 2.5
    assert differences[tumor[..., ::-1]].mean() < -1
    np.testing.assert_array_equal(with_other_half(sick, brain, ISOTROPIC)[:1], sick)


def test_the_difference_of_a_mirrored_brain_is_the_mirrored_difference() -> None:
    brain, _ = _brain()
    noise = (np.random.default_rng(0).normal(size=(2, *SHAPE)) * brain).astype(np.float32)
    straight = with_other_half(noise, brain, ISOTROPIC)
    turned = with_other_half(np.ascontiguousarray(noise[..., ::-1]), np.ascontiguousarray(brain[..., ::-1]), ISOTROPIC)
    np.testing.assert_allclose(turned[..., ::-1], straight, atol=1e-5)


def test_what_has_nothing_opposite_is_compared_with_itself() -> None:
    brain = np.ones(SHAPE, bool)
    brain[6:18, 8:22, :8] = False  # cut off on one side
    channels = (np.random.default_rng(0).normal(size=(1, *SHAPE)) * brain).astype(np.float32)
    facing = (0, slice(10, 14), slice(13, 17), slice(29, 33))
    found = opposite(channels, brain, ISOTROPIC)
    np.testing.assert_array_equal(found[facing], channels[facing])
    beside = (0, slice(0, 4), slice(4, 26), slice(4, 29))
    assert (found[beside] != channels[beside]).all()


def test_nothing_appears_outside_the_brain_or_in_an_absent_sequence() -> None:
    brain, across = _brain()
    channels = np.concatenate([_symmetric(brain, across), np.zeros((1, *SHAPE), np.float32)])
    found = with_other_half(channels, brain, ISOTROPIC)
    assert not found[:, ~brain].any()
    assert not found[[1, 3]].any()
    assert found.dtype == np.float32


@pytest.mark.parametrize("spacing", [ISOTROPIC, (1.0, 2.0, 3.0)], ids=str)
def test_a_part_is_that_of_the_whole(spacing: tuple[float, float, float]) -> None:
    brain, _ = _brain(slope=0.1)
    noise = (np.random.default_rng(0).normal(size=(2, *SHAPE)) * brain).astype(np.float16)
    box = (slice(0, 9), slice(11, 20), slice(14, 33))
    expected = opposite(noise, brain, spacing)[(slice(None), *box)]
    part = opposite(noise, brain, spacing, box)
    np.testing.assert_allclose(part, expected, atol=1e-6)
    assert part.dtype == np.float32


def test_smoothing_is_as_wide_on_any_grid() -> None:
    """A bright plane across the brain keeps its sum; its standard deviation in mm does not depend on the voxel size."""
    for spacing in (ISOTROPIC, (2.0, 2.0, 1.0)):
        brain = np.ones((60, 8, 9), bool)
        plane = np.zeros((1, *brain.shape), np.float32)
        plane[0, 30] = 1
        profile = opposite(plane, brain, spacing)[0, :, 4, 4]
        assert profile.sum() == pytest.approx(1, abs=1e-3)
        width = np.sqrt((profile * ((np.arange(60) - 30) * spacing[2]) ** 2).sum())
        # A Gaussian that ends at two standard deviations is narrower: 0.88 of its width.
        assert width == pytest.approx(0.88 * SMOOTH_MM, rel=0.1)


def test_a_brain_of_two_voxels_has_no_other_half() -> None:
    brain = np.zeros((4, 4, 4), bool)
    brain[1, 1, 1:3] = True
    channels = brain[None].astype(np.float32)
    assert mirror_columns(brain, (slice(0, 4),) * 3) is None
    assert not with_other_half(channels, brain, ISOTROPIC)[1].any()


def test_columns_beyond_the_grid_are_empty() -> None:
    brain = np.zeros((4, 4, 10), bool)
    brain[..., 6:] = True  # mirrored about column 7.5
    columns = mirror_columns(brain, (slice(0, 4), slice(0, 4), slice(3, 10)))
    assert columns is not None
    assert columns[0, 0].tolist() == [-1, -1, -1, 9, 8, 7, 6]
    values = np.broadcast_to(np.arange(1, 11), (1, 4, 4, 10))
    assert mirrored(values, columns)[0, 0, 0].tolist() == [0, 0, 0, 10, 9, 8, 7]
