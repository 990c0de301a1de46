"""Square slice pictures of one scale, radiological: the patient's right on the left side of the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorseg.grids import Scalar, nearest_to_lps, reoriented
from tumorseg.normalise import bounding_box
from tumorseg.regions import SEGMENTS
from tumorseg.volume import BoolArray, FloatArray, Geometry, LabelArray, Triple

Picture = npt.NDArray[np.uint8]

PIXEL_MM = 0.6
MARGIN_MM = 9.0
FILL = 0.22
"""Opacity of a label's area; its edge is opaque."""

LPS_TO_RAS = (-1, -1, 1)
"""Signs of x, y and z."""

WINDOW_PERCENTILES = (1.0, 99.7)
"""Gray values run between these percentiles of what is not 0."""


@dataclass(frozen=True)
class Plane:
    """A direction of slices.

    Attributes:
        name: shown to the user.
        axis: of arrays (z, y, x) near LPS that runs through the slices.
        flipped: whether rows run against their axis, so that the head is on top.
        edges: letters at the left, right and top edge of a picture.
    """

    name: str
    axis: int
    flipped: bool
    edges: tuple[str, str, str]


PLANES = (
    Plane("axial", 0, False, ("R", "L", "A")),
    Plane("coronal", 1, True, ("R", "L", "S")),
    Plane("sagittal", 2, True, ("A", "P", "S")),
)
AXIAL = PLANES[0]


class Camera:
    """Cuts pictures out of arrays on one grid; all show the same square of the patient around the content.

    Args:
        geometry: of the arrays.
        content: (z, y, x) what should be seen, e.g. the brain.
    """

    def __init__(self, geometry: Geometry, content: BoolArray) -> None:
        self._source = geometry
        self.grid = nearest_to_lps(geometry)
        box = bounding_box(self.turned(content if content.any() else ~content), margin=0)
        bounds = [(part.start, part.stop - 1) for part in box]
        self._spacing = np.array(self.grid.spacing[::-1])
        self._centre = np.mean(bounds, axis=1)
        self.side_mm = float(np.max(np.diff(bounds, axis=1)[:, 0] * self._spacing)) + 2 * MARGIN_MM
        self.pixels = int(np.ceil(self.side_mm / PIXEL_MM))

    def turned(self, array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """An array of the source grid with its axes near LPS, as ``gray`` and ``overlay`` take them."""
        return reoriented(array, self._source, self.grid)

    def gray(self, array: FloatArray, window: tuple[float, float], plane: Plane, number: int) -> Picture:
        """A slice (row, column) of a turned volume, dark to bright between the values of the window."""
        low, high = window
        values = self._cut(array, plane, number, order=1)
        return np.asarray((np.clip((values - low) / (high - low), 0, 1) * 255).astype(np.uint8))

    def overlay(self, picture: Picture, labels: LabelArray, plane: Plane, number: int) -> Picture:
        """A gray picture in RGB, with the turned labels in their colors."""
        shown = self._cut(labels, plane, number, order=0)
        colored = np.repeat(picture[..., None], 3, axis=2).astype(np.float32)
        edge = _edges(shown)
        for label, segment in SEGMENTS.items():
            area = shown == label
            color = 255 * np.array(segment.color, np.float32)
            colored[area] = (1 - FILL) * colored[area] + FILL * color
            colored[area & edge] = color
        return np.asarray(np.rint(colored).astype(np.uint8))

    def number(self, point: Triple, plane: Plane) -> int:
        """The slice that is nearest to a point (mm, LPS)."""
        nearest = round(float(self._index(point)[plane.axis]))
        return min(max(nearest, 0), self.grid.shape[plane.axis] - 1)

    def position(self, plane: Plane, number: int) -> str:
        """Where a slice lies, e.g. ``z = 42 mm``: RAS coordinate of its middle along the axis through the slices.

        A letter would look like a side of the head, but the origin may lie beside it, as in the files of BraTS.
        """
        index = self._centre.copy()
        index[plane.axis] = number
        axis = 2 - plane.axis
        coordinate = (self.grid.index_to_lps @ [*index[::-1], 1.0])[axis] * LPS_TO_RAS[axis]
        return f"{'xyz'[axis]} = {round(coordinate)} mm"

    def place(self, point: Triple, plane: Plane) -> tuple[float, float]:
        """Where a point (mm, LPS) lies in a picture: (from the left, from the top), 0-1."""
        away = np.delete((self._index(point) - self._centre) * self._spacing, plane.axis)
        rows, columns = away * (-1 if plane.flipped else 1, 1) / (self.pixels * PIXEL_MM) + 0.5
        return float(columns), float(rows)

    def _index(self, point: Triple) -> npt.NDArray[np.float64]:
        """Array index (z, y, x) of a point."""
        return np.asarray((np.linalg.inv(self.grid.index_to_lps) @ [*point, 1.0])[2::-1])

    def _cut(self, array: npt.NDArray[Scalar], plane: Plane, number: int, order: int) -> npt.NDArray[Scalar]:
        scale = np.delete(PIXEL_MM / self._spacing, plane.axis) * (-1 if plane.flipped else 1, 1)
        first = np.delete(self._centre, plane.axis) - scale * (self.pixels - 1) / 2
        cut = array.take(number, axis=plane.axis)
        return np.asarray(ndimage.affine_transform(cut, scale, first, (self.pixels, self.pixels), order=order))


def window_of(array: FloatArray) -> tuple[float, float]:
    """Values that are shown black and white, for a volume (z, y, x) that is 0 around the brain and not empty."""
    inside = array[::2, ::2, ::2]
    low, high = np.percentile(inside[inside != 0], WINDOW_PERCENTILES)
    return float(low), float(max(high, low + 1e-6))


def richest_slice(mask: BoolArray, axis: int) -> int:
    """The slice along an axis of (z, y, x) that holds most of a mask."""
    return int(mask.sum(axis=tuple({0, 1, 2} - {axis})).argmax())


def _edges(labels: npt.NDArray[np.generic]) -> BoolArray:
    """Pixels with another label above, below, left or right of them."""
    padded = np.pad(labels, 1)
    inner = padded[1:-1, 1:-1]
    around = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    return np.asarray(np.any([inner != other for other in around], axis=0))
