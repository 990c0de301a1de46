"""Where tumour foci sit and how large they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .anatomy import Anatomy
from .noise import stream
from .space import FIELD_GRID, Floats, Triple
from .spec import PatientSpec

BUMP_LIMIT = 1.6  # a tumour's outline departs from its ellipsoid by at most this many times its irregularity
_GAP = 7.0  # mm of tissue left between two foci at least


@dataclass(frozen=True)
class Focus:
    """One tumour core: ``centre`` (z, y, x) and ``radius`` in mm."""

    centre: Triple
    radius: float


def place_foci(spec: PatientSpec, anatomy: Anatomy, mask_distance: Floats) -> tuple[Focus, ...]:
    """Place the foci of ``spec`` in cerebral white matter, fields given on the field grid.

    ``ValueError`` if the brain has no room for that many foci.
    """
    rng = stream(spec.seed, "foci")
    depth = -np.maximum(mask_distance, anatomy.pia)  # mm below mask and cortex
    depth[(anatomy.cerebellum < 0) | (anatomy.brainstem < 3) | (anatomy.ventricles < 2)] = -1
    nodes = np.argwhere(depth > 2.0)
    positions = np.asarray(FIELD_GRID.first) + nodes * np.asarray(FIELD_GRID.spacing)
    below_surface = -mask_distance[tuple(nodes.T)]
    foci: list[Focus] = []
    for index in range(spec.n_foci):
        radius = spec.tumour_radius if index == 0 else max(3.5, spec.tumour_radius * rng.uniform(0.25, 0.6))
        allowed = (below_surface > 0.55 * radius) & _clear_of(foci, positions, radius, spec)
        if not allowed.any():
            raise ValueError(f"no room for {spec.n_foci} tumour foci of radius {spec.tumour_radius:.0f} mm")
        z, y, x = positions[rng.choice(np.flatnonzero(allowed))]
        foci.append(Focus((float(z), float(y), float(x)), float(radius)))
    return tuple(foci)


def _clear_of(
    foci: list[Focus], positions: npt.NDArray[np.float64], radius: float, spec: PatientSpec
) -> npt.NDArray[np.bool_]:
    """Positions at which a focus of ``radius`` cannot touch ``foci``, their irregular outlines included."""
    clear = np.ones(len(positions), dtype=bool)
    stretch = max(spec.elongation) * (1 + BUMP_LIMIT * spec.irregularity)
    for focus in foci:
        distance = np.linalg.norm(positions - np.asarray(focus.centre), axis=1)
        clear &= distance > stretch * (focus.radius + radius) + _GAP
    return clear
