"""The brain's part of a case: the same voxels as cropping the whole grid would give, on any grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from support.cases import small_case
from tumorseg.brain_crop import BrainCrop, crop_to_brain
from tumorseg.errors import BadInputError
from tumorseg.grids import WorkingGrid, probabilities_to_reference, to_working, working_grid
from tumorseg.normalise import Box, network_input
from tumorseg.other_half import with_other_half
from tumorseg.volume import FloatArray, Geometry, Triple, Volume

OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, -1.0)
GRIDS = {
    "small brain": Geometry((40, 44, 48), (-10.0, 5.0, 30.0)),
    "turned": Geometry((44, 40, 48), direction=(0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)),
    "oblique": Geometry((40, 44, 48), direction=OBLIQUE),
    "thick slices": Geometry((14, 44, 48), spacing=(1.0, 1.0, 2.9)),
}


def volumes_on(geometry: Geometry, radius: float = 9.0) -> list[Volume]:
    """Noise in a ball whose centre is away from that of the grid, 0 outside."""
    where = np.indices(geometry.shape).T.reshape(-1, 3) * geometry.spacing[::-1]
    near = np.linalg.norm(where - where.mean(axis=0) + (2, -3, 4), axis=1) < radius
    ball = near.reshape(geometry.shape[::-1]).T
    return [replace(v, array=np.where(ball, v.array + 50, 0).astype(np.float32)) for v in small_case(geometry).values()]


def cropped(volumes: list[Volume], spacing: Triple, mask: Volume | None = None) -> BrainCrop:
    return crop_to_brain(volumes, volumes[0].geometry, spacing, "zscore-brain", mask)


def of_whole_grid(volumes: list[Volume], spacing: Triple) -> tuple[WorkingGrid, FloatArray, Box]:
    grid = working_grid(volumes[0].geometry, spacing)
    filled = Volume((volumes[0].array != 0).astype(np.float32), volumes[0].geometry, "brain")
    # Without rounding, 1e-6 is where any interpolated volume differs from 0.
    coarse = any(np.greater(volumes[0].geometry.spacing, spacing))
    brain = to_working(filled, grid) >= (0.5 if coarse else 1e-6)
    expected, box = network_input([to_working(volume, grid) for volume in volumes], brain)
    return grid, expected, box


def test_what_differs_from_zero_is_brain() -> None:
    volumes = volumes_on(GRIDS["small brain"])
    grid = working_grid(volumes[0].geometry, (2.0, 2.0, 2.0))
    expected, box = network_input([to_working(volume, grid) for volume in volumes])
    crop = cropped(volumes, (2.0, 2.0, 2.0))
    np.testing.assert_array_equal(crop.channels, expected)
    assert crop.grid.working.matches(grid.working.crop(box))


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (1.3, 0.9, 2.1)], ids=str)
def test_the_network_gets_what_the_whole_grid_would_give(name: str, spacing: Triple) -> None:
    volumes = volumes_on(GRIDS[name])
    crop = cropped(volumes, spacing)
    grid, expected, box = of_whole_grid(volumes, spacing)
    np.testing.assert_allclose(crop.channels, expected, atol=1e-4)
    assert crop.grid.working.matches(grid.working.crop(box))


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0)], ids=str)
def test_what_comes_back_is_what_the_whole_grid_would_give(name: str, spacing: Triple) -> None:
    volumes = volumes_on(GRIDS[name])
    crop = cropped(volumes, spacing)
    grid, expected, box = of_whole_grid(volumes, spacing)
    whole = np.zeros((len(expected), *grid.working.shape), np.float32)
    whole[(slice(None), *box)] = expected
    wanted = probabilities_to_reference(whole, grid) * (volumes[0].array != 0)
    found = np.zeros_like(wanted)
    found[(slice(None), *crop.box)] = probabilities_to_reference(crop.channels, crop.grid) * crop.brain
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0)], ids=str)
def test_a_brain_that_fills_the_field_of_view_is_not_cut(spacing: Triple) -> None:
    volumes = volumes_on(Geometry((20, 22, 24)), radius=99.0)
    crop = cropped(volumes, spacing)
    assert crop.brain.shape == (20, 22, 24)
    assert crop.brain.all()
    assert crop.working_brain.all()


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0)], ids=str)
def test_a_brain_mask_counts_instead_of_what_is_not_zero(spacing: Triple) -> None:
    volumes = volumes_on(GRIDS["small brain"], radius=99.0)
    inside = np.zeros(volumes[0].array.shape, np.float32)
    inside[10:20, 12:24, 14:28] = 1
    crop = cropped(volumes, spacing, Volume(inside, volumes[0].geometry, "mask"))
    assert crop.box == (slice(6, 24), slice(8, 28), slice(10, 32))
    assert np.count_nonzero(crop.brain) == 10 * 12 * 14
    grid = working_grid(volumes[0].geometry, spacing)
    mask = to_working(Volume(inside, volumes[0].geometry, "mask"), grid) >= 0.5
    expected, _ = network_input([to_working(volume, grid) for volume in volumes], mask)
    np.testing.assert_allclose(crop.channels, expected, atol=1e-4)


def test_a_brain_mask_keeps_its_volume_on_a_coarser_grid() -> None:
    geometry = Geometry((64, 64, 64))
    # Its centre lies on no voxel, so that its surface cuts them in all ways.
    distances = np.linalg.norm(np.indices(geometry.shape).T - 31.7, axis=-1)
    mask = Volume((distances < 20).astype(np.float32), geometry, "mask")
    crop = cropped(volumes_on(geometry, radius=99.0), (2.0, 2.0, 2.0), mask)
    assert np.count_nonzero(crop.working_brain) * 8 == pytest.approx(np.count_nonzero(mask.array), rel=0.05)


def test_a_mask_that_vanishes_on_the_networks_grid_is_called_empty() -> None:
    volumes = volumes_on(GRIDS["small brain"])
    single = np.zeros(volumes[0].array.shape, np.float32)
    single[20, 20, 20] = 1
    with pytest.raises(BadInputError, match="The brain mask mask is empty on the network's grid"):
        cropped(volumes, (2.0, 2.0, 2.0), Volume(single, volumes[0].geometry, "mask"))


def test_a_brain_of_thick_slices_keeps_its_volume_on_a_finer_grid() -> None:
    geometry = Geometry((20, 80, 80), spacing=(1.0, 1.0, 5.0))
    crop = cropped(volumes_on(geometry, radius=30.0), (2.0, 2.0, 2.0))
    found, brain = np.count_nonzero(crop.working_brain) * 8, np.count_nonzero(crop.brain) * 5
    assert found == pytest.approx(brain, rel=0.05)


@pytest.mark.parametrize("name", ["small brain", "oblique"])
def test_the_difference_from_the_other_half_follows_the_channels(name: str) -> None:
    volumes, spacing = volumes_on(GRIDS[name]), (2.0, 2.0, 2.0)
    plain = cropped(volumes, spacing)
    both = crop_to_brain(volumes, volumes[0].geometry, spacing, "zscore-brain", other_half=True)
    np.testing.assert_array_equal(both.channels, with_other_half(plain.channels, plain.working_brain, spacing))
    assert both.grid == plain.grid
