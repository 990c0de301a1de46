"""Brain space and sampling grids.

Brain space is in millimetres with axes +x = patient left, +y = posterior, +z = superior and its origin near the
anterior commissure, so that textbook (stereotactic) positions can be typed in directly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Triple = tuple[float, float, float]
Box = tuple[slice, slice, slice]

# Brain-space position (z, y, x) of the middle of the field of view: puts the brain where BraTS has it in 155x240x240.
FIELD_OF_VIEW_CENTRE: Triple = (12.0, 1.5, 0.0)


# Extent (z, y, x) of the BraTS field of view.
FIELD_OF_VIEW_MM: Triple = (155.0, 240.0, 240.0)


@dataclass(frozen=True)
class Grid:
    """A regular axis-aligned grid of ``shape`` (z, y, x) whose voxel 0 lies at ``first`` (z, y, x) mm."""

    shape: tuple[int, int, int]
    spacing: Triple
    first: Triple

    def axes(self) -> tuple[Floats, Floats, Floats]:
        """Positions in mm along z, y and x, each one-dimensional."""
        z, y, x = (
            np.asarray(f + s * np.arange(n), dtype=np.float32)
            for f, s, n in zip(self.first, self.spacing, self.shape, strict=True)
        )
        return z, y, x

    def mesh(self) -> tuple[Floats, Floats, Floats]:
        """Positions z (n, 1, 1), y (1, n, 1) and x (1, 1, n) in mm, ready to broadcast."""
        z, y, x = self.axes()
        return z[:, None, None], y[None, :, None], x[None, None, :]


# Every smooth field of a patient is made on this grid, whatever the image grid is: 2 mm resolves the smooth
# distance fields (tissue borders are drawn from them later, at the resolution of the image).
FIELD_GRID = Grid(shape=(82, 96, 78), spacing=(2.0, 2.0, 2.0), first=(-74.0, -86.0, -77.0))


def image_grid(shape: tuple[int, int, int], spacing: float) -> Grid:
    """The grid of an image of ``shape`` (z, y, x) voxels of ``spacing`` mm around the field-of-view centre."""
    z, y, x = (centre - 0.5 * (count - 1) * spacing for centre, count in zip(FIELD_OF_VIEW_CENTRE, shape, strict=True))
    return Grid(shape, (spacing, spacing, spacing), (z, y, x))


def brain_box(grid: Grid) -> tuple[Box, Grid]:
    """The part of ``grid`` that lies inside FIELD_GRID, as slices into the image and as a grid of its own."""
    slices: list[slice] = []
    firsts: list[float] = []
    for axis, field_axis, first, spacing in zip(grid.axes(), FIELD_GRID.axes(), grid.first, grid.spacing, strict=True):
        inside = np.flatnonzero((axis >= field_axis[0]) & (axis <= field_axis[-1]))
        start, stop = (int(inside[0]), int(inside[-1]) + 1) if inside.size else (0, 0)
        slices.append(slice(start, stop))
        firsts.append(first + start * spacing)
    z, y, x = (s.stop - s.start for s in slices)
    return (slices[0], slices[1], slices[2]), Grid((z, y, x), grid.spacing, (firsts[0], firsts[1], firsts[2]))
