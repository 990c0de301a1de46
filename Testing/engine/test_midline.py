"""Left and right: the plane of symmetry of turned, cut and ambiguous brains, and the side by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage
from scipy.spatial.transform import Rotation

from support.grids import OBLIQUE
from tumorseg.images import geometry_of, read_volume, to_image
from tumorseg.measure import measure_tumor
from tumorseg.midline import Midline, find_midline, middle_of_rows, midline_of, side_of
from tumorseg.regions import ET
from tumorseg.volume import BoolArray, Geometry, Volume

FINE = Geometry((72, 90, 76), (-75.0, -91.0, -71.0), (2.0, 2.0, 2.0))
THICK = Geometry((36, 120, 100), (-75.0, -91.0, -71.0), (1.5, 1.5, 4.0))
AXES = Rotation.from_euler("xyz", [15, -10, 12], degrees=True).as_matrix()
SLANTED = Geometry(
    (80, 100, 90), tuple((AXES @ [-86.0, -99.0, -79.0]).tolist()), (2.0, 2.0, 2.0), tuple(AXES.ravel().tolist())
)
TURNS = [(0, 0, 0), (0, 0, 10), (0, 0, -20), (0, 10, 0), (0, -20, 0), (20, 0, 0), (10, 15, -15)]
"""Degrees about x (nodding), y (to a shoulder) and z (to a side)."""

CENTRE = np.array([3.0, -1.0, 0.0])


def places(geometry: Geometry, turn: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each voxel's x, y, z (mm) in a head around ``CENTRE`` that is turned."""
    index = np.indices(geometry.shape)[::-1].reshape(3, -1)
    lps = (geometry.index_to_lps @ np.vstack([index, np.ones(index.shape[1])]))[:3]
    inside = matrix(turn).T @ (lps - CENTRE[:, None])
    x, y, z = inside.reshape(3, *geometry.shape)
    return x, y, z


def matrix(turn: tuple[float, float, float]) -> np.ndarray:
    return np.asarray(Rotation.from_euler("xyz", turn, degrees=True).as_matrix())


def head(geometry: Geometry, turn: tuple[float, float, float]) -> BoolArray:
    """A cerebrum about as wide as high, whose principal axes say little, and a cerebellum behind and below."""
    x, y, z = places(geometry, turn)
    cerebrum = (x / 60) ** 2 + (y / 75) ** 2 + (z / 58) ** 2 <= 1
    cerebrum &= z > -30
    return np.asarray(cerebrum | ((x / 45) ** 2 + ((y - 40) / 28) ** 2 + ((z + 30) / 25) ** 2 <= 1))


def degrees_off(found: Midline | None, turn: tuple[float, float, float]) -> float:
    """Angle between the plane and the one of a turned head."""
    assert found is not None
    normal = np.array([1.0, -found.slope_y, -found.slope_z])
    return float(np.degrees(np.arccos(min(1.0, normal @ matrix(turn)[:, 0] / np.linalg.norm(normal)))))


def off_centre(found: Midline | None) -> float:
    """How far (mm along x) the plane passes from the head's middle."""
    assert found is not None
    return float(CENTRE @ [1.0, -found.slope_y, -found.slope_z] - found.offset)


@pytest.mark.parametrize("turn", TURNS, ids=str)
@pytest.mark.parametrize("geometry", [FINE, THICK, SLANTED], ids=["2 mm", "thick slices", "slanted"])
def test_the_plane_turns_with_the_head(geometry: Geometry, turn: tuple[float, float, float]) -> None:
    found = find_midline(head(geometry, turn), geometry)
    assert degrees_off(found, turn) < 1
    assert off_centre(found) == pytest.approx(0, abs=0.7)


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_a_brain_that_the_image_cuts_keeps_its_plane(turn: tuple[float, float, float]) -> None:
    brain = head(FINE, turn)
    x = ndimage.find_objects(brain.astype(np.uint8))[0][2]
    part = (slice(None), slice(None), slice(x.start, x.stop - 12))  # 24 mm off one side
    found = find_midline(brain[part], FINE.crop(part))
    assert degrees_off(found, turn) < 3
    assert off_centre(found) == pytest.approx(0, abs=3)


def test_half_a_brain_has_the_middle_of_its_rows() -> None:
    part = (slice(None), slice(None), slice(38, None))
    brain = head(FINE, (0, 0, 0))[part]
    assert find_midline(brain, FINE.crop(part)) == middle_of_rows(brain, FINE.crop(part))


