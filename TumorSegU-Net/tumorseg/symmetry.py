"""The plane that mirrors a brain onto itself, however the head is turned."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorseg.volume import BoolArray, FloatArray, Geometry

Plane = npt.NDArray[np.float64]
"""(offset, slope_y, slope_z) of x = offset + slope_y * y + slope_z * z, mm."""

STEP_MM = 4.0
"""About the distance of the voxels that are looked at."""

MARGIN = 3
"""Voxels by which the brain is taken to go on beyond an image that cuts it."""

SLOPES = np.linspace(-0.45, 0.45, 7)
"""Where the search starts, along both axes: turned by up to 24 degrees, every 8."""

STARTS = 3
"""Of those, the best ones that are followed."""

STEEPEST = 0.6
"""Slope at which the search ends: a head is not turned by more than 31 degrees."""

FAR_MM, NEAR_MM = 16.0, 4.0
"""Distances between a surface and its mirror image that count as half a mismatch, at first and in the end: halves that
differ, because there is a tumor or a cut, must not turn the plane."""

ROUNDS = (FAR_MM,) * 5 + (NEAR_MM,) * 8

STRAIGHT_MM = 1.0
"""Mismatch that a slope of 1 counts as, so that of planes that are equally good, as those of a ball, it is the straight
one."""

SMOOTH_VOXELS = 1.0
"""Standard deviation of the Gaussian that takes the steps of the voxels out of the distances: between these steps the
search would stay where it starts."""

LEAST_POINTS = 50
"""A brain with fewer points on its surface has no plane."""

EVERY = 3
"""Each third point of the surface is enough."""

_NUDGE = np.array([0.5, 0.01, 0.01])
_SETTLED = np.array([0.05, 0.001, 0.001])


@dataclass(frozen=True)
class Surface:
    """The surface of a brain, without what the end of the image cuts.

    Attributes:
        points: (n, 3) x, y, z in mm from ``centre``.
        centre: of the brain, LPS.
        depths: (n,) of the points in ``distances``.
        distances: (z, y, x) mm from the surface, negative inside the brain.
        to_index: 3 x 4 from homogeneous ``points`` to indices (z, y, x) of ``distances``.
    """

    points: npt.NDArray[np.float64]
    centre: npt.NDArray[np.float64]
    depths: FloatArray
    distances: FloatArray
    to_index: npt.NDArray[np.float64]

    def error(self, plane: Plane) -> tuple[npt.NDArray[np.float64], BoolArray]:
        """How far (mm) the mirror image of each point lies from the surface, and whether it lies in the image."""
        normal = np.array([1.0, -plane[1], -plane[2]])
        away = (self.points @ normal - plane[0]) / (normal @ normal)
        mirrored = self.points - 2 * away[:, None] * normal
        index = self.to_index[:, :3] @ mirrored.T + self.to_index[:, 3:]
        inside = ((index >= 0) & (np.array(self.distances.shape) - 1 >= index.T).T).all(axis=0)
        found = ndimage.map_coordinates(self.distances, index, order=1, mode="nearest")
        return np.asarray(found - self.depths, float), inside

    def cost(self, plane: Plane, scale: float) -> float:
        """Mean mismatch, 0 to 1: half for points that are ``scale`` mm off, all for those that cannot be compared."""
        error, inside = self.error(plane)
        straight = (STRAIGHT_MM / scale) ** 2 * (plane[1:] @ plane[1:])
        return float(np.where(inside, error**2 / (scale**2 + error**2), 1.0).mean() + straight)


@dataclass(frozen=True)
class Symmetry:
    """A plane, and how much of the surface does not agree with its mirror image (0 to 1)."""

    plane: Plane
    mismatch: float


def symmetry_plane(brain: BoolArray, geometry: Geometry) -> Symmetry | None:
    """The plane, in LPS, of a brain's best symmetry.

    Args:
        brain: mask (z, y, x) with axes nearest to LPS.
        geometry: its grid.

    Returns:
        None for a brain with hardly any surface.
    """
    surface = _surface(brain, geometry)
    if surface is None:
        return None
    starts = [np.array([0.0, slope_y, slope_z]) for slope_y in SLOPES for slope_z in SLOPES]
    best = sorted(starts, key=lambda plane: surface.cost(plane, FAR_MM))[:STARTS]
    found = min((_followed(surface, plane) for plane in best), key=lambda plane: surface.cost(plane, NEAR_MM))
    mismatch = surface.cost(found, NEAR_MM)
    found[0] += surface.centre @ [1.0, -found[1], -found[2]]
    return Symmetry(found, mismatch)


def _surface(brain: BoolArray, geometry: Geometry) -> Surface | None:
    nz, ny, nx = (max(1, round(STEP_MM / size)) for size in geometry.spacing[::-1])
    coarse = brain[::nz, ::ny, ::nx]
    outline = coarse & ~ndimage.binary_erosion(coarse, border_value=1)
    if np.count_nonzero(outline) < LEAST_POINTS * EVERY:
        return None
    x, y, z = geometry.spacing
    matrix = replace(geometry, spacing=(x * nx, y * ny, z * nz)).index_to_lps[:3]
    axes, origin = matrix[:, :3], matrix[:, 3]
    centre = axes @ np.argwhere(coarse).mean(axis=0)[::-1] + origin
    index = np.argwhere(outline)[::EVERY]
    inverse = np.linalg.inv(axes)
    to_index = np.column_stack([inverse, inverse @ (centre - origin) + MARGIN])[::-1]
    distances = _distances(np.pad(coarse, MARGIN, mode="edge"), (z * nz, y * ny, x * nx))
    depths = distances[tuple(index.T + MARGIN)]
    return Surface(index[:, ::-1] @ axes.T + origin - centre, centre, depths, distances, to_index)


def _distances(brain: BoolArray, sizes: tuple[float, float, float]) -> FloatArray:
    """Smoothed distance (mm) from the surface, negative inside, for voxels of sizes (z, y, x)."""
    inside, outside = (ndimage.distance_transform_edt(mask, sizes) for mask in (brain, ~brain))
    return np.asarray(ndimage.gaussian_filter(outside - inside, SMOOTH_VOXELS), np.float32)


def _followed(surface: Surface, plane: Plane) -> Plane:
    """The nearest plane of least mismatch, by Gauss-Newton steps that weigh less what does not agree anyway."""
    straight = np.diag([0.0, STRAIGHT_MM**2, STRAIGHT_MM**2]) * len(surface.points)
    for scale in ROUNDS:
        error, inside = surface.error(plane)
        weight = inside / (1 + (error / scale) ** 2) ** 2
        moved = [surface.error(plane + nudge)[0] for nudge in np.diag(_NUDGE)]
        change = (np.column_stack(moved) - error[:, None]) / _NUDGE
        slope = change.T @ (weight * error) + straight @ plane
        step = -np.linalg.lstsq((change.T * weight) @ change + straight, slope, rcond=None)[0]
        plane = plane + step
        plane[1:] = np.clip(plane[1:], -STEEPEST, STEEPEST)
        if scale == NEAR_MM and (np.abs(step) < _SETTLED).all():
            break
    return plane
