"""The grid a network works on, and the way there and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from tumorseg.images import geometry_of, to_image
from tumorseg.normalise import Box
from tumorseg.volume import FloatArray, Geometry, Triple, Volume

Scalar = TypeVar("Scalar", bound=np.generic)

SPACING_AS_TRAINED = 0.01
"""Relative difference from the model's voxel size up to which nothing is interpolated."""


@dataclass(frozen=True)
class WorkingGrid:
    """The grid of the result and the grid of the network.

    Attributes:
        reference: where the result will lie.
        working: axes nearest to LPS; where the network runs.
        resampled: whether the voxel sizes differ, so that values are interpolated; otherwise both grids have the
            same voxels, with axes swapped and reversed.
    """

    reference: Geometry
    working: Geometry
    resampled: bool


def working_grid(reference: Geometry, spacing: Triple) -> WorkingGrid:
    """Plan the grid of a network: axes as near to LPS as swapping and reversing gets, voxels of the model's size.

    Oblique axes stay oblique. Where voxel sizes differ by more than 1 %, the new grid has the same centre and covers
    the whole reference.

    Args:
        reference: grid of the reference input.
        spacing: voxel size the model was trained with, mm along (x, y, z) in LPS.
    """
    oriented = nearest_to_lps(reference)
    if np.allclose(oriented.spacing, spacing, rtol=SPACING_AS_TRAINED, atol=0):
        return WorkingGrid(reference, oriented, resampled=False)
    return WorkingGrid(reference, _with_spacing(oriented, spacing), resampled=True)


def nearest_to_lps(geometry: Geometry) -> Geometry:
    """The grid of the same voxels with axes swapped and reversed so that they run most nearly along LPS."""
    blank = sitk.Image(geometry.shape[::-1], sitk.sitkUInt8)
    blank.SetOrigin(geometry.origin)
    blank.SetSpacing(geometry.spacing)
    blank.SetDirection(geometry.direction)
    return geometry_of(sitk.DICOMOrient(blank, "LPS"))


def box_around(part: Geometry, whole: Geometry, margin: int) -> Box:
    """The voxels of a grid between which all voxels of another one lie.

    Args:
        part: its axes are parallel to those of ``whole``.
        whole: the grid to cut.
        margin: voxels that are kept around them.

    Returns:
        Slices along (z, y, x) that begin within ``whole``; they may end beyond it.
    """
    return box_holding(part.corners_lps(), whole, margin)


def box_holding(places: npt.NDArray[np.float64], whole: Geometry, margin: int = 0) -> Box:
    """The same for places (n, 3), mm in LPS."""
    index = np.column_stack([places, np.ones(len(places))]) @ np.linalg.inv(whole.index_to_lps).T
    low = np.maximum(np.floor(index.min(axis=0)).astype(int) - margin, 0)
    high = np.ceil(index.max(axis=0)).astype(int) + 1 + margin
    x, y, z = (slice(first, max(first, last)) for first, last in zip(low.tolist()[:3], high.tolist()[:3], strict=True))
    return z, y, x


def to_working(volume: Volume, grid: WorkingGrid) -> FloatArray:
    """Bring a volume to the working grid.

    Returns:
        (z, y, x) of ``grid.working``. Exactly the volume's values when it lies on the reference grid and nothing is
        resampled (the array itself where the axes agree too); otherwise interpolated linearly, 0 outside.
    """
    if not grid.resampled and volume.geometry.matches(grid.reference):
        return reoriented(volume.array, grid.reference, grid.working)
    return resampled(volume.array, volume.geometry, grid.working)


def probabilities_to_reference(probabilities: FloatArray, grid: WorkingGrid) -> FloatArray:
    """Bring probability maps (..., z, y, x) from the working grid back to the reference grid.

    Returns:
        (..., z, y, x) of ``grid.reference``: the exact inverse of ``to_working`` when nothing is resampled, otherwise
        interpolated linearly, 0 outside.
    """
    exact = partial(reoriented, source=grid.working, target=grid.reference)
    move = _interpolation(grid.working, grid.reference) if grid.resampled else exact
    maps = probabilities.shape[:-3]
    moved = np.empty((*maps, *grid.reference.shape), np.float32)
    for place in np.ndindex(maps):
        moved[place] = move(probabilities[place])
    return moved


