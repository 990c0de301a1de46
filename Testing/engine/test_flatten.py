"""Flattening: what a coil adds is taken out exactly, what a tumor is stays, and the units do not matter."""

import numpy as np
import pytest
from scipy import ndimage

from tumorseg import flatten
from tumorseg.flatten import flattened
from tumorseg.volume import BoolArray, FloatArray

SHAPE = (24, 30, 26)


@pytest.fixture
def brain() -> BoolArray:
    """An ellipsoid (z, y, x), not in the middle of its array."""
    z, y, x = np.meshgrid(*map(np.arange, SHAPE), indexing="ij")
    return ((z - 11) / 10) ** 2 + ((y - 16) / 12) ** 2 + ((x - 13) / 11) ** 2 <= 1


@pytest.fixture
def tissue(brain: BoolArray) -> FloatArray:
    """Noise about 100, standard deviation 10, in the brain; 0 outside."""
    noise = np.random.default_rng(0).normal(100, 10, SHAPE).astype(np.float32)
    return np.where(brain, noise, np.float32(0))


def _places(brain: BoolArray) -> list[FloatArray]:
    """Place (z, y, x) of each voxel from the middle of the brain, in voxels, three arrays that broadcast."""
    middles = np.argwhere(brain).mean(axis=0)
    return list(np.ogrid[tuple(slice(-middle, size - middle) for middle, size in zip(middles, SHAPE, strict=True))])


def test_a_coil_in_front_and_a_bright_middle_are_taken_out(brain: BoolArray, tissue: FloatArray) -> None:
    z, y, x = _places(brain)
    coil = 4 * y - z + 0.1 * y * y - 0.05 * z * z + 0.1 * z * y - 0.08 * x * x
    shaded = np.where(brain, tissue + coil, 0).astype(np.float32)
    np.testing.assert_allclose(flattened(shaded, brain), flattened(tissue, brain), atol=2e-3)
    assert flattened(shaded, brain)[brain].std() < 11 < 20 < shaded[brain].std()


def test_one_side_that_is_brighter_stays_brighter(brain: BoolArray, tissue: FloatArray) -> None:
    x = np.broadcast_to(_places(brain)[2], SHAPE)
    tilted = np.where(brain, tissue + 3 * x, 0).astype(np.float32)
    slope = np.polyfit(x[brain], flattened(tilted, brain)[brain], 1)[0]
    assert slope == pytest.approx(3, abs=0.1)


def test_a_tumor_does_not_pull_the_surface(brain: BoolArray, tissue: FloatArray) -> None:
    tumor = np.zeros(SHAPE, bool)
    tumor[6:13, 18:25, 15:21] = True
    tumor &= brain
    with_tumor = np.where(tumor, np.float32(200), tissue)
    rest = brain & ~tumor
    moved = np.abs(flattened(with_tumor, brain) - flattened(tissue, brain))[rest]
    assert moved.max() < 2.5  # a quarter of the tissue's deviation
    assert flattened(with_tumor, brain)[tumor].mean() == pytest.approx(200, abs=2.5)


def test_what_is_bright_in_many_places_in_front_does_not_pull_the_rest(brain: BoolArray, tissue: FloatArray) -> None:
    front = np.broadcast_to(_places(brain)[1] > 0, SHAPE)
    bright = brain & front & (np.random.default_rng(1).random(SHAPE) < 0.4)
    moved = flattened(np.where(bright, tissue + np.float32(90), tissue), brain) - tissue
    y = np.broadcast_to(_places(brain)[1], SHAPE)
    slope = np.polyfit(y[brain & ~bright], moved[brain & ~bright], 1)[0]
    assert abs(slope) < 0.5  # 1.5 if residuals are not taken from their median


def test_the_surface_of_the_brain_takes_no_part(brain: BoolArray, tissue: FloatArray) -> None:
    inside = ndimage.binary_erosion(brain, iterations=2)
    front = np.broadcast_to(_places(brain)[1] > 0, SHAPE)
    fluid = np.where(brain & ~inside & front, np.float32(60), tissue)
    np.testing.assert_array_equal(flattened(fluid, brain)[inside], flattened(tissue, brain)[inside])
    assert inside.sum() > 0.3 * brain.sum()


def test_a_brain_that_is_all_surface_is_flattened_too() -> None:
    slab = np.zeros(SHAPE, bool)
    slab[10:13] = True
    y = np.arange(SHAPE[1], dtype=np.float32)[None, :, None]
    flat = flattened(np.where(slab, 100 + 3 * y, np.float32(0)), slab)
    assert np.ptp(flat[slab]) < 0.01


def test_the_fit_has_settled(brain: BoolArray, tissue: FloatArray, monkeypatch: pytest.MonkeyPatch) -> None:
    bright = brain & (np.random.default_rng(1).random(SHAPE) < 0.3) & np.broadcast_to(_places(brain)[1] > 0, SHAPE)
    volume = np.where(bright, tissue + np.float32(60), tissue)
    usual = flattened(volume, brain)
    monkeypatch.setattr(flatten, "ROUNDS", 60)
    np.testing.assert_allclose(flattened(volume, brain), usual, atol=0.05)  # 1.1 off after 5 rounds


@pytest.mark.parametrize(("scale", "shift"), [(0.01, 0.0), (30.0, 0.0), (1.0, -100.0), (2.0, 500.0)])
def test_other_units_give_the_same_in_those_units(
    scale: float, shift: float, brain: BoolArray, tissue: FloatArray
) -> None:
    other = np.where(brain, tissue * scale + shift, 0).astype(np.float32)
    expected = np.where(brain, flattened(tissue, brain) * scale + shift, 0)
    np.testing.assert_allclose(flattened(other, brain), expected, rtol=1e-4, atol=1e-4 * scale)


def test_mirroring_left_and_right_commutes(brain: BoolArray, tissue: FloatArray) -> None:
    # An odd length, so that every second voxel is the same ones from either side.
    cut = (slice(None), slice(None), slice(0, 25))
    once = flattened(tissue[cut], brain[cut])
    mirrored = flattened(tissue[cut][..., ::-1], brain[cut][..., ::-1])[..., ::-1]
    np.testing.assert_allclose(mirrored, once, atol=1e-3)


def test_outside_of_the_brain_all_is_0(brain: BoolArray, tissue: FloatArray) -> None:
    skull = np.where(brain, tissue, np.float32(500))
    np.testing.assert_array_equal(flattened(skull, brain), flattened(tissue, brain))
    assert not flattened(skull, brain)[~brain].any()
    assert flattened(skull, brain).dtype == np.float32


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_constant_volume_stays_as_it_is(value: float, brain: BoolArray) -> None:
    constant = np.where(brain, np.float32(value), np.float32(0))
    np.testing.assert_allclose(flattened(constant, brain), constant, atol=1e-5)


@pytest.mark.parametrize("voxel", [(1, 1, 1), (2, 2, 2)])
def test_a_brain_of_one_voxel_stays_as_it_is(voxel: tuple[int, int, int]) -> None:
    mask = np.zeros((4, 4, 4), bool)
    mask[voxel] = True
    channel = np.arange(64, dtype=np.float32).reshape(4, 4, 4)
    result = flattened(channel, mask)
    assert result[voxel] == channel[voxel]
    assert np.count_nonzero(result) == 1
