"""The way to the network's grid and back: exact where nothing is resampled, linear elsewhere."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nibabel import orientations
from scipy.spatial.transform import Rotation

from tumorseg.grids import WorkingGrid, box_around, probabilities_to_reference, to_working, working_grid
from tumorseg.volume import Geometry, Volume

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
ALL_48 = [
    np.eye(3)[:, order] * signs for order in map(list, permutations(range(3))) for signs in product((1, -1), repeat=3)
]
MM = (1.0, 1.0, 1.0)

# Hundredths of a degree: next to the smallest float, ITK cannot invert a matrix.
angles = st.tuples(*[st.integers(-18000, 18000).map(lambda number: number / 100)] * 3)
spacings = st.tuples(*[st.floats(0.5, 3)] * 3)
origins = st.tuples(*[st.floats(-100, 100)] * 3)


def grid_of(
    matrix: np.ndarray,
    spacing: tuple[float, float, float] = MM,
    origin: tuple[float, float, float] = (3.0, -4.0, 5.0),
    shape: tuple[int, ...] = (4, 5, 6),
) -> Geometry:
    return Geometry(shape, origin, spacing, tuple(np.asarray(matrix, float).ravel()))


def volume_on(geometry: Geometry, seed: int = 0) -> Volume:
    values = np.random.default_rng(seed).normal(size=geometry.shape).astype(np.float32)
    return Volume(values, geometry, "t1.nii")


def positions(geometry: Geometry) -> np.ndarray:
    """Millimetres (z, y, x, 3) in LPS of all voxels."""
    k, j, i = np.indices(geometry.shape)
    return (np.stack([i, j, k, np.ones_like(i)], axis=-1) @ geometry.index_to_lps.T)[..., :3]


def unambiguous(matrix: np.ndarray) -> bool:
    """Whether each column of direction cosines has a nearest direction of its own."""
    magnitude = np.abs(matrix)
    second, first = np.sort(magnitude, axis=0)[1:]
    return bool((first - second).min() > 0.05) and len(set(magnitude.argmax(axis=0))) == 3


@pytest.mark.parametrize("matrix", ALL_48, ids=str)
def test_each_of_the_48_orientations_there_and_back(matrix: np.ndarray) -> None:
    volume = volume_on(grid_of(matrix))
    grid = working_grid(volume.geometry, MM)
    assert not grid.resampled
    assert grid.working.orientation == "LPS"
    np.testing.assert_allclose(np.reshape(grid.working.direction, (3, 3)), np.eye(3), atol=0)
    array = to_working(volume, grid)
    # Every value is still at the same place in the patient.
    at = {
        tuple(mm.round(6)): value
        for mm, value in zip(positions(grid.working).reshape(-1, 3), array.ravel(), strict=True)
    }
    for mm, value in zip(positions(volume.geometry).reshape(-1, 3), volume.array.ravel(), strict=True):
        assert at[tuple(mm.round(6))] == value
    back = probabilities_to_reference(np.stack([array, 2 * array]), grid)
    assert np.array_equal(back, np.stack([volume.array, 2 * volume.array]))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ALL_48), angles, spacings, origins)
def test_oblique_grids_agree_with_nibabel_and_come_back_exactly(
    matrix: np.ndarray,
    degrees: tuple[float, float, float],
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
) -> None:
    oblique = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() @ matrix
    assume(unambiguous(oblique))
    volume = volume_on(grid_of(oblique, spacing, origin))
    affine = LPS_TO_RAS @ volume.geometry.index_to_lps
    turn = orientations.ornt_transform(nib.io_orientation(affine), orientations.axcodes2ornt("LPS"))
    expected = orientations.apply_orientation(volume.array.T, turn).T
    moved_affine = affine @ orientations.inv_ornt_aff(turn, volume.array.T.shape)

    ordered = tuple(float(size) for size in nib.affines.voxel_sizes(moved_affine))
    grid = working_grid(volume.geometry, ordered)
    assert not grid.resampled
    assert np.array_equal(to_working(volume, grid), expected)
    np.testing.assert_allclose(LPS_TO_RAS @ grid.working.index_to_lps, moved_affine, atol=1e-6)
    assert np.array_equal(probabilities_to_reference(expected[None], grid)[0], volume.array)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ALL_48), st.sampled_from([45, 135, -45]), st.sampled_from("xyz"))
def test_grids_halfway_between_directions_come_back_exactly(matrix: np.ndarray, degrees: int, axis: str) -> None:
    volume = volume_on(grid_of(Rotation.from_euler(axis, degrees, degrees=True).as_matrix() @ matrix))
    grid = working_grid(volume.geometry, MM)
    assert np.array_equal(probabilities_to_reference(to_working(volume, grid)[None], grid)[0], volume.array)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(ALL_48), angles, spacings, origins, st.tuples(*[st.floats(-1, 1)] * 3))
def test_resampling_keeps_a_linear_ramp_and_the_centre(
    matrix: np.ndarray,
    degrees: tuple[float, float, float],
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
    slope: tuple[float, float, float],
) -> None:
    oblique = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() @ matrix
    geometry = grid_of(oblique, spacing, origin, (12, 13, 14))
    ramp = Volume((positions(geometry) @ slope).astype(np.float32), geometry, "ramp")
    grid = working_grid(geometry, (1.3, 0.9, 1.1))
    assume(grid.resampled)
    assert grid.working.spacing == (1.3, 0.9, 1.1)
    np.testing.assert_allclose(grid.working.corners_lps().mean(axis=0), geometry.corners_lps().mean(axis=0), atol=1e-6)
    array = to_working(ramp, grid)
    where = positions(grid.working)
    np.testing.assert_allclose(array[inside(where, geometry)], (where @ slope)[inside(where, geometry)], atol=1e-2)
    back = probabilities_to_reference(array[None], grid)[0]
    core = (slice(4, -4),) * 3
    np.testing.assert_allclose(back[core], ramp.array[core], atol=1e-2)


def inside(points: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Which points lie between the voxel centres of a grid."""
    index = (points - geometry.origin) @ np.linalg.inv(geometry.index_to_lps[:3, :3]).T
    return np.all((index >= 0) & (index <= np.array(geometry.shape[::-1]) - 1), axis=-1)


