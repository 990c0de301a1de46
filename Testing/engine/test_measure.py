"""Measurements of shapes whose size is known."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from tumorseg.images import read_labels
from tumorseg.measure import RegionMeasure, measure, measure_tumor
from tumorseg.regions import ED, ET, NCR, UNDIVIDED, LabelConvention, from_convention
from tumorseg.volume import Geometry

NOTHING = RegionMeasure(0.0, 0, 0.0, 0.0)


def length(mm: Any) -> Any:
    """A length, or several, rounded to micrometres."""
    return pytest.approx(mm, abs=0.000501)


def ellipsoid(spacing: tuple[float, float, float], radii_mm: tuple[float, float, float]) -> tuple[np.ndarray, Geometry]:
    half = np.ceil(np.array(radii_mm) / spacing).astype(int) + 1
    index = np.indices(tuple(2 * half[::-1] + 1))[::-1] - half.reshape(3, 1, 1, 1)
    scaled = index * np.reshape(spacing, (3, 1, 1, 1)) / np.reshape(radii_mm, (3, 1, 1, 1))
    labels = np.where((scaled**2).sum(axis=0) <= 1, ET, 0).astype(np.uint8)
    return labels, Geometry(labels.shape, spacing=spacing)


def blank(shape: tuple[int, ...] = (4, 12, 12)) -> np.ndarray:
    return np.zeros(shape, np.uint8)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 0.8, 2.0), (1.0, 1.0, 3.0)])
@pytest.mark.parametrize("radii", [(20.0, 20.0, 20.0), (30.0, 15.0, 25.0), (12.0, 25.0, 40.0)])
def test_ellipsoids(spacing: tuple[float, float, float], radii: tuple[float, float, float]) -> None:
    labels, geometry = ellipsoid(spacing, radii)
    found = measure(labels, geometry)["ET"]
    assert found.volume_ml == pytest.approx(4 / 3 * np.pi * np.prod(radii) / 1000, rel=0.02)
    assert found.components == 1
    longest, shortest = 2 * max(radii[:2]), 2 * min(radii[:2])
    assert longest - 2 * max(spacing[:2]) < found.longest_diameter_mm <= longest
    assert shortest - 2 * max(spacing[:2]) < found.perpendicular_mm <= shortest + 1e-6


@pytest.mark.parametrize(
    ("size_xy", "spacing", "longest", "perpendicular"),
    [
        ((1, 1), (1.0, 1.0, 1.0), 0.0, 0.0),
        ((5, 1), (2.0, 1.0, 1.0), 8.0, 0.0),
        ((1, 4), (2.0, 0.5, 1.0), 1.5, 0.0),
        # 4 x 3 mm between centres: the diagonal is 5, and the line across it from another corner
        # reaches the opposite side after 5 * 3/4 mm.
        ((5, 4), (1.0, 1.0, 1.0), 5.0, 3.75),
        ((5, 2), (1.0, 3.0, 9.0), 5.0, 3.75),
        ((4, 4), (1.0, 1.0, 1.0), np.sqrt(18), np.sqrt(18)),
    ],
)
def test_boxes_are_measured_between_voxel_centres(
    size_xy: tuple[int, int], spacing: tuple[float, float, float], longest: float, perpendicular: float
) -> None:
    labels = blank()
    labels[1:3, 2 : 2 + size_xy[1], 3 : 3 + size_xy[0]] = NCR
    found = measure(labels, Geometry(labels.shape, spacing=spacing))["NCR"]
    assert found.volume_ml == pytest.approx(2 * size_xy[0] * size_xy[1] * np.prod(spacing) / 1000)
    assert found.longest_diameter_mm == length(longest)
    assert found.perpendicular_mm == length(perpendicular)


def test_a_diagonal_line_has_no_width() -> None:
    labels = blank()
    labels[0, range(6), range(6)] = ET
    found = measure(labels, Geometry(labels.shape))["ET"]
    assert found == RegionMeasure(0.006, 1, length(5 * np.sqrt(2)), 0.0)


@pytest.mark.parametrize("rows", [slice(None), slice(None, None, -1)])
def test_the_line_across_is_the_longest_one_of_both_sides_together(rows: slice) -> None:
    """A kite of 20 mm: 5 mm above at 4 mm, 8 mm below at 14 mm, where 5 x 6/16 mm are above."""
    labels = blank((1, 20, 24))
    for x in range(21):
        above = 5 * min(x / 4, (20 - x) / 16)
        below = 8 * min(x / 14, (20 - x) / 6)
        labels[0, 8 - int(above + 1e-9) : 9 + int(below + 1e-9), x + 1] = ET
    found = measure(labels[:, rows], Geometry(labels.shape))["ET"]
    assert found.longest_diameter_mm == pytest.approx(20)
    assert found.perpendicular_mm == pytest.approx(8 + 5 * 6 / 16)


def test_labels_and_regions() -> None:
    labels = blank()
    labels[0, 0, 0:2], labels[0, 0, 2:5], labels[0, 0, 5:9] = ET, NCR, ED
    found = measure(labels, Geometry(labels.shape))
    assert {name: round(part.volume_ml * 1000) for name, part in found.items()} == {
        "NCR": 3,
        "ED": 4,
        "ET": 2,
        "WT": 9,
        "TC": 5,
    }
    assert found["WT"].longest_diameter_mm == 8
    assert found["TC"].longest_diameter_mm == 4


def test_nothing_gives_zeros() -> None:
    labels = blank()
    assert measure(labels, Geometry(labels.shape)) == dict.fromkeys(("NCR", "ED", "ET", "WT", "TC"), NOTHING)
    labels[0, 0, 0] = ED
    assert measure(labels, Geometry(labels.shape))["ET"] == NOTHING


@pytest.mark.parametrize("voxels", [2550, 1150])
def test_volumes_are_rounded_to_microlitres_where_they_are_made(voxels: int) -> None:
    """2550 * 0.001 is a little more than 2.55 as a float; who shows one decimal of either would tell another number."""
    labels = np.zeros((20, 20, 20), np.uint8)
    labels.ravel()[:voxels] = ET
    tumor = measure_tumor(labels, Geometry(labels.shape))
    assert {tumor.regions[name].volume_ml for name in ("ET", "TC", "WT")} == {voxels / 1000}
    assert tumor.lesions[0].volume_ml["ET"] == voxels / 1000


def test_lengths_are_rounded_to_micrometres_where_they_are_made() -> None:
    labels = blank()
    labels[0, 0:2, 0:11] = ET
    assert measure(labels, Geometry(labels.shape))["ET"].longest_diameter_mm == 10.05


def test_undivided_tumor_has_only_a_whole() -> None:
    labels = blank()
    labels[0, 0, 0:4] = UNDIVIDED
    assert measure(labels, Geometry(labels.shape)) == {"WT": RegionMeasure(0.004, 1, 3.0, 0.0)}


def test_components_touch_at_corners() -> None:
    labels = blank()
    labels[0, 0, 0] = labels[1, 1, 1] = labels[3, 3, 3] = ET
    assert measure(labels, Geometry(labels.shape))["ET"].components == 2


def test_separate_areas_have_no_common_diameter() -> None:
    labels = blank()
    labels[0, 0, 0:3] = ET
    labels[0, 11, 5:11] = ET
    labels[1, 0, 0:2] = ET
    assert measure(labels, Geometry(labels.shape))["ET"].longest_diameter_mm == 5


def test_of_equally_long_diameters_the_one_with_the_longer_perpendicular_counts() -> None:
    labels = blank()
    labels[0, 5, 0:9] = ET
    labels[1, 5, 0:9] = ET
    labels[1, 4:7, 4] = ET
    found = measure(labels, Geometry(labels.shape))["ET"]
    assert (found.longest_diameter_mm, found.perpendicular_mm) == (8, 2)


def test_equally_long_diameters_of_equally_large_areas() -> None:
    labels = blank()
    labels[0, range(5), range(5)] = ET
    labels[1, :5, :5] = ET
    found = measure(labels, Geometry(labels.shape))["ET"]
    assert (found.longest_diameter_mm, found.perpendicular_mm) == length((np.sqrt(32), np.sqrt(32)))


def test_a_smaller_area_can_have_the_longer_diameter() -> None:
    labels = blank()
    labels[0, 5, 0:11] = labels[0, 0:11, 5] = ET
    labels[1, range(9), range(9)] = ET
    assert measure(labels, Geometry(labels.shape))["ET"].longest_diameter_mm == length(8 * np.sqrt(2))


def test_axial_slices_are_found_on_a_sagittal_grid() -> None:
    # Index axes x, y, z run to posterior, superior, left; a box of 2 x 4 x 7 mm (posterior, superior, left).
    direction = tuple(np.eye(3)[:, [1, 2, 0]].ravel())
    labels = blank((9, 9, 9))
    labels[0:8, 0:5, 0:3] = ET
    found = measure(labels, Geometry(labels.shape, direction=direction))["ET"]
    assert found.longest_diameter_mm == length(np.hypot(7, 2))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.tuples(*[st.floats(0.3, 4)] * 2), st.floats(0.05, 0.9))
def test_longest_diameter_agrees_with_all_pairs(seed: int, pixel: tuple[float, float], density: float) -> None:
    plane = np.random.default_rng(seed).random((7, 8)) < density
    plane[3] = plane[:, 4] = True  # one area
    labels = np.where(plane, ET, 0).astype(np.uint8)[None]
    areas, geometry = labels, Geometry(labels.shape, spacing=(*pixel, 1.0))
    connected = np.argwhere(connected_to_cross(plane)) * pixel[::-1]
    found = measure(areas, geometry)["ET"]
    assert found.longest_diameter_mm == length(pdist(connected).max())
    assert 0 < found.perpendicular_mm <= found.longest_diameter_mm + 1e-9


def connected_to_cross(plane: np.ndarray) -> np.ndarray:
    """Flood from the cross in row 3 and column 4, one ring at a time."""
    reached = np.zeros_like(plane)
    reached[3], reached[:, 4] = True, True
    while True:
        padded = np.pad(reached, 1)
        near = [padded[i : i + 7, j : j + 8] for i in range(3) for j in range(3)]
        grown = np.any(near, axis=0) & plane
        if np.array_equal(grown, reached):
            return reached
        reached = grown


def test_spacing_scales_everything() -> None:
    labels, geometry = ellipsoid((1.0, 1.0, 1.0), (9.0, 6.0, 5.0))
    one = measure(labels, geometry)["ET"]
    two = measure(labels, replace(geometry, spacing=(2.0, 2.0, 2.0)))["ET"]
    assert two.volume_ml == pytest.approx(8 * one.volume_ml)
    assert two.longest_diameter_mm / 2 == length(one.longest_diameter_mm)
    assert two.perpendicular_mm / 2 == length(one.perpendicular_mm)


def test_real_tumor_in_a_second(data_folder: Path) -> None:
    labels, geometry = read_labels(data_folder / "brats2021" / "BraTS2021_01479" / "BraTS2021_01479_seg.nii.gz")
    start = time.process_time()
    found = measure(from_convention(labels, LabelConvention.BRATS_2020), geometry)
    assert time.process_time() - start < 1
    assert found["ET"].volume_ml == pytest.approx(89.546)
    assert found["TC"].volume_ml == pytest.approx(found["NCR"].volume_ml + found["ET"].volume_ml)
    assert found["WT"].longest_diameter_mm >= found["TC"].longest_diameter_mm
