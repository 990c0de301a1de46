"""Pictures of slices: PNG as other programs read it, radiological orientation and one scale on every grid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from tumorseg.png import encode_png
from tumorseg.regions import ED, ET, SEGMENTS
from tumorseg.slice_pictures import AXIAL, PLANES, Camera, Plane, richest_slice, window_of
from tumorseg.volume import Geometry

PLAIN = Geometry((30, 40, 50), (-25.0, -20.0, -15.0))
PERMUTED = tuple(np.eye(3)[:, [1, 2, 0]].ravel().tolist())
GRIDS = {
    "plain": PLAIN,
    "flipped": replace(PLAIN, origin=(24.0, 19.0, 14.0), direction=(-1.0, 0, 0, 0, -1.0, 0, 0, 0, -1.0)),
    "anisotropic": Geometry((10, 80, 50), (-25.0, -20.0, -15.0), (1.0, 0.5, 3.0)),
    # Index axes x, y, z run to posterior, superior, left.
    "sagittal": Geometry((50, 30, 40), (-25.0, -20.0, -15.0), direction=PERMUTED),
}
SPOTS = {"left": (14.0, 0.0, 0.0), "anterior": (0.0, -14.0, 0.0), "superior": (0.0, 0.0, 9.0)}
"""mm in LPS."""


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 3)])
def test_other_programs_read_the_png(tmp_path: Path, shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    (tmp_path / "p.png").write_bytes(encode_png(picture))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "p.png"))), picture)


def _camera(geometry: Geometry) -> Camera:
    return Camera(geometry, np.ones(geometry.shape, bool))


def _volume(geometry: Geometry, spot: tuple[float, float, float]) -> np.ndarray:
    """Dark with one bright spot of about 3 mm."""
    index = np.indices(geometry.shape)[::-1].reshape(3, -1)
    lps = (geometry.index_to_lps @ np.vstack([index, np.ones(index.shape[1])]))[:3].T
    return (np.linalg.norm(lps - spot, axis=1) < 3).reshape(geometry.shape).astype(np.float32)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("plane", PLANES, ids=lambda plane: plane.name)
@pytest.mark.parametrize("spot", SPOTS)
def test_pictures_are_radiological_and_places_fit_them(grid: str, plane: Plane, spot: str) -> None:
    camera, point = _camera(GRIDS[grid]), SPOTS[spot]
    volume = camera.turned(_volume(GRIDS[grid], point))
    picture = camera.gray(volume, (0.0, 1.0), plane, camera.number(point, plane))
    rows, columns = np.nonzero(picture > 127)
    from_left, from_top = np.mean(columns + 0.5) / camera.pixels, np.mean(rows + 0.5) / camera.pixels
    assert camera.place(point, plane) == pytest.approx((from_left, from_top), abs=0.02)
    side = {"left": "L", "anterior": "A", "superior": "S"}[spot]
    left, right, top = plane.edges
    if side in (left, right):
        assert (from_left > 0.6) == (side == right)
        assert (from_left < 0.4) == (side == left)
    else:
        assert from_left == pytest.approx(0.5, abs=0.05)
    assert (from_top < 0.4) == (side == top)


def test_all_pictures_are_one_square_around_the_content() -> None:
    content = np.zeros(PLAIN.shape, bool)
    content[5:25, 10:30, 8:42] = True
    camera = Camera(PLAIN, content)
    assert camera.side_mm == 33 + 2 * 9
    shapes = {camera.gray(np.zeros(PLAIN.shape, np.float32), (0.0, 1.0), plane, 3).shape for plane in PLANES}
    assert shapes == {(camera.pixels, camera.pixels)}
    assert camera.pixels * 0.6 == pytest.approx(camera.side_mm, abs=0.6)


def test_empty_content_shows_everything() -> None:
    assert Camera(PLAIN, np.zeros(PLAIN.shape, bool)).side_mm == 49 + 2 * 9


def test_overlay_colors_areas_lightly_and_edges_fully() -> None:
    camera = _camera(PLAIN)
    labels = np.zeros(PLAIN.shape, np.uint8)
    labels[:, 10:30, 10:25] = ED
    labels[:, 10:30, 25:40] = ET
    gray = np.full((camera.pixels, camera.pixels), 100, np.uint8)
    picture = camera.overlay(gray, labels, AXIAL, 15)
    colors = {tuple(color) for color in picture.reshape(-1, 3).tolist()}
    for label in (ED, ET):
        full = 255 * np.array(SEGMENTS[label].color)
        assert tuple(np.rint(full).astype(int).tolist()) in colors
        assert tuple(np.rint(0.78 * 100 + 0.22 * full).astype(int).tolist()) in colors
    assert (100, 100, 100) in colors
    assert len(colors) == 5


def test_positions_are_coordinates_in_ras() -> None:
    camera = _camera(PLAIN)
    assert [camera.position(plane, 3) for plane in PLANES] == ["z = -12 mm", "y = 17 mm", "x = 22 mm"]
    assert [camera.position(plane, 29) for plane in PLANES] == ["z = 14 mm", "y = -9 mm", "x = -4 mm"]


def test_a_position_is_never_minus_zero() -> None:
    shifted = replace(PLAIN, origin=(0.2, 0.2, 0.2))
    assert [_camera(shifted).position(plane, 0) for plane in PLANES] == ["z = 0 mm", "y = 0 mm", "x = 0 mm"]


def test_numbers_stay_inside_the_grid() -> None:
    assert [_camera(PLAIN).number((0, 0, z), AXIAL) for z in (-99.0, 0.2, 99.0)] == [0, 15, 29]


def test_oblique_points_have_places_too() -> None:
    turn = Rotation.from_euler("z", 20, degrees=True).as_matrix()
    geometry = replace(PLAIN, direction=tuple(turn.ravel().tolist()))
    corner = tuple((geometry.index_to_lps @ [0, 0, 3, 1])[:3])
    camera = _camera(geometry)
    assert camera.number(corner, AXIAL) == 3
    half_x, half_y = 24.5, 19.5
    width = camera.pixels * 0.6
    assert camera.place(corner, AXIAL) == pytest.approx((0.5 - half_x / width, 0.5 - half_y / width))


def test_the_window_ignores_the_background_and_is_never_empty() -> None:
    values = np.zeros((20, 20, 20), np.float32)
    values[::2, ::2, ::2] = np.linspace(100, 200, 1000).reshape(10, 10, 10)
    low, high = window_of(values)
    assert 100 < low < 103
    assert 198 < high < 200
    flat = np.full((4, 4, 4), 7, np.float32)
    assert window_of(flat)[0] < window_of(flat)[1]


def test_richest_slice() -> None:
    mask = np.zeros((5, 6, 7), bool)
    mask[3, 2:5, 1] = mask[1, 4, 1:3] = True
    assert [richest_slice(mask, axis) for axis in range(3)] == [3, 4, 1]
