"""Lesions of known size and place: world end points on every kind of grid, which parts count, side, RANO's rules."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from tumorseg.lesions import number_lesions
from tumorseg.measure import TumorMeasures, measure_tumor
from tumorseg.midline import Midline, find_midline
from tumorseg.regions import ED, ET, NCR, UNDIVIDED
from tumorseg.volume import Geometry


def _direction(matrix: np.ndarray) -> tuple[float, ...]:
    return tuple(np.asarray(matrix, float).ravel().tolist())


TURNED = Rotation.from_euler("xyz", [10, -20, 30], degrees=True).as_matrix()
PLAIN = Geometry((40, 48, 44))
GRIDS = {
    "plain": PLAIN,
    "anisotropic": Geometry((16, 60, 70), (5.0, -3.0, 2.0), (0.5, 0.8, 3.0)),
    "oblique": Geometry((16, 60, 70), (-20.0, 7.0, 11.0), (0.5, 0.8, 3.0), _direction(TURNED)),
    "left-handed": Geometry((40, 48, 44), (1.0, 2.0, 3.0), (1.0, 1.0, 1.0), _direction(TURNED @ np.diag([1, -1, 1]))),
    "sagittal": Geometry((44, 40, 48), (7.0, 8.0, 9.0), (1.0, 1.0, 1.0), _direction(np.eye(3)[:, [1, 2, 0]])),
}


def ellipsoid(geometry: Geometry, radii: np.ndarray, centre: np.ndarray, label: int = ET) -> np.ndarray:
    """Radii in voxels along (x, y, z) of the grid, so that the ends of the axes are voxel centres."""
    index = np.indices(geometry.shape)[::-1].reshape(3, -1).T
    inside = (((index - centre) / radii) ** 2).sum(axis=1) <= 1 + 1e-9
    return np.where(inside.reshape(geometry.shape), label, 0).astype(np.uint8)


def to_lps(geometry: Geometry, index: np.ndarray) -> np.ndarray:
    return (geometry.index_to_lps @ [*index, 1.0])[:3]


def test_lesions_are_looked_for_only_where_labels_are(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def label(array: np.ndarray, structure: np.ndarray) -> tuple[np.ndarray, int]:
        sizes.append(array.size)
        return ndimage.label(array, structure)

    monkeypatch.setattr("tumorseg.lesions.ndimage", SimpleNamespace(**vars(ndimage) | {"label": label}))
    labels = ellipsoid(PLAIN, np.array([6, 6, 6]), np.array([20, 24, 20]))
    numbers = number_lesions(labels, PLAIN)
    np.testing.assert_array_equal(numbers, labels > 0)
    assert max(sizes) == 13**3
    assert not number_lesions(np.zeros_like(labels), PLAIN).any()


@pytest.mark.parametrize("name", GRIDS)
def test_an_ellipsoid_has_its_diameters_volume_and_centre_in_the_patient(name: str) -> None:
    geometry = GRIDS[name]
    middle = np.array(geometry.shape[::-1]) // 2
    # In voxels: with the spacing, the longest in-plane axis is the first one of the slice, the other one is shorter.
    radii = {"sagittal": (14, 8, 10)}.get(name, (20, 7, 5) if geometry.spacing[2] == 3 else (18, 10, 12))
    labels = ellipsoid(geometry, np.array(radii), middle)
    (lesion,) = measure_tumor(labels, geometry).lesions
    # Axial slices of the sagittal grid are spanned by its index axes x (posterior) and z (left).
    first, second = (0, 2) if name == "sagittal" else (0, 1)
    for line, axis in ((lesion.longest, first), (lesion.perpendicular, second)):
        half = np.eye(3)[axis] * radii[axis]
        expected = [to_lps(geometry, middle - half), to_lps(geometry, middle + half)]
        np.testing.assert_allclose(sorted(line), sorted(map(tuple, expected)), atol=1e-9)
    assert lesion.diameters.longest_mm == pytest.approx(2 * radii[first] * geometry.spacing[first])
    assert lesion.diameters.perpendicular_mm == pytest.approx(2 * radii[second] * geometry.spacing[second])
    assert lesion.product_mm2 == pytest.approx(lesion.diameters.longest_mm * lesion.diameters.perpendicular_mm)
    ml = 4 / 3 * np.pi * np.prod(radii) * np.prod(geometry.spacing) / 1000
    assert lesion.volume_ml["ET"] == lesion.volume_ml["WT"] == pytest.approx(ml, rel=0.02)
    np.testing.assert_allclose(lesion.centroid_lps, to_lps(geometry, middle), atol=1e-9)


def test_the_perpendicular_crosses_the_longest_line_at_a_right_angle_in_the_same_slice() -> None:
    labels = np.zeros(PLAIN.shape, np.uint8)
    random = np.random.default_rng(3)
    labels[10:30, 10:30, 8:36] = np.where(random.random((20, 20, 28)) < 0.8, ET, 0)
    labels[20, 25:40, 20:24] = ET
    (lesion, *_) = measure_tumor(labels, GRIDS["left-handed"]).lesions
    (a, b), (c, d) = np.array(lesion.longest), np.array(lesion.perpendicular)
    assert (b - a) @ (d - c) == pytest.approx(0, abs=1e-9)
    normal = np.reshape(GRIDS["left-handed"].direction, (3, 3))[:, 2]
    assert np.ptp([point @ normal for point in (a, b, c, d)]) == pytest.approx(0, abs=1e-9)
    # They meet: c and d lie on both sides of a-b, and the foot of the perpendicular between a and b.
    along = (b - a) / np.linalg.norm(b - a)
    assert 0 <= (c - a) @ along <= np.linalg.norm(b - a)
    foot = a + ((c - a) @ along) * along
    assert (c - foot) @ (d - foot) <= 1e-9


def two_cores(gap: int) -> np.ndarray:
    """A large core at the left and a smaller one ``gap`` voxels to its right, in one edema."""
    labels = np.zeros(PLAIN.shape, np.uint8)
    labels[10:30, 10:30, 2:42] = ED
    labels[14:26, 14:26, 6:18] = ET
    labels[16:24, 16:24, 18 + gap : 26 + gap] = ET
    return labels


def test_two_cores_in_one_edema_are_two_lesions_that_share_it() -> None:
    labels = two_cores(gap=8)
    first, second = measure_tumor(labels, PLAIN).lesions
    assert (first.number, second.number) == (1, 2)
    assert [first.volume_ml["ET"], second.volume_ml["ET"]] == pytest.approx([1.728, 0.512])
    assert first.volume_ml["WT"] + second.volume_ml["WT"] == pytest.approx(np.count_nonzero(labels) / 1000)
    numbers = number_lesions(labels, PLAIN)
    # Between the cores (voxels 17 and 26) the border lies in the middle.
    assert numbers[20, 20, 21] == 1
    assert numbers[20, 20, 22] == 2


def test_shared_edema_goes_to_the_core_that_is_nearest_in_millimetres() -> None:
    """Of thick slices, the core in the same slice is nearer than one that lies fewer voxels away."""
    geometry = Geometry((5, 4, 20), spacing=(1.0, 1.0, 5.0))
    labels = np.zeros(geometry.shape, np.uint8)
    labels[:, :, 0:4] = ED
    labels[4, :, 0:16] = ED
    labels[0:2, :, 0:4] = ET
    labels[4, :, 12:18] = ET
    numbers = number_lesions(labels, geometry)
    above, beside = numbers[0, 2, 2], numbers[4, 2, 14]
    assert above != beside
    assert numbers[4, 2, 3] == beside  # 9 mm from it; 3 voxels, but 15 mm, from the one above


@pytest.mark.parametrize(("gap", "foci"), [(0, 1), (4, 1), (5, 2)])
def test_cores_less_than_five_millimetres_apart_are_one(gap: int, foci: int) -> None:
    assert measure_tumor(two_cores(gap), PLAIN).foci == foci


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    ("spacing", "voxels"),
    [
        (0.5, 10),
        (0.9375, 5),
        (0.9999999, 5),
        (1.0000001, 5),
        (1.2, 4),
        (1.25, 4),
        (1.6666667, 3),  # a hair more than 5 mm, as files round
        (1.5, 3),
        (2.0, 2),
        (2.5, 2),
        (3.0, 1),
        (6.0, 1),  # neighbours are one core, however large they are
    ],
)
def test_cores_up_to_five_millimetres_apart_are_one_whatever_the_voxels(spacing: float, voxels: int, axis: int) -> None:
    """Two cubes of 6 mm whose nearest voxels are so many voxels apart, along an axis of such voxels."""
    sizes = np.full(3, 2.0)
    sizes[axis] = spacing
    edges = np.ceil(6 / sizes).astype(int)
    for apart, foci in ((voxels, 1), (voxels + 1, 2)):
        shape = edges.copy()
        shape[axis] = 2 * edges[axis] - 1 + apart
        labels = np.full(shape, ET, np.uint8)
        np.moveaxis(labels, axis, 0)[edges[axis] : edges[axis] - 1 + apart] = 0
        assert measure_tumor(labels, Geometry(labels.shape, spacing=tuple(sizes[::-1].tolist()))).foci == foci


def test_small_cores_and_small_edemas_are_no_lesions() -> None:
    labels = two_cores(gap=8)
    labels[0:4, 40:45, 0:4] = ET  # 0.08 mL of core
    labels[32:38, 40:48, 0:20] = ED  # 0.96 mL without core
    assert measure_tumor(labels, PLAIN).foci == 2
    labels[0:5, 40:45, 0:4] = ET  # 0.1 mL
    labels[32:39, 40:48, 0:20] = ED  # 1.12 mL
    found = measure_tumor(labels, PLAIN)
    assert found.foci == 4
    assert [round(lesion.volume_ml["WT"], 2) for lesion in found.lesions[2:]] == [1.12, 0.1]


def test_the_regions_count_what_is_no_lesion() -> None:
    labels = np.zeros(PLAIN.shape, np.uint8)
    labels[0, 0, 0:3] = ET
    found = measure_tumor(labels, PLAIN)
    assert (found.foci, found.side, found.sum_of_products_mm2) == (0, None, 0)
    assert found.regions["ET"].volume_ml == pytest.approx(0.003)


def test_nothing_has_no_lesions() -> None:
    assert measure_tumor(np.zeros(PLAIN.shape, np.uint8), PLAIN, Midline(0.0)).lesions == ()


def test_a_lesion_that_hardly_enhances_is_measured_on_the_whole_tumor() -> None:
    labels = ellipsoid(PLAIN, np.array([16, 10, 12]), np.array([22, 24, 20]), NCR)
    labels[20, 24, 20:24] = ET
    (lesion,) = measure_tumor(labels, PLAIN).lesions
    assert (lesion.measured, lesion.measurable) == ("WT", True)
    assert lesion.diameters.longest_mm == pytest.approx(32)
    labels[18:23, 22:26, 19:24] = ET  # 0.1 mL
    (lesion,) = measure_tumor(labels, PLAIN).lesions
    assert (lesion.measured, lesion.measurable) == ("ET", False)
    assert measure_tumor(labels, PLAIN).sum_of_products_mm2 == 0


def test_an_undivided_tumor_is_measured_as_a_whole() -> None:
    found = measure_tumor(ellipsoid(PLAIN, np.array([16, 10, 12]), np.array([22, 24, 20]), UNDIVIDED), PLAIN)
    assert [(lesion.measured, list(lesion.volume_ml)) for lesion in found.lesions] == [("WT", ["WT"])]
    assert found.sum_of_products_mm2 == pytest.approx(32 * 20)


def _plate(slices: int, size: int, spacing: tuple[float, float, float]) -> TumorMeasures:
    labels = np.zeros((8, 40, 40), np.uint8)
    labels[2 : 2 + slices, 5 : 5 + size, 5:35] = ET
    return measure_tumor(labels, Geometry(labels.shape, spacing=spacing))


@pytest.mark.parametrize(
    ("slices", "size", "thickness", "measurable"),
    [
        (2, 14, 3.0, True),
        (1, 14, 3.0, False),  # seen on one slice
        (2, 8, 3.0, False),  # narrower than 10 mm
        (2, 14, 5.0, True),
        (2, 14, 8.0, False),  # narrower than two thick slices
        (2, 20, 8.0, True),
    ],
)
def test_what_rano_calls_measurable(slices: int, size: int, thickness: float, measurable: bool) -> None:
    (lesion,) = _plate(slices, size, (1.0, 1.0, thickness)).lesions
    assert lesion.measurable is measurable


def test_products_of_measurable_enhancing_lesions_are_added_up() -> None:
    geometry = Geometry((12, 130, 130))
    labels = np.zeros(geometry.shape, np.uint8)
    for row in range(3):
        for column in range(2):
            # Six boxes, the later ones larger; the diagonals of a square are its diameters.
            side = 11 + row * 2 + column
            labels[2:6, 5 + 40 * row : 5 + 40 * row + side, 5 + 60 * column : 5 + 60 * column + side] = ET
    labels[2:10, 100:128, 100:128] = ED  # without enhancement: not added
    found = measure_tumor(labels, geometry)
    assert found.foci == 7
    # RANO 2010: the five largest; diagonal x diagonal of a square of n - 1 mm is 2 (n - 1)^2.
    products = [2 * (side - 1) ** 2 for side in (12, 13, 14, 15, 16)]
    assert found.sum_of_products_mm2 == pytest.approx(sum(products), abs=0.1)  # of lengths rounded to micrometres


def _ball_of_brain(geometry: Geometry) -> np.ndarray:
    """A ball of 30 mm around 0."""
    index = np.indices(geometry.shape)[::-1].reshape(3, -1)
    lps = (geometry.index_to_lps @ np.vstack([index, np.ones(index.shape[1])]))[:3]
    return ((lps**2).sum(axis=0) <= 30**2).reshape(geometry.shape)


BRAIN = Geometry((64, 64, 96), (-40.0, -32.0, -32.0))


@pytest.mark.parametrize("flip", [1, -1])
def test_sides_of_lesions(flip: int) -> None:
    geometry = replace(
        BRAIN, origin=(-40.0 if flip == 1 else 55.0, -32.0, -32.0), direction=_direction(np.diag([flip, 1, 1]))
    )
    labels = np.zeros(geometry.shape, np.uint8)
    labels[20:40, 20:40, 50:60] = ET  # x from 10 on: the patient's left in LPS
    labels[20:30, 20:40, 20:30] = ET
    labels[45:50, 20:40, 35:45] = ET
    if flip == -1:
        labels = labels[..., ::-1]
    found = measure_tumor(labels, geometry, find_midline(_ball_of_brain(BRAIN), BRAIN))
    assert [lesion.side for lesion in found.lesions] == ["left", "right", "midline"]
    assert found.side == "midline"
    assert {lesion.side for lesion in measure_tumor(labels, geometry).lesions} == {None}
