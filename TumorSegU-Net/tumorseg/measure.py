"""What a radiologist measures: volume, number of parts, and the two diameters of RANO."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist, squareform

from tumorseg.regions import REGIONS, SEGMENTS, UNDIVIDED
from tumorseg.volume import BoolArray, Geometry, LabelArray

Points = npt.NDArray[np.float64]

PARTS: dict[str, tuple[int, ...]] = {
    **{segment.short_name: (label,) for label, segment in SEGMENTS.items() if label != UNDIVIDED},
    "WT": REGIONS["WT"],
    "TC": REGIONS["TC"],
}
"""Labels of everything that is measured, in the order of tables: NCR, ED, ET, WT, TC."""

TOUCHING = np.ones((3, 3, 3), bool)
"""26-connected, as BraTS counts lesions."""

_TOUCHING_2D = np.ones((3, 3), bool)


@dataclass(frozen=True)
class RegionMeasure:
    """Measurements of one label or region; all 0 when it is absent.

    Attributes:
        volume_ml: number of voxels times their volume, in millilitres.
        components: number of 26-connected parts.
        longest_diameter_mm: longest line in any axial slice between two voxels of one 8-connected area. Slices are
            those of the grid that are nearest to axial, so on an oblique grid they are tilted with it. Measured
            between voxel centres: a single voxel has 0.
        perpendicular_mm: longest line at a right angle to it, across the convex hull of the same area.
    """

    volume_ml: float
    components: int
    longest_diameter_mm: float
    perpendicular_mm: float


def measure(labels: LabelArray, geometry: Geometry) -> dict[str, RegionMeasure]:
    """Measure the labels NCR, ED, ET and the regions WT, TC; only WT where the model does not divide the tumor.

    Args:
        labels: engine labels (z, y, x).
        geometry: their grid; voxels need not be cubes.
    """
    tumor = ndimage.find_objects(labels > 0, max_label=1)[0]
    cropped = labels[tumor] if tumor else labels[:0, :0, :0]
    names = ["WT"] if np.any(cropped == UNDIVIDED) else list(PARTS)
    return {name: _measure_mask(np.isin(cropped, PARTS[name]), geometry) for name in names}


def _measure_mask(mask: BoolArray, geometry: Geometry) -> RegionMeasure:
    count = int(np.count_nonzero(mask))
    if not count:
        return RegionMeasure(0.0, 0, 0.0, 0.0)
    _, components = ndimage.label(mask, TOUCHING)
    return RegionMeasure(count * geometry.voxel_volume_ml, int(components), *_diameters(mask, geometry))


def _diameters(mask: BoolArray, geometry: Geometry) -> tuple[float, float]:
    """Longest diameter and its perpendicular over all axial slices, in mm."""
    # The index axis (x, y, z) that runs most nearly from foot to head; arrays count axes from z.
    through = int(np.abs(np.reshape(geometry.direction, (3, 3))[2]).argmax())
    slices = np.moveaxis(mask, 2 - through, 0)
    pixel = np.array(np.delete(geometry.spacing, through)[::-1])
    best = (0.0, 0.0)
    for diagonal, area in sorted(_areas(slices, pixel), key=lambda item: -item[0]):
        # No line is longer than the diagonal of the box, and the largest boxes come first.
        if diagonal < best[0]:
            break
        best = max(best, _area_diameters(_outline(area, pixel)))
    return best


def _areas(slices: BoolArray, pixel: Points) -> Iterator[tuple[float, BoolArray]]:
    """Every connected area of every slice, cut out, with the diagonal of its box in mm."""
    for plane in slices:
        areas, _ = ndimage.label(plane, _TOUCHING_2D)
        for number, box in enumerate(ndimage.find_objects(areas), start=1):
            area = areas[box] == number
            yield _diagonal(area.shape, pixel), area


def _diagonal(shape: tuple[int, ...], pixel: Points) -> float:
    return float(np.linalg.norm((np.array(shape) - 1) * pixel))


def _outline(area: BoolArray, pixel: Points) -> Points:
    """Corners (n, 2) in mm of the convex hull of the pixel centres; the two ends when they lie on one line."""
    centres: Points = np.argwhere(area) * pixel
    on_a_line = np.linalg.matrix_rank(centres - centres[0]) < 2
    return centres[[0, -1]] if on_a_line else centres[ConvexHull(centres).vertices]


def _area_diameters(corners: Points) -> tuple[float, float]:
    distances = squareform(pdist(corners))
    first, last = np.unravel_index(distances.argmax(), distances.shape)
    longest = float(distances[first, last])
    if not longest:
        return 0.0, 0.0
    along = (corners[last] - corners[first]) / longest
    x, y = ((corners - corners[first]) @ np.column_stack([along, [-along[1], along[0]]])).T
    # In these coordinates the diameter runs from (0, 0) to (longest, 0) and splits the hull in two chains.
    return longest, float(max(_height(x, y, x) + _height(x, -y, x)))


def _height(x: Points, y: Points, at: Points) -> Points:
    """Height of the hull above the diameter at the given positions along it."""
    upper = y >= -1e-9
    order = np.argsort(x[upper])
    return np.asarray(np.interp(at, x[upper][order], y[upper][order]))
