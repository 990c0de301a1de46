"""Geometry: index to millimetres, comparison in words, orientation letters."""

from __future__ import annotations

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tumorseg.volume import Geometry, Volume

GRID = Geometry((155, 240, 240), (0.0, -239.0, 0.0))
# Hundredths of a degree: next to the smallest float, ITK cannot invert a matrix.
angles = st.tuples(*[st.integers(-18000, 18000).map(lambda number: number / 100)] * 3)


def turned(geometry: Geometry, degrees: tuple[float, float, float]) -> Geometry:
    return replace(geometry, direction=tuple(Rotation.from_euler("xyz", degrees, degrees=True).as_matrix().ravel()))


def unambiguous(matrix: np.ndarray) -> bool:
    """Whether each column of direction cosines has a nearest direction of its own."""
    magnitude = np.abs(matrix)
    second, first = np.sort(magnitude, axis=0)[1:]
    return bool((first - second).min() > 0.05) and len(set(magnitude.argmax(axis=0))) == 3


@settings(max_examples=25, deadline=None)
@given(angles, st.tuples(*[st.floats(0.3, 5)] * 3), st.tuples(*[st.floats(-200, 200)] * 3))
def test_index_to_lps_agrees_with_itk(
    degrees: tuple[float, float, float], spacing: tuple[float, float, float], origin: tuple[float, float, float]
) -> None:
    geometry = turned(Geometry((4, 5, 6), origin, spacing), degrees)
    image = sitk.Image(6, 5, 4, sitk.sitkUInt8)
    image.SetOrigin(origin)
    image.SetSpacing(spacing)
    image.SetDirection(geometry.direction)
    expected = image.TransformIndexToPhysicalPoint((1, 2, 3))
    np.testing.assert_allclose((geometry.index_to_lps @ [1, 2, 3, 1])[:3], expected, atol=1e-9)


def test_sizes_of_an_anisotropic_grid() -> None:
    geometry = Geometry((2, 3, 4), (10.0, 20.0, 30.0), (0.5, 1.0, 5.0))
    assert geometry.voxel_volume_ml == pytest.approx(0.0025)
    assert geometry.extent_mm == (2.0, 3.0, 10.0)
    corners = geometry.corners_lps()
    assert corners[0].tolist() == [10, 20, 30]
    assert corners[-1].tolist() == [11.5, 22, 35]
    assert len({tuple(corner) for corner in corners}) == 8


@settings(max_examples=100, deadline=None)
@given(angles)
def test_orientation_letters_agree_with_nibabel(degrees: tuple[float, float, float]) -> None:
    geometry = turned(GRID, degrees)
    ras = np.diag([-1.0, -1.0, 1.0]) @ np.reshape(geometry.direction, (3, 3))
    assume(unambiguous(ras))
    assert geometry.orientation == "".join(nib.aff2axcodes(nib.affines.from_matvec(ras)))


def test_letters_of_a_grid_halfway_between_directions_are_all_different() -> None:
    assert turned(GRID, (0, 0, 45)).orientation in {"LPS", "PRS"}


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(GRID, shape=(155, 240, 239)), ["size 239 x 240 x 155 instead of 240 x 240 x 155 voxels"]),
        (replace(GRID, spacing=(1.0, 1.0, 1.2)), ["spacing 1 x 1 x 1.2 instead of 1 x 1 x 1 mm"]),
        (replace(GRID, direction=(-1, 0, 0, 0, -1, 0, 0, 0, 1)), ["orientation RAS instead of LPS"]),
        (replace(GRID, direction=(-1, 0, 0, 0, 1, 0, 0, 0, 1)), ["orientation RPS instead of LPS"]),
        (turned(GRID, (0, 0, 3)), ["turned by 3 degrees"]),
        (replace(GRID, origin=(0.0, -239.0, 2.5)), ["shifted by 2.5 mm"]),
        (replace(GRID, origin=(0.1, -239.0, 0.0)), ["shifted by 0.1 mm"]),
        (
            replace(GRID, shape=(20, 240, 240), spacing=(1.0, 1.0, 7.0)),
            ["size 240 x 240 x 20 instead of 240 x 240 x 155 voxels", "spacing 1 x 1 x 7 instead of 1 x 1 x 1 mm"],
        ),
    ],
)
def test_differences_are_told_in_words(other: Geometry, words: list[str]) -> None:
    assert GRID.differences(other) == words
    assert not GRID.matches(other)


@settings(max_examples=25, deadline=None)
@given(angles, st.tuples(*[st.floats(0.3, 5)] * 3), st.tuples(*[st.floats(-200, 200)] * 3))
def test_rounding_to_float32_is_no_difference(
    degrees: tuple[float, float, float], spacing: tuple[float, float, float], origin: tuple[float, float, float]
) -> None:
    geometry = turned(Geometry((30, 40, 50), origin, spacing), degrees)
    stored = [tuple(np.float32(values).astype(float)) for values in (origin, spacing, geometry.direction)]
    assert geometry.matches(Geometry(geometry.shape, *stored))


def test_array_and_geometry_must_agree() -> None:
    with pytest.raises(ValueError, match=r"^t1\.nii: array \(1, 2, 3\) and geometry \(3, 2, 1\) disagree$"):
        Volume(np.zeros((1, 2, 3), np.float32), Geometry((3, 2, 1)), "t1.nii")
