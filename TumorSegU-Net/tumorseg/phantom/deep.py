"""Ventricles, deep grey nuclei, callosum and choroid plexus; stereotactic positions from textbook anatomy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .shapes import Mesh, ellipsoid, smooth_union, tube
from .space import Floats


@dataclass(frozen=True)
class DeepStructures:
    """Signed distances (mm, negative inside) on the field grid."""

    ventricles: Floats
    grey_nuclei: Floats  # caudate, putamen, hippocampus: as bright as cortex
    mixed_nuclei: Floats  # thalamus and pallidum: between grey and white
    callosum: Floats
    choroid: Floats


def deep_structures(mesh: Mesh, ventricle_scale: float) -> DeepStructures:
    """The deep structures at anatomical positions ``mesh``; ``ventricle_scale`` multiplies ventricular calibres."""
    z, y, x = mesh
    folded: Mesh = (z, y, np.abs(x))
    grow = 1.2 * (ventricle_scale - 1.0)  # mm by which wide ventricles push their neighbours outwards
    outwards: Mesh = (z, y, np.abs(x) - np.float32(2 * grow))
    return DeepStructures(
        ventricles=_ventricles(mesh, folded, ventricle_scale),
        grey_nuclei=_grey_nuclei(outwards),
        mixed_nuclei=_mixed_nuclei(outwards),
        callosum=_callosum(mesh),
        choroid=_choroid(folded),
    )


def _ventricles(mesh: Mesh, folded: Mesh, scale: float) -> Floats:
    """Two lateral ventricles with three horns each, the slit-like third and the fourth ventricle."""
    z, y, x = folded
    squeezed: Mesh = (z, y, x * np.float32(1.25))  # the body is higher than wide
    body = tube(
        squeezed,
        [(12, -32, 2), (13, -22, 10), (13, 0, 17), (17, 22, 20), (29, 38, 13), (31, 56, 8)],
        [1.5 * scale, 4.2 * scale, 3.8 * scale, 4.0 * scale, 5.5 * scale, 1.0 * scale],
    )
    temporal_horn = tube(folded, [(25, 38, 10), (33, 30, -6), (34, 12, -18)], [4.0 * scale, 1.8 * scale, 1.2 * scale])
    lateral = np.maximum(smooth_union([body, temporal_horn], 3.0), np.float32(1.0) - x)  # the septum stays
    third = ellipsoid(mesh, (0.0, 12.0, -2.0), (1.6 * scale, 16.0, 10.0))
    fourth = ellipsoid(mesh, (0.0, 44.0, -32.0), (4.5 * scale, 3.0 * scale, 8.0))
    return np.asarray(np.minimum(np.minimum(lateral, third), fourth), dtype=np.float32)


def _grey_nuclei(mesh: Mesh) -> Floats:
    caudate = tube(mesh, [(12, -14, 2), (14, -10, 10), (17, 6, 19), (22, 22, 19)], [4.5, 4.8, 2.8, 1.8])
    putamen = ellipsoid(mesh, (26.5, -2.0, 2.0), (4.6, 15.5, 9.5))
    hippocampus = tube(mesh, [(24, 6, -20), (28, 18, -16), (26, 34, -6)], [7.0, 4.0, 3.0])
    return np.minimum(np.minimum(caudate, putamen), hippocampus)


def _mixed_nuclei(mesh: Mesh) -> Floats:
    thalamus = ellipsoid(mesh, (11.0, 18.0, 7.0), (9.0, 15.0, 9.0))
    pallidum = ellipsoid(mesh, (18.5, 3.0, -1.0), (3.6, 8.0, 5.5))
    return np.minimum(thalamus, pallidum)


def _callosum(mesh: Mesh) -> Floats:
    z, y, x = mesh
    wide: Mesh = (z, y, x * np.float32(0.25))
    return tube(
        wide, [(0, -22, -4), (0, -34, 6), (0, -24, 21), (0, 6, 27), (0, 32, 22), (0, 42, 14)], [2, 5, 3.5, 3, 3.5, 5]
    )


def _choroid(mesh: Mesh) -> Floats:
    return tube(mesh, [(8, 6, 15), (15, 24, 17), (25, 38, 10), (32, 30, -6)], [1.0, 1.5, 3.5, 1.0])
