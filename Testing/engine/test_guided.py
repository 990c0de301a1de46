"""Outlines that follow the volumes: least squares by hand, borders within voxels, and what must not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tumorseg.calibration import calibrated
from tumorseg.grids import WorkingGrid, probabilities_to_reference, reoriented, to_working, working_grid
from tumorseg.guided import HIGHEST, LARGEST, LOWEST, REACH, RIDGE, as_guide, fit, guided, near_tumor
from tumorseg.modelfile import PostProcessing
from tumorseg.tiles import of_all
from tumorseg.volume import FloatArray, Geometry, Triple, Volume

COARSE = (2.0, 2.0, 2.0)
SHAPE = (5, 6, 7)
FINE = Geometry((24, 26, 28), (3.0, -4.0, 5.0))
LAST_TUMOR_COLUMN = 12
"""The border after it lies within a voxel of 2 mm."""


def noise(count: int, seed: int) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(count, *SHAPE)).astype(np.float32)


def windows(maps: NDArray[np.floating]) -> NDArray[np.floating]:
    """The 27 values around each voxel (map, z, y, x, value) of maps (map, z, y, x), the outermost repeated."""
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (1, 1)), mode="edge")
    return sliding_window_view(padded, (3, 3, 3), axis=(1, 2, 3)).reshape(*maps.shape, 27)


def by_least_squares(probabilities: FloatArray, guides: FloatArray) -> NDArray[np.floating]:
    """Offset and slopes (1 + guide, region, z, y, x) of ridge regression, solved anew in each voxel."""
    values, targets = windows(guides), windows(probabilities)
    penalty = np.sqrt(27 * RIDGE) * np.eye(len(guides), 1 + len(guides), 1)
    found = np.empty((1 + len(guides), len(probabilities), *SHAPE))
    for place in np.ndindex(SHAPE):
        inputs = np.vstack([np.column_stack([np.ones(27), values[(slice(None), *place)].T]), penalty])
        wanted = np.vstack([targets[(slice(None), *place)].T, np.zeros((len(guides), len(probabilities)))])
        found[(..., *place)] = np.linalg.lstsq(inputs, wanted, rcond=None)[0]
    return found


def halves() -> tuple[FloatArray, FloatArray, WorkingGrid]:
    """Intensities (z, y, x), bright where tumor is, the coarse voxels (1, z, y, x) that touch it, and both grids."""
    tumor = np.zeros(FINE.shape, np.float32)
    tumor[..., : LAST_TUMOR_COLUMN + 1] = 1
    grid = working_grid(FINE, COARSE)
    touched = to_working(Volume(tumor, FINE, "tumor"), grid) > 0
    return 100 + 50 * tumor, touched[None].astype(np.float32), grid


def followed(coarse: FloatArray, intensities: FloatArray, grid: WorkingGrid) -> FloatArray:
    """All of the reference grid, all of which is brain."""
    guide = as_guide(intensities, np.ones(intensities.shape, bool))
    return guided(coarse, [guide], grid, (slice(None),) * 3)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_functions_are_those_of_ridge_regression_averaged_over_the_neighbors(count: int) -> None:
    probabilities, guides = noise(2, seed=0), noise(count, seed=1)
    alone = by_least_squares(probabilities, guides)
    expected = windows(alone.reshape(-1, *SHAPE)).mean(axis=-1).reshape(alone.shape)
    np.testing.assert_allclose(fit(probabilities, guides), expected, atol=1e-4)


def test_a_border_within_a_voxel_of_the_network_is_found() -> None:
    intensities, coarse, grid = halves()
    tumor = intensities > 125
    assert ((probabilities_to_reference(coarse, grid)[0] > 0.5) != tumor).any()
    np.testing.assert_array_equal(followed(coarse, intensities, grid)[0] > 0.5, tumor)


def test_without_contrast_it_is_interpolation_of_the_smoothed_probabilities() -> None:
    _, coarse, grid = halves()
    smooth = windows(windows(coarse).mean(axis=-1)).mean(axis=-1).astype(np.float32)
    found = followed(coarse, np.full(FINE.shape, 7, np.float32), grid)
    expected = np.clip(probabilities_to_reference(smooth, grid), LOWEST, HIGHEST)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(("contrast", "least", "most"), [(0.03, 0.0, 0.2), (0.3, 0.6, 1.0)])
def test_contrast_counts_and_noise_below_the_ridge_hardly_does(contrast: float, least: float, most: float) -> None:
    """In standard deviations of the brain; the ridge is 0.1 of them."""
    intensities, coarse, grid = halves()
    smooth = followed(coarse, np.full(FINE.shape, 7, np.float32), grid)[0]
    guide = contrast * (intensities - 100) / 50
    found = guided(coarse, [guide.astype(np.float32)], grid, (slice(None),) * 3)[0]
    moved = np.abs(found - smooth).max() / np.abs(followed(coarse, intensities, grid)[0] - smooth).max()
    assert least <= moved <= most


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(0.01, 100), offset=st.floats(-100, 100))
def test_brightness_and_contrast_of_a_guide_do_not_matter(scale: float, offset: float) -> None:
    intensities, coarse, grid = halves()
    intensities = intensities + np.random.default_rng(0).normal(0, 5, FINE.shape).astype(np.float32)
    changed = (scale * (intensities + offset)).astype(np.float32)
    np.testing.assert_allclose(followed(coarse, changed, grid), followed(coarse, intensities, grid), atol=1e-3)


def test_what_lies_outside_the_brain_does_not_matter_and_has_its_mean() -> None:
    intensities, _, _ = halves()
    brain = np.ones(FINE.shape, bool)
    brain[:8] = False
    skull = np.where(brain, intensities, np.random.default_rng(0).normal(0, 500, FINE.shape)).astype(np.float32)
    guide = as_guide(skull, brain)
    np.testing.assert_array_equal(guide, as_guide(intensities, brain))
    assert not guide[:8].any()
    assert guide[brain].mean() == pytest.approx(0, abs=1e-5)
    assert guide[brain].std() == pytest.approx(1, abs=1e-5)


def test_results_are_never_quite_sure_and_far_out_intensities_are_cut_off() -> None:
    intensities, coarse, grid = halves()
    intensities[5, 5, 5:7], intensities[9, 9, 25] = 3e4, -3e4
    guide = as_guide(intensities, np.ones(FINE.shape, bool))
    assert (guide.min(), guide.max()) == (-LARGEST, LARGEST)
    found = guided(coarse, [guide, guide], grid, (slice(None),) * 3)
    assert 0 < found.min() == np.float32(LOWEST)
    assert 1 > found.max() == np.float32(HIGHEST)
    assert found.dtype == np.float32


def test_a_region_that_is_nowhere_stays_nowhere_when_it_is_calibrated() -> None:
    intensities, coarse, grid = halves()
    both = np.concatenate([coarse, np.full_like(coarse, 1e-8)])
    found = guided(both, [intensities / 50], grid, (slice(None),) * 3)
    rules = PostProcessing(thresholds=(0.5, 0.5), temperatures=(1.0, 2.0), biases=(0.0, 0.2))
    assert calibrated(found, rules)[1].max() < 2e-4


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (0.5, 0.5, 3.0), (3.0, 3.0, 3.0)], ids=str)
def test_a_box_has_what_everything_would_have(spacing: Triple) -> None:
    reference = Geometry((30, 32, 34), spacing=spacing)
    grid = working_grid(reference, COARSE)
    random = np.random.default_rng(0)
    coarse = random.random((2, *grid.working.shape), np.float32)
    guides = random.normal(size=(2, *reference.shape)).astype(np.float32)
    box = (slice(11, 17), slice(9, 20), slice(12, 18))
    everything = guided(coarse, guides, grid, (slice(None),) * 3)
    np.testing.assert_allclose(guided(coarse, guides, grid, box), everything[of_all(box)], atol=1e-5)


def test_a_fit_depends_on_no_voxel_further_away_than_its_reach() -> None:
    random = np.random.default_rng(0)
    probabilities, guides = random.random((2, 2, 12, 12, 12), np.float32)
    part = (slice(2, 10),) * 3
    whole, alone = fit(probabilities, guides), fit(probabilities[of_all(part)], guides[of_all(part)])
    same = np.isclose(whole[(slice(None), *of_all(part))], alone, atol=1e-5).all(axis=(0, 1))
    inner = np.zeros_like(same)
    inner[(slice(REACH, -REACH),) * 3] = True
    assert same[inner].all()
    assert not same[~inner].any()


@pytest.mark.parametrize("region", [0, 1])
def test_what_is_near_a_tumor_is_all_that_its_probabilities_reach(region: int) -> None:
    grid = working_grid(Geometry((60, 60, 60)), COARSE)
    coarse = np.zeros((2, *grid.working.shape), np.float32)
    brain = np.ones(grid.working.shape, bool)
    assert near_tumor(coarse, brain, grid) is None
    coarse[region, 15, 15, 10:12] = 0.11
    assert near_tumor(coarse, ~brain, grid) is None
    box = near_tumor(coarse, brain, grid)
    assert box is not None
    everywhere = guided(coarse, np.zeros((1, 60, 60, 60), np.float32), grid, (slice(None),) * 3)
    reached = everywhere.max(axis=0) > 1e-5
    assert reached[box].any()
    reached[box] = False
    assert not reached.any()


def test_a_tumor_at_the_edge_of_the_volume_has_a_box_within_it() -> None:
    grid = working_grid(Geometry((20, 20, 20)), COARSE)
    coarse = np.zeros((1, *grid.working.shape), np.float32)
    coarse[:, 0, 9, 0] = 1
    box = near_tumor(coarse, np.ones(grid.working.shape, bool), grid)
    assert box is not None
    found = guided(coarse, np.zeros((1, 20, 20, 20), np.float32), grid, box)
    assert found.shape[1:] == np.zeros((20, 20, 20))[box].shape


@pytest.mark.parametrize(
    "direction",
    [(-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)],
    ids=["flipped", "swapped"],
)
def test_order_and_direction_of_the_axes_do_not_matter(direction: tuple[float, ...]) -> None:
    turned = Geometry((28, 24, 26), direction=direction)
    grid = working_grid(turned, COARSE)
    intensities = np.random.default_rng(0).normal(size=turned.shape).astype(np.float32)
    share = to_working(Volume((intensities > 1).astype(np.float32), turned, "tumor"), grid)[None]
    found = followed(share, intensities, grid)[0]
    ordered = working_grid(turned, (1.0, 1.0, 1.0)).working
    straight = reoriented(intensities, turned, ordered)
    expected = followed(share, straight, replace(grid, reference=ordered))[0]
    np.testing.assert_allclose(found, reoriented(expected, ordered, turned), atol=1e-5)