def test_of_many_planes_that_are_equally_good_it_is_the_straight_one() -> None:
    x, y, z = places(FINE, (0, 0, 0))
    found = find_midline(x**2 + y**2 + z**2 <= 60**2, FINE)
    assert degrees_off(found, (0, 0, 0)) < 0.5
    assert off_centre(found) == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("turn", [(0, 0, 10), (0, 0, -10), (0, 0, 20), (0, 15, 0), (0, -15, 0)], ids=str)
def test_the_side_is_that_of_the_turned_head(turn: tuple[float, float, float]) -> None:
    x, y, z = places(FINE, turn)
    midline = find_midline(head(FINE, turn), FINE)
    for left, side in ((10, "left"), (-10, "right"), (0, "midline")):
        for front, up in ((-55, 0), (0, 45)):
            ball = (x - left) ** 2 + (y - front) ** 2 + (z - up) ** 2 <= 8**2
            assert measure_tumor((ball * ET).astype(np.uint8), FINE, midline).side == side


@pytest.mark.parametrize("turn", TURNS, ids=str)
@pytest.mark.parametrize("name", ["mni152_2009a_sym_t1_brain", "mni152_fsl_t1_1mm_brain"])
def test_real_anatomy(data_folder: Path, name: str, turn: tuple[float, float, float]) -> None:
    atlas = read_volume(data_folder / "atlas" / f"{name}.nii.gz")
    image = sitk.DICOMOrient(to_image((atlas.array != 0).astype(np.float32), atlas.geometry), "LPS")
    turned = sitk.VersorRigid3DTransform()
    turned.SetCenter(image.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2 for size in image.GetSize()]))
    turned.SetMatrix(matrix(turn).T.ravel().tolist())
    image = sitk.Resample(image, image, turned, sitk.sitkNearestNeighbor)
    found = find_midline(sitk.GetArrayFromImage(image) > 0, geometry_of(image))
    assert degrees_off(found, turn) < 1


def test_the_midline_is_found_on_a_grid_with_other_axes() -> None:
    turn = (0.0, 0.0, 15.0)
    turned = sitk.DICOMOrient(to_image(head(FINE, turn).astype(np.float32), FINE), "PIR")
    found = midline_of(Volume(sitk.GetArrayFromImage(turned), geometry_of(turned), "brain"))
    assert degrees_off(found, turn) < 1


def test_no_brain_has_no_midline() -> None:
    nothing = np.zeros((4, 4, 4), bool)
    assert find_midline(nothing, Geometry(nothing.shape)) is None
    assert middle_of_rows(nothing, Geometry(nothing.shape)) is None


def test_distance_from_the_midline_is_the_patients_left() -> None:
    midline = Midline(3.0, 0.1, -0.2)
    x, y, z = (OBLIQUE.index_to_lps @ [5, 3, 2, 1.0])[:3]
    assert midline.distance(OBLIQUE)[2, 3, 5] == pytest.approx(x - 3.0 - 0.1 * y + 0.2 * z, abs=1e-4)


@pytest.mark.parametrize(
    ("share", "side"), [(0, "right"), (0.19, "right"), (0.2, "midline"), (0.8, "midline"), (0.81, "left")]
)
def test_side_by_the_share_left_of_the_midline(share: float, side: str) -> None:
    assert side_of(share) == side


@pytest.mark.parametrize("slant", [0.0, 0.2])
@pytest.mark.parametrize("geometry", [FINE, THICK], ids=["2 mm", "thick slices"])
def test_the_middle_of_rows_leaves_the_vertical_as_they_do(geometry: Geometry, slant: float) -> None:
    x, y, z = places(geometry, (0, 0, 0))
    found = middle_of_rows((x - slant * z) ** 2 + y**2 + z**2 <= 50**2, geometry)
    assert found is not None
    assert (found.slope_y, found.slope_z) == pytest.approx((0, slant), abs=0.03)
    assert off_centre(found) == pytest.approx(0, abs=0.5)


def test_narrow_ends_of_the_brain_hardly_move_the_middle_of_rows() -> None:
    """Wide rows around x = 50, and at both ends narrow ones around x = 58."""
    brain = np.zeros((20, 60, 120), bool)
    brain[:, 14:46, 30:71] = True
    brain[:, :14, 56:61] = brain[:, 46:, 56:61] = True
    found = middle_of_rows(brain, Geometry(brain.shape))
    assert found is not None
    weighted = (32 * 41 * 50 + 28 * 5 * 58) / (32 * 41 + 28 * 5)
    middle = found.offset + found.slope_y * 29 + found.slope_z * 9
    assert middle == pytest.approx(weighted, abs=0.2)