def _interpolation(source: Geometry, target: Geometry) -> Callable[[FloatArray], FloatArray]:
    """What ``resampled`` does where the axes of both grids are parallel, one axis after the other: half the time."""
    ordered = nearest_to_lps(target)
    axes = np.reshape(source.direction, (3, 3))
    shift = (np.subtract(ordered.origin, source.origin) @ axes)[::-1]
    steps, sizes = ordered.spacing[::-1], source.spacing[::-1]
    z, y, x = (
        _linear_weights((shift[axis] + np.arange(ordered.shape[axis]) * steps[axis]) / sizes[axis], source.shape[axis])
        for axis in range(3)
    )

    def interpolated(array: FloatArray) -> FloatArray:
        planes = y @ (array @ x.T)
        return reoriented((z @ planes.reshape(len(planes), -1)).reshape(ordered.shape), ordered, target)

    return interpolated


def _linear_weights(positions: npt.NDArray[np.float64], size: int) -> FloatArray:
    """Weights (position, sample) of linear interpolation between samples 0, 1, ... ``size`` - 1.

    As in ITK, half a sample beyond the first and the last one has their value, and what is further away 0.
    """
    weights = np.zeros((len(positions), size), np.float32)
    inside = np.flatnonzero((positions >= -0.5) & (positions < size - 0.5))
    within = np.clip(positions[inside], 0, size - 1)
    first = np.minimum(within.astype(int), max(size - 2, 0))
    second = np.minimum(first + 1, size - 1)
    weights[inside, second] = within - first
    weights[inside, first] = 1 - (within - first)
    return weights


def reoriented(array: npt.NDArray[Scalar], source: Geometry, target: Geometry) -> npt.NDArray[Scalar]:
    """Swap and reverse the axes of an array (z, y, x) so that it fits a grid with the same voxels in another order."""
    turn = np.reshape(source.direction, (3, 3)).T @ np.reshape(target.direction, (3, 3))
    # Column k of the signed permutation names the source axis of target axis k; arrays count axes from z.
    axes = np.abs(turn).argmax(axis=0)
    reverse = [slice(None, None, -1 if turn[axis, k] < 0 else 1) for k, axis in enumerate(axes)]
    order = [2 - int(axis) for axis in axes]
    return np.ascontiguousarray(array.transpose(order[::-1])[tuple(reverse[::-1])])


def _with_spacing(geometry: Geometry, spacing: Triple) -> Geometry:
    extent = np.array(geometry.extent_mm)
    # Rounding must not add a voxel to a grid that fits.
    sizes = np.maximum(np.ceil(extent / spacing - 1e-3), 1).astype(int)
    centre = np.append((np.array(geometry.shape[::-1]) - 1) / 2, 1.0)
    half = (sizes - 1) / 2 * spacing
    origin = (geometry.index_to_lps @ centre)[:3] - np.reshape(geometry.direction, (3, 3)) @ half
    nx, ny, nz = sizes.tolist()
    return replace(geometry, shape=(nz, ny, nx), spacing=spacing, origin=tuple(origin.tolist()))


def resampled(
    array: FloatArray,
    source: Geometry,
    target: Geometry,
    transform: sitk.Transform | None = None,
    nearest: bool = False,
) -> FloatArray:
    """Interpolate an array linearly on another grid, 0 outside; exactly its values where no voxel lies between others.

    Args:
        array: (z, y, x) of ``source``.
        source: where its voxels lie.
        target: the grid of the result.
        transform: from places of the target to those of the source, mm in LPS; none if both are the same.
        nearest: whether each voxel gets the value of the nearest one, as masks need it.
    """
    # Rounding would leave a trace of each neighbor, and brain is what is not 0.
    exact = nearest or (transform is None and source.shares_voxels(target))
    image = sitk.Resample(
        to_image(array, source),
        target.shape[::-1],
        transform or sitk.Transform(),
        sitk.sitkNearestNeighbor if exact else sitk.sitkLinear,
        target.origin,
        target.spacing,
        target.direction,
        0.0,
        sitk.sitkFloat32,
    )
    return np.asarray(sitk.GetArrayFromImage(image))
