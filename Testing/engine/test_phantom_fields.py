"""The building blocks: noise fields, bodies, grids and the displacement."""

from __future__ import annotations

import numpy as np
import pytest

from tumorseg.phantom.foci import Focus
from tumorseg.phantom.mass_effect import tissue_origins
from tumorseg.phantom.noise import noise_field, stream
from tumorseg.phantom.shapes import coverage, ellipsoid, smooth_union, tube
from tumorseg.phantom.space import FIELD_GRID, Grid, brain_box, image_grid

SMALL = Grid(shape=(12, 14, 16), spacing=(3.0, 3.0, 3.0), first=(-18.0, -20.0, -24.0))


def points(*positions: tuple[float, float, float]) -> np.ndarray:
    return np.array(positions, dtype=np.float32).T


@pytest.mark.parametrize("band_pass", [False, True])
def test_noise_has_zero_mean_and_unit_variance(band_pass: bool) -> None:
    values = noise_field(stream(1, "test"), 12.0, band_pass).on_grid(FIELD_GRID)
    assert abs(values.mean()) < 0.1
    assert values.std() == pytest.approx(1.0, abs=0.1)


def test_noise_is_the_same_on_a_grid_and_at_points() -> None:
    field = noise_field(stream(1, "test"), 20.0)
    z, y, x = np.broadcast_arrays(*SMALL.mesh())
    np.testing.assert_allclose(field.on_grid(SMALL), field.at(z, y, x), atol=1e-4)


def test_noise_streams_are_independent_of_one_another() -> None:
    assert stream(1, "a").random() != stream(1, "b").random()
    assert stream(1, "a").random() == stream(1, "a").random()


def test_ellipsoid_distance_is_exact_for_a_ball() -> None:
    z, y, x = points((0, 0, 0.001), (0, 0, 5), (0, 13, 0), (20, 0, 0))
    np.testing.assert_allclose(ellipsoid((z, y, x), (0, 0, 0), (10, 10, 10)), [-10, -5, 3, 10], atol=0.05)


def test_tube_distance_follows_its_radius() -> None:
    z, y, x = points((0, 0, 0), (10, 0, 0), (10, 4, 0))
    distances = tube((z, y, x), [(0, 0, 0), (0, 0, 10)], [1.0, 3.0])
    np.testing.assert_allclose(distances, [-1, -3, 1], atol=1e-5)


def test_smooth_union_never_lies_outside_the_plain_union() -> None:
    first, second = np.float32([3, 0.5, -2]), np.float32([-1, 0.5, 4])
    merged = smooth_union([first, second], 2.0)
    assert (merged <= np.minimum(first, second)).all()
    np.testing.assert_allclose(merged[[0, 2]], [-1, -2])


def test_coverage_is_half_at_the_border() -> None:
    np.testing.assert_allclose(coverage(np.float32([-2, 0, 0.25, 2]), 1.0), [1, 0.5, 0.25, 0])


def test_brain_box_lies_inside_the_field_grid_and_keeps_positions() -> None:
    grid = image_grid((155, 240, 240), 1.0)
    box, cropped = brain_box(grid)
    for axis, part, inner, field in zip(grid.axes(), box, cropped.axes(), FIELD_GRID.axes(), strict=True):
        np.testing.assert_allclose(axis[part], inner, atol=1e-3)
        assert field[0] <= inner[0] <= inner[-1] <= field[-1]


def test_tissue_is_pushed_away_from_a_focus() -> None:
    here = points((0, 0, 10), (0, 0, 200))
    deep = np.float32([-50, -50])
    origins = tissue_origins(here, [Focus((0.0, 0.0, 0.0), 10.0)], 0.5, deep)
    assert 0 < origins[2, 0] < 10
    np.testing.assert_allclose(origins[:, 1], here[:, 1], atol=1e-3)


def test_tissue_stays_at_the_skull_and_without_mass_effect() -> None:
    here = points((0, 0, 10))
    focus = [Focus((0.0, 0.0, 0.0), 10.0)]
    np.testing.assert_array_equal(tissue_origins(here, focus, 1.0, np.float32([0])), here)
    np.testing.assert_allclose(tissue_origins(here, focus, 0.0, np.float32([-50])), here, atol=1e-4)
