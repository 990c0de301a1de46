"""Mass effect: a growing tumour pushes the tissue around it away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .foci import Focus
from .space import Floats

_REACH = 1.6  # tumour radii (plus a fixed 15 mm) over which the push fades
_SKULL_MARGIN = 10.0  # mm from the skull over which tissue becomes unable to move


def tissue_origins(points: Floats, foci: Sequence[Focus], mass_effect: float, mask_distance: Floats) -> Floats:
    """Where the tissue now at ``points`` (3, n) came from before the tumour grew, (3, n), (z, y, x) mm.

    Around each focus volume is preserved: a ball of radius a = mass_effect * radius opens at its centre and what
    lay at distance r0 moves to (r0^3 + a^3)^(1/3). The push fades with distance and at the skull
    (``mask_distance``, (n,), negative inside).
    """
    at_skull = np.clip(-mask_distance / np.float32(_SKULL_MARGIN), 0, 1)
    origins = points.copy()
    for focus in foci:
        offsets = points - np.asarray(focus.centre, dtype=np.float32)[:, None]
        radius = np.sqrt((offsets**2).sum(axis=0)) + np.float32(1e-3)
        opened = np.float32(mass_effect * focus.radius)
        before = np.cbrt(np.maximum(radius**3 - opened**3, 0))
        fade = np.exp(-((radius / np.float32(_REACH * focus.radius + 15.0)) ** 2))
        origins -= (radius - before) / radius * fade * at_skull * offsets
    return origins
