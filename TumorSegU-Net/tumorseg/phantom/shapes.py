"""Signed distances (mm, negative inside) to the simple bodies that anatomy is put together from.

Positions z, y, x are arrays that broadcast against one another; points and radii are given as (x, y, z), the order
in which stereotactic positions are written.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .space import Floats, Triple

Mesh = tuple[Floats, Floats, Floats]  # z, y, x

_CENTRE = 1e-3  # keeps the distance to an ellipsoid defined at its centre


def ellipsoid(mesh: Mesh, centre: Triple, radii: Triple) -> Floats:
    """Distance to an axis-aligned ellipsoid, first-order accurate near its surface."""
    scaled = [(p - np.float32(c)) / np.float32(r) for p, c, r in zip(mesh[::-1], centre, radii, strict=True)]
    level = np.sqrt(_CENTRE**2 + sum(s**2 for s in scaled))
    slope = np.sqrt(
        (_CENTRE / min(radii)) ** 2 + sum((s / np.float32(r)) ** 2 for s, r in zip(scaled, radii, strict=True))
    )
    return np.asarray(level * (level - 1) / slope, dtype=np.float32)


def tube(mesh: Mesh, points: Sequence[Triple], radii: Sequence[float]) -> Floats:
    """Distance to a tube through ``points`` whose radius runs linearly from point to point."""
    segments = zip(points[:-1], points[1:], radii[:-1], radii[1:], strict=True)
    return smooth_union([_cone(mesh, *segment) for segment in segments], 1.5)


def _cone(mesh: Mesh, start: Triple, end: Triple, start_radius: float, end_radius: float) -> Floats:
    direction = np.subtract(end, start).astype(np.float32)
    offsets = [p - np.float32(s) for p, s in zip(mesh[::-1], start, strict=True)]
    along = np.clip(sum(o * d for o, d in zip(offsets, direction, strict=True)) / np.dot(direction, direction), 0, 1)
    squared = sum((o - along * d) ** 2 for o, d in zip(offsets, direction, strict=True))
    radius = np.float32(start_radius) + np.float32(end_radius - start_radius) * along
    return np.asarray(np.sqrt(squared) - radius, dtype=np.float32)


def smooth_union(distances: Sequence[Floats], blend: float) -> Floats:
    """Union of bodies, their meeting edges rounded over about ``blend`` mm."""
    total = distances[0]
    for distance in distances[1:]:
        overlap = np.maximum(np.float32(blend) - np.abs(total - distance), 0) / np.float32(blend)
        total = np.minimum(total, distance) - overlap**2 * np.float32(blend / 4)
    return total


def coverage(distance: Floats, width: float) -> Floats:
    """Share of each voxel that lies inside, the border being a ramp.

    Args:
        distance: from the surface in mm, negative inside, any shape.
        width: of the ramp in mm.

    Returns:
        0-1, same shape.
    """
    inside: Floats = np.clip(np.float32(0.5) - distance / np.float32(width), 0, 1)
    return inside
