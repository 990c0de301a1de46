"""Outlines that follow the volumes: least squares by hand, borders within voxels, and what must not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tumorseg.grids import WorkingGrid, probabilities_to_reference, reoriented, to_working, working_grid
from tumorseg.guided import REACH, RIDGE, fit, guided
from tumorseg.volume import FloatArray, Geometry, Volume

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
    """A guide (1, z, y, x) that is bright where tumor is, the coarse voxels (1, z, y, x) that touch it, and grids."""
    tumor = np.zeros(FINE.shape, np.float32)
    tumor[..., : LAST_TUMOR_COLUMN + 1] = 1
    grid = working_grid(FINE, COARSE)
    touched = to_working(Volume(tumor, FINE, "tumor"), grid) > 0
    return (100 + 50 * tumor)[None], touched[None].astype(np.float32), grid


EVERYWHERE = np.ones(FINE.shape, bool)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_functions_are_those_of_ridge_regression_averaged_over_the_neighbors(count: int) -> None:
    probabilities, guides = noise(2, seed=0), noise(count, seed=1)
    alone = by_least_squares(probabilities, guides)
    expected = windows(alone.reshape(-1, *SHAPE)).mean(axis=-1).reshape(alone.shape)
    np.testing.assert_allclose(fit(probabilities, guides), expected, atol=1e-4)


def test_a_border_within_a_voxel_of_the_network_is_found() -> None:
    guide, coarse, grid = halves()
    tumor = guide > 125
    assert ((probabilities_to_reference(coarse, grid) > 0.5) != tumor).any()
    np.testing.assert_array_equal(guided(coarse, guide, EVERYWHERE, grid) > 0.5, tumor)


def test_without_contrast_it_is_interpolation_of_the_smoothed_probabilities() -> None:
    _, coarse, grid = halves()
    smooth = windows(windows(coarse).mean(axis=-1)).mean(axis=-1).astype(np.float32)
    found = guided(coarse, np.full((2, *FINE.shape), 7, np.float32), EVERYWHERE, grid)
    np.testing.assert_allclose(found, probabilities_to_reference(smooth, grid), atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(0.01, 100), offset=st.floats(-100, 100))
def test_brightness_and_contrast_of_a_guide_do_not_matter(scale: float, offset: float) -> None:
    guide, coarse, grid = halves()
    guide = guide + np.random.default_rng(0).normal(0, 5, guide.shape).astype(np.float32)
    changed = (scale * (guide + offset)).astype(np.float32)
    expected = guided(coarse, guide, EVERYWHERE, grid)
    np.testing.assert_allclose(guided(coarse, changed, EVERYWHERE, grid), expected, atol=1e-3)


def test_results_are_probabilities_even_where_a_guide_is_far_out() -> None:
    guide, coarse, grid = halves()
    guide[0, 5, 5, 5], guide[0, 9, 9, 25] = 1e4, -1e4
    found = guided(coarse, guide, EVERYWHERE, grid)
    assert (found.min(), found.max()) == (0, 1)
    assert found.dtype == np.float32


def test_what_lies_outside_the_brain_does_not_matter() -> None:
    guide, coarse, grid = halves()
    brain = EVERYWHERE.copy()
    brain[:8] = False
    skull = np.where(brain, guide, np.random.default_rng(0).normal(0, 500, guide.shape)).astype(np.float32)
    np.testing.assert_array_equal(guided(coarse, skull, brain, grid), guided(coarse, guide, brain, grid))


def test_a_fit_depends_on_no_voxel_further_away_than_its_reach() -> None:
    random = np.random.default_rng(0)
    probabilities, guides = random.random((2, 2, 12, 12, 12), np.float32)
    part = (slice(None), *[slice(2, 10)] * 3)
    whole, alone = fit(probabilities, guides), fit(probabilities[part], guides[part])
    same = np.isclose(whole[(slice(None), *part)], alone, atol=1e-5).all(axis=(0, 1))
    inner = np.zeros_like(same)
    inner[(slice(REACH, -REACH),) * 3] = True
    assert same[inner].all()
    assert not same[~inner].any()


@pytest.mark.parametrize(
    "direction",
    [(-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)],
    ids=["flipped", "swapped"],
)
def test_order_and_direction_of_the_axes_do_not_matter(direction: tuple[float, ...]) -> None:
    turned = Geometry((28, 24, 26), direction=direction)
    grid = working_grid(turned, COARSE)
    guide = np.random.default_rng(0).normal(size=turned.shape).astype(np.float32)
    share = to_working(Volume((guide > 1).astype(np.float32), turned, "tumor"), grid)[None]
    found = guided(share, guide[None], np.ones(turned.shape, bool), grid)[0]
    ordered = working_grid(turned, (1.0, 1.0, 1.0)).working
    straight = reoriented(guide, turned, ordered)[None]
    expected = guided(share, straight, np.ones(ordered.shape, bool), replace(grid, reference=ordered))[0]
    np.testing.assert_allclose(found, reoriented(expected, ordered, turned), atol=1e-5)
