"""Left or right: the plane between the halves of the brain, and the side on which something lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tumorseg.grids import nearest_to_lps, reoriented
from tumorseg.symmetry import symmetry_plane
from tumorseg.volume import BoolArray, FloatArray, Geometry, Volume

Side = Literal["left", "right", "midline"]

CROSSING_SHARE = 0.2
"""A lesion lies in the midline when at least this part of its volume lies on either side."""

MOST_MISMATCH = 0.4
"""Between a brain and its mirror image. Whole brains with a tumor have 0.05 to 0.25, and up to 0.4 where the image cuts
30 mm off one side; where it cuts 60 mm, they have more, and there is no symmetry to be found."""

_EVERY = 2
"""Of the rows of the brain, each second one is enough to fit a plane."""


@dataclass(frozen=True)
class Midline:
    """The plane x = offset + slope_y * y + slope_z * z, mm in LPS; larger x is the patient's left."""

    offset: float
    slope_y: float = 0.0
    slope_z: float = 0.0

    def distance(self, geometry: Geometry) -> FloatArray:
        """How far (mm along x) every voxel (z, y, x) of a grid lies to the left of the plane."""
        matrix = geometry.index_to_lps
        i, j, k, constant = matrix[0] - self.slope_y * matrix[1] - self.slope_z * matrix[2]
        z, y, x = np.ogrid[tuple(slice(size) for size in geometry.shape)]
        return np.asarray(constant - self.offset + i * x + j * y + k * z, np.float32)


def find_midline(brain: BoolArray, geometry: Geometry) -> Midline | None:
    """The plane of the brain's symmetry, which turns with the head.

    It is :func:`middle_of_rows` where the halves differ too much.

    Args:
        brain: mask (z, y, x) with axes nearest to LPS.
        geometry: its grid.

    Returns:
        None for a mask that is too small to fit a plane.
    """
    found = symmetry_plane(brain, geometry)
    if found is None or found.mismatch > MOST_MISMATCH:
        return middle_of_rows(brain, geometry)
    return Midline(*found.plane.tolist())


def middle_of_rows(brain: BoolArray, geometry: Geometry) -> Midline | None:
    """Fit a plane through the middles of the brain's rows from right to left, along which halves are compared.

    It follows the brain's outline, but only a third of a turn of the head. Networks were trained with it.

    Args:
        brain: mask (z, y, x) with axes nearest to LPS.
        geometry: its grid.

    Returns:
        None for a mask that is too small to fit a plane.
    """
    rows = brain[::_EVERY, ::_EVERY]
    widths = rows.sum(axis=2, dtype=np.float32)
    z, y = np.nonzero(widths)
    if len(z) < 3:
        return None
    middles = (rows @ np.arange(brain.shape[2], dtype=np.float32))[z, y] / widths[z, y]
    index = np.column_stack([middles, y * _EVERY, z * _EVERY, np.ones(len(z))])
    points = index @ geometry.index_to_lps.T
    # Wide rows say more about the middle than the short ones at the poles.
    weight = np.sqrt(widths[z, y])
    design = np.column_stack([np.ones(len(z)), points[:, 1], points[:, 2]])
    (offset, slope_y, slope_z), *_ = np.linalg.lstsq(design * weight[:, None], points[:, 0] * weight, rcond=None)
    return Midline(float(offset), float(slope_y), float(slope_z))


def midline_of(brain: Volume) -> Midline | None:
    """The midline of a brain mask or of a volume that is 0 outside the brain, on any grid."""
    grid = nearest_to_lps(brain.geometry)
    return find_midline(reoriented(brain.array != 0, brain.geometry, grid), grid)


def side_of(left_share: float) -> Side:
    """The side of something of whose volume this part (0-1) lies left of the midline."""
    if CROSSING_SHARE <= left_share <= 1 - CROSSING_SHARE:
        return "midline"
    return "left" if left_share > 0.5 else "right"
