"""The two diameters of RANO: the longest line in an axial slice and the longest one across it, as lines in the patient.

Source: Wen et al. 2010, J Clin Oncol 28:1963 (doi 10.1200/JCO.2009.26.3541).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import hypot
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorseg.volume import MEASURED_DECIMALS, BoolArray, Geometry, Triple

Points = npt.NDArray[np.float64]

Line = tuple[Triple, Triple]
"""Two end points (x, y, z) in mm, LPS."""

_TOUCHING_IN_SLICE = np.zeros((3, 3, 3), bool)
_TOUCHING_IN_SLICE[1] = True
"""8-connected within a slice (first axis), not connected between slices."""


@dataclass(frozen=True)
class Diameters:
    """The longest line in any axial slice between two voxel centres of one 8-connected area, and the longest line at
    a right angle to it, across the convex hull of the same area. Both are points for an area of one voxel.

    Lengths are rounded to micrometres: once and here, so that whoever shows them with fewer decimals shows the same."""

    longest: Line
    perpendicular: Line

    @property
    def longest_mm(self) -> float:
        """Length of the longest line."""
        return _length(self.longest)

    @property
    def perpendicular_mm(self) -> float:
        """Length of the line across."""
        return _length(self.perpendicular)


def _length(line: Line) -> float:
    return round(float(np.linalg.norm(np.subtract(*line))), MEASURED_DECIMALS)


class _Area(NamedTuple):
    """A connected area of one slice (a tuple, as there are thousands): the length of its box's diagonal in mm, its
    number, and its box: slice, rows, columns."""

    diagonal: float
    number: int
    box: tuple[slice, slice, slice]


def axial_axis(geometry: Geometry) -> int:
    """The array axis (of z, y, x) that runs most nearly from foot to head."""
    return 2 - int(np.abs(np.reshape(geometry.direction, (3, 3))[2]).argmax())


def measure_diameters(mask: BoolArray, geometry: Geometry) -> Diameters | None:
    """Diameters of a mask (z, y, x); None when it is empty.

    Slices are those of the grid that are nearest to axial, so on an oblique grid they are tilted with it.
    """
    through = axial_axis(geometry)
    pixel: Points = np.delete(geometry.spacing[::-1], through)
    areas, _ = ndimage.label(np.moveaxis(mask, through, 0), _TOUCHING_IN_SLICE)
    best: tuple[float, float] = (-1.0, -1.0)
    found: Points | None = None
    for area in sorted(_areas(areas, pixel), key=lambda area: -area.diagonal):
        # No line is longer than the diagonal of the box, and the largest boxes come first.
        if area.diagonal < best[0]:
            break
        plane, rows, columns = area.box
        ends = _lines_across(_outline(areas[plane.start, rows, columns] == area.number, pixel))
        lengths = (float(np.linalg.norm(ends[1] - ends[0])), float(np.linalg.norm(ends[3] - ends[2])))
        if lengths > best:
            corner = (rows.start, columns.start)
            best, found = lengths, np.insert(ends / pixel + corner, 0, plane.start, axis=1)
    return None if found is None else _in_patient(found, through, geometry)


def _areas(areas: npt.NDArray[np.int32], pixel: Points) -> Iterator[_Area]:
    height, width = pixel.tolist()
    for number, box in enumerate(ndimage.find_objects(areas), start=1):
        rows, columns = (part.stop - part.start - 1 for part in box[1:])
        yield _Area(hypot(rows * height, columns * width), number, box)


def _outline(area: BoolArray, pixel: Points) -> Points:
    """Corners (n, 2) in mm of the convex hull of the pixel centres; no row of an area is empty."""
    # The first and the last pixel of every row have the same hull as all pixels.
    first, last = area.argmax(axis=1), area.shape[1] - 1 - area[:, ::-1].argmax(axis=1)
    return np.array([*_chain(first.tolist(), 1), *_chain(last.tolist(), -1)]) * pixel


def _chain(columns: list[int], side: int) -> list[tuple[int, int]]:
    """Corners (row, column) of the hull of one pixel per row (Andrew 1979, Inf Process Lett 9:216).

    Written here because importing scipy.spatial takes longer than all measurements.

    Args:
        columns: of the pixels, by row.
        side: 1 for the corners towards small columns, -1 for the others.
    """
    corners: list[tuple[int, int]] = []
    for row, column in enumerate(columns):
        while len(corners) > 1:
            (r0, c0), (r1, c1) = corners[-2:]
            if side * ((r1 - r0) * (column - c0) - (c1 - c0) * (row - r0)) > 0:
                break
            corners.pop()
        corners.append((row, column))
    return corners


def _lines_across(corners: Points) -> Points:
    """Ends (4, 2) in mm of the longest line between two corners, and of the longest one at a right angle to it."""
    distances = np.linalg.norm(corners[:, None] - corners, axis=2)
    first, last = np.unravel_index(distances.argmax(), distances.shape)
    longest = float(distances[first, last])
    start = corners[first]
    if not longest:
        return np.stack([start] * 4)
    along = (corners[last] - start) / longest
    normal = np.array([-along[1], along[0]])
    x, y = ((corners - start) @ np.column_stack([along, normal])).T
    # In these coordinates the diameter runs from (0, 0) to (longest, 0) and splits the hull in two chains.
    above, below = _height(x, y, x), _height(x, -y, x)
    widest = (above + below).argmax()
    foot = start + x[widest] * along
    return np.stack([start, corners[last], foot + above[widest] * normal, foot - below[widest] * normal])


def _height(x: Points, y: Points, at: Points) -> Points:
    """Height of the hull above the diameter at the given positions along it."""
    upper = y >= -1e-9
    order = np.argsort(x[upper])
    return np.asarray(np.interp(at, x[upper][order], y[upper][order]))


def _in_patient(ends: Points, through: int, geometry: Geometry) -> Diameters:
    """Ends (4, 3) as indices (slice, row, column), as lines in LPS."""
    index = np.insert(ends[:, 1:], through, ends[:, 0], axis=1)
    points = np.column_stack([index[:, ::-1], np.ones(4)]) @ geometry.index_to_lps.T
    first, second, third, fourth = (tuple(point) for point in points[:, :3].tolist())
    return Diameters((first, second), (third, fourth))
