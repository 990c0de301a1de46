"""Outer form of the brain: cerebrum, cerebellum and brainstem, and the mask that skull-stripping leaves.

Positions are stereotactic (see ``space``), typed in from textbook proportions of an adult brain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .shapes import Mesh, ellipsoid, smooth_union, tube
from .space import Floats


@dataclass(frozen=True)
class Outline:
    """Signed distances (mm, negative inside) on the field grid."""

    cerebrum: Floats  # fissures closed
    cerebellum: Floats
    brainstem: Floats
    fissures: Floats  # the sheets of CSF between the hemispheres and above the temporal lobes, negative inside
    mask: Floats  # everything skull-stripping leaves


def outline(mesh: Mesh, sulcal_width: float, mask_margin: Floats) -> Outline:
    """The outline of a brain at anatomical positions ``mesh``; the mask keeps ``mask_margin`` mm around the brain."""
    z, y, x = mesh
    folded: Mesh = (z, y, np.abs(x))
    hemispheres, temporal = _hemisphere(folded), _temporal_lobe(folded)
    cerebrum = smooth_union([hemispheres, temporal], 4.0)
    cerebellum = smooth_union(
        [ellipsoid(folded, (22.0, 58.0, -33.0), (30.0, 31.0, 24.0)), ellipsoid(mesh, (0.0, 56.0, -28.0), (12, 24, 22))],
        6.0,
    )
    brainstem = tube(mesh, [(0, 22, -4), (0, 24, -24), (0, 30, -40), (0, 38, -60)], [13.0, 14.5, 12.0, 8.0])
    fissures = np.minimum(_longitudinal_fissure(folded), _sylvian_fissure(folded)) - np.float32(sulcal_width)
    closed = smooth_union([smooth_union([hemispheres, temporal], 16.0), cerebellum, brainstem], 12.0)
    tentorium = np.float32(0.8) - cerebellum
    return Outline(np.maximum(cerebrum, tentorium), cerebellum, brainstem, fissures, closed - mask_margin)


def _hemisphere(mesh: Mesh) -> Floats:
    z, y, x = mesh
    lobes = [
        ellipsoid(mesh, (17.0, -16.0, 20.0), (37.0, 51.0, 44.0)),  # frontal
        ellipsoid(mesh, (23.0, 28.0, 27.0), (45.0, 55.0, 49.0)),  # parietal
        ellipsoid(mesh, (18.0, 58.0, 10.0), (34.0, 36.0, 28.0)),  # occipital
    ]
    base = np.float32(-21.0) + np.float32(6.0) * np.clip(y / 60, 0, 1)
    hollow = np.float32(9.0) * np.exp(-((x / 18) ** 2) - ((y - 5) / 24) ** 2)  # above the sella
    above_base = np.asarray(z - base - hollow, dtype=np.float32)
    return -smooth_union([-smooth_union(lobes, 22.0), above_base], 16.0)


def _temporal_lobe(mesh: Mesh) -> Floats:
    return tube(mesh, [(41, -8, -28), (47, 8, -22), (48, 30, -14), (44, 50, -4)], [12.0, 17.5, 18.0, 17.0])


def _longitudinal_fissure(mesh: Mesh) -> Floats:
    """Distance to the midline sheet, which ends above the corpus callosum and in front of the brainstem."""
    z, y, x = mesh
    flat: Mesh = (z, y, np.zeros_like(x))
    below_callosum = ellipsoid(flat, (0.0, 5.0, 0.0), (10.0, 43.0, 29.0))
    return np.asarray(np.hypot(x, np.maximum(-below_callosum, 0)), dtype=np.float32)


def _sylvian_fissure(mesh: Mesh) -> Floats:
    """Distance to the cleft above the temporal lobe and to the cleft over the insula at its depth."""
    z, y, x = mesh
    height = np.float32(-8.0) + np.float32(0.28) * (y + 18) - np.float32(0.3) * (x - 45)
    past_ends = np.maximum(np.maximum(-22 - y, y - 34), 0)
    cleft = np.sqrt((z - height) ** 2 + np.maximum(37 - x, 0) ** 2 + past_ends**2)
    insula = np.sqrt(
        (x - 37) ** 2 + np.maximum(np.abs(z - height - 3) - 10, 0) ** 2 + np.maximum(past_ends, y - 20) ** 2
    )
    return np.asarray(np.minimum(cleft, insula), dtype=np.float32)