@pytest.mark.parametrize(("spacing", "resampled"), [(1.009, False), (0.991, False), (1.011, True), (0.989, True)])
def test_one_percent_of_spacing_is_the_limit(spacing: float, resampled: bool) -> None:
    geometry = Geometry((4, 5, 6), spacing=(1.0, 1.0, spacing))
    grid = working_grid(geometry, MM)
    assert grid.resampled is resampled
    assert grid.working.spacing == (MM if resampled else geometry.spacing)


def test_brats_geometry_is_used_as_it_is() -> None:
    geometry = Geometry((155, 240, 240), (0.0, -239.0, 0.0))
    grid = working_grid(geometry, MM)
    assert grid.working == grid.reference == geometry
    volume = Volume(np.zeros(geometry.shape, np.float32), geometry, "t1.nii")
    assert np.shares_memory(to_working(volume, grid), volume.array)


def test_model_spacing_belongs_to_patient_axes_not_to_index_axes() -> None:
    # Index axis x runs from head to foot, with 5 mm slices.
    sagittal = grid_of(np.eye(3)[:, [2, 0, 1]] * (-1, 1, 1), spacing=(5.0, 1.0, 2.0))
    grid = working_grid(sagittal, (1.0, 2.0, 5.0))
    assert not grid.resampled
    assert grid.working.shape == (6, 4, 5)


def test_resampled_grid_covers_the_reference_without_an_extra_voxel() -> None:
    geometry = Geometry((34, 512, 512), spacing=(0.46875, 0.46875, 5.0))
    grid = working_grid(geometry, MM)
    assert grid.working.shape == (170, 240, 240)
    assert grid.working.origin == pytest.approx((0.265625, 0.265625, -2.0))


def test_a_spacing_that_a_file_rounded_makes_no_extra_voxel() -> None:
    stored = float(np.float32(0.6))  # a hair more than 0.6
    grid = working_grid(Geometry((480, 480, 480), spacing=(stored,) * 3), (1.2, 1.2, 1.2))
    assert grid.working.shape == (240, 240, 240)


def test_outside_is_zero() -> None:
    geometry = Geometry((2, 2, 3), spacing=(1.0, 1.0, 1.0))
    ones = Volume(np.ones(geometry.shape, np.float32), replace(geometry, origin=(2.0, 0.0, 0.0)), "shifted")
    array = to_working(ones, working_grid(geometry, MM))
    assert array[0, 0].tolist() == [0, 0, 1]


@pytest.mark.parametrize("matrix", [np.eye(3), *ALL_48[5:48:11]], ids=str)
@pytest.mark.parametrize("corner", [(0, 0, 0), (5, 9, 3), (12, 13, 14)], ids=str)
def test_a_part_comes_back_as_within_the_whole(matrix: np.ndarray, corner: tuple[int, int, int]) -> None:
    grid = working_grid(grid_of(matrix, shape=(20, 22, 24)), (1.3, 0.9, 2.1))
    maps = np.random.default_rng(0).normal(size=(2, *grid.working.shape)).astype(np.float32)
    box = tuple(slice(first, first + 8) for first in corner)
    reference = grid.reference.crop(box)
    z, y, x = box_around(reference, grid.working, margin=1)
    part = WorkingGrid(reference, grid.working.crop((z, y, x)), resampled=True)
    expected = probabilities_to_reference(maps, grid)[(slice(None), *box)]
    np.testing.assert_allclose(probabilities_to_reference(maps[:, z, y, x], part), expected, atol=1e-5)


def test_a_box_around_a_part_has_the_margin_where_there_is_any() -> None:
    grid = working_grid(grid_of(np.eye(3), shape=(20, 20, 20)), (2.0, 2.0, 2.0))
    # The voxels 8 and 9 of 1 mm lie around the middle of voxel 4 of 2 mm, so beside 3 and 5.
    inside = box_around(grid.reference.crop((slice(8, 10),) * 3), grid.working, margin=2)
    at_the_edge = box_around(grid.reference, grid.working, margin=2)
    back = box_around(grid.working.crop((slice(4, 5),) * 3), grid.reference, margin=0)
    assert inside == (slice(1, 8),) * 3
    assert [side.start for side in at_the_edge] == [0, 0, 0]
    assert back == (slice(8, 10),) * 3
