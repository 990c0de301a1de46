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
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist, squareform

from tumorseg.volume import BoolArray, Geometry, Triple

Points = npt.NDArray[np.float64]

Line = tuple[Triple, Triple]
"""Two end points (x, y, z) in mm, LPS."""

_TOUCHING_2D = np.ones((3, 3), bool)


@dataclass(frozen=True)
class Diameters:
    """The longest line in any axial slice between two voxel centres of one 8-connected area, and the longest line at
    a right angle to it, across the convex hull of the same area. Both are points for an area of one voxel."""

    longest: Line
    perpendicular: Line

    @property
    def longest_mm(self) -> float:
        """Length of the longest line."""
        return float(np.linalg.norm(np.subtract(*self.longest)))

    @property
    def perpendicular_mm(self) -> float:
        """Length of the line across."""
        return float(np.linalg.norm(np.subtract(*self.perpendicular)))


class _Area(NamedTuple):
    """A connected area of one slice (a tuple, as there are thousands): the length of its box's diagonal in mm, the
    number of its slice, the numbered areas of that slice, its own number, and its box."""

    diagonal: float
    plane: int
    areas: npt.NDArray[np.int32]
    number: int
    box: tuple[slice, slice]

    @property
    def mask(self) -> BoolArray:
        """Within its box."""
        return np.asarray(self.areas[self.box] == self.number)

    @property
    def corner(self) -> tuple[int, int]:
        """First row and column of its box."""
        return self.box[0].start, self.box[1].start


def axial_axis(geometry: Geometry) -> int:
    """The array axis (of z, y, x) that runs most nearly from foot to head."""
    return 2 - int(np.abs(np.reshape(geometry.direction, (3, 3))[2]).argmax())


def measure_diameters(mask: BoolArray, geometry: Geometry) -> Diameters | None:
    """Diameters of a mask (z, y, x); None when it is empty.

    Slices are those of the grid that are nearest to axial, so on an oblique grid they are tilted with it.
    """
    through = axial_axis(geometry)
    pixel: Points = np.delete(geometry.spacing[::-1], through)
    best: tuple[float, float] = (-1.0, -1.0)
    found: tuple[_Area, Points] | None = None
    for area in sorted(_areas(np.moveaxis(mask, through, 0), pixel), key=lambda area: -area.diagonal):
        # No line is longer than the diagonal of the box, and the largest boxes come first.
        if area.diagonal < best[0]:
            break
        ends = _lines_across(_outline(area.mask, pixel))
        lengths = (float(np.linalg.norm(ends[1] - ends[0])), float(np.linalg.norm(ends[3] - ends[2])))
        if lengths > best:
            best, found = lengths, (area, ends)
    return None if found is None else _in_patient(*found, pixel, through, geometry)


def _areas(slices: BoolArray, pixel: Points) -> Iterator[_Area]:
    height, width = pixel.tolist()
    for plane, mask in enumerate(slices):
        areas, _ = ndimage.label(mask, _TOUCHING_2D)
        for number, box in enumerate(ndimage.find_objects(areas), start=1):
            rows, columns = (part.stop - part.start - 1 for part in box)
            yield _Area(hypot(rows * height, columns * width), plane, areas, number, box)


def _outline(area: BoolArray, pixel: Points) -> Points:
    """Corners (n, 2) in mm of the convex hull of the pixel centres; the two ends when they lie on one line."""
    centres: Points = np.argwhere(area) * pixel
    on_a_line = np.linalg.matrix_rank(centres - centres[0]) < 2
    return centres[[0, -1]] if on_a_line else centres[ConvexHull(centres).vertices]


def _lines_across(corners: Points) -> Points:
    """Ends (4, 2) in mm of the longest line between two corners, and of the longest one at a right angle to it."""
    distances = squareform(pdist(corners))
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


def _in_patient(area: _Area, ends: Points, pixel: Points, through: int, geometry: Geometry) -> Diameters:
    """Ends (4, 2) in mm from the corner of an area, as lines in LPS."""
    index = np.insert(ends / pixel + area.corner, through, area.plane, axis=1)
    points = np.column_stack([index[:, ::-1], np.ones(4)]) @ geometry.index_to_lps.T
    first, second, third, fourth = (tuple(point) for point in points[:, :3].tolist())
    return Diameters((first, second), (third, fourth))
