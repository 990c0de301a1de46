"""Tumour core, enhancing rim and oedema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import label

from .anatomy import Anatomy, sample
from .cortex import CORTEX_THICKNESS
from .foci import BUMP_LIMIT, Focus
from .noise import noise_field, stream
from .shapes import coverage
from .space import FIELD_GRID, Floats, Mask
from .spec import PatientSpec

NECROSIS, OEDEMA, ENHANCING = 1, 2, 3  # values of Patient.labels (BraTS 2023 numbering)

_ISLAND_BORDER = 1.2  # spread up to which points count as connected; beyond 1.25 nothing is wet
_FAR = 10.0  # spread of points that oedema cannot reach


@dataclass(frozen=True)
class Tumour:
    """Shares (0-1) of the tumour's parts at each sampled point, (n,) each; their sum is at most 1."""

    core: Floats  # necrotic or non-enhancing
    oedema: Floats
    enhancing: Floats
    labels: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class _Shape:
    """Smooth fields on the field grid."""

    core: Floats  # mm to the outline of the core, negative inside
    rim: Floats  # mm of enhancement below that outline
    reach: Floats  # mm that oedema reaches beyond it


@dataclass(frozen=True)
class Site:
    """The sampled points inside the brain: ``points`` (3, n), (z, y, x) mm, in the order of ``mask`` (z, y, x)."""

    mask: Mask
    points: Floats
    mask_distance: Floats  # (n,) mm to the border of the mask, negative inside


def grow_tumour(spec: PatientSpec, foci: Sequence[Focus], anatomy: Anatomy, site: Site, softness: float) -> Tumour:
    """The tumour at the points of ``site``, given the displaced ``anatomy`` there; borders of ``softness`` mm."""
    shape = _draw_shape(spec, foci)
    core, rim, reach = (sample(field, site.points) for field in (shape.core, shape.rim, shape.reach))
    barrier = _barriers(anatomy, foci, site.mask_distance)
    core = np.maximum(core + barrier, -1.0 - anatomy.ventricles)
    spread = _without_islands(_spread(core, reach, anatomy) + barrier / np.float32(6.0), core, site.mask)
    inside, inner, wet = coverage(core, softness), coverage(core + rim, softness), coverage(8 * (spread - 1), 4.0)
    enhancing = inside - inner if spec.enhancing else np.zeros_like(inside)
    labels = np.select(
        [(core < 0) & (core > -rim) & spec.enhancing, core < 0, spread < 1], [ENHANCING, NECROSIS, OEDEMA], 0
    )
    return Tumour(inside - enhancing, wet * (1 - inside), enhancing, labels.astype(np.uint8))


def _without_islands(spread: Floats, core: Floats, mask: Mask) -> Floats:
    """``spread`` raised out of reach wherever it is not connected to a core: fluid does not jump across sulci."""
    wet = np.zeros(mask.shape, dtype=bool)
    wet[mask] = (spread < _ISLAND_BORDER) | (core < 0)
    components = label(wet)[0][mask]
    reached = np.unique(components[core < 0])
    return np.where(np.isin(components, reached), spread, np.float32(_FAR))


def _draw_shape(spec: PatientSpec, foci: Sequence[Focus]) -> _Shape:
    rng = stream(spec.seed, "tumour shape")
    coarse = noise_field(rng, float(np.clip(spec.tumour_radius, 12, 30))).on_grid(FIELD_GRID)
    fine = noise_field(rng, 9.0).on_grid(FIELD_GRID)
    core = np.min([_focus_distance(spec, focus) + _bumps(spec, focus, coarse, fine) for focus in foci], axis=0)
    rim = _rim_thickness(spec, rng)
    uneven = np.clip(noise_field(rng, 35.0).on_grid(FIELD_GRID), -2, 1)
    reach = np.float32(spec.oedema_reach) * np.exp(np.float32(0.45) * uneven)
    return _Shape(core, rim, reach)


def _focus_distance(spec: PatientSpec, focus: Focus) -> Floats:
    scaled = [
        (p - np.float32(c)) / np.float32(e)
        for p, c, e in zip(FIELD_GRID.mesh(), focus.centre, spec.elongation[::-1], strict=True)
    ]
    return np.asarray(np.sqrt(sum(s**2 for s in scaled)) - np.float32(focus.radius), dtype=np.float32)


def _bumps(spec: PatientSpec, focus: Focus, coarse: Floats, fine: Floats) -> Floats:
    """Irregularity of the outline in mm, limited so that a focus neither vanishes nor reaches its neighbour."""
    amplitude = np.float32(spec.irregularity * focus.radius)
    return amplitude * np.clip(np.float32(0.9) * coarse + np.float32(0.35) * fine, -BUMP_LIMIT, BUMP_LIMIT)


def _rim_thickness(spec: PatientSpec, rng: np.random.Generator) -> Floats:
    """Thickness of the enhancing rim: uneven, and zero where the rim is broken."""
    unevenness = np.exp(np.float32(0.5) * noise_field(rng, 14.0).on_grid(FIELD_GRID))
    gaps = noise_field(rng, 22.0).on_grid(FIELD_GRID)
    present = np.clip(2 + 4 * (gaps - np.quantile(gaps, spec.rim_gap)), 0, 1)
    return np.asarray(np.float32(spec.rim_thickness) * unevenness * present, dtype=np.float32)


def _barriers(anatomy: Anatomy, foci: Sequence[Focus], mask_distance: Floats) -> Floats:
    """Penalty in mm for where a tumour does not grow: across the falx, into another compartment, outside."""
    sides = {bool(focus.centre[2] > 0) for focus in foci}
    across = np.zeros_like(anatomy.midline)
    if len(sides) == 1:
        beyond = -anatomy.midline if sides.pop() else anatomy.midline
        across = np.clip(beyond, 0, 12) * np.clip(anatomy.callosum / 6, 0, 1)
    tentorium = np.clip(-anatomy.cerebellum, 0, 12)
    cisterns = 2 * np.clip(anatomy.smooth_pia - 1, 0, 4)
    outside = 3 * np.clip(mask_distance + 1, 0, 4)
    return np.asarray(across + tentorium + cisterns + outside, dtype=np.float32)


def _spread(core: Floats, reach: Floats, anatomy: Anatomy) -> Floats:
    """How far out a point is, 1 being the border of the oedema: fluid follows white matter and spares cortex."""
    depth = np.clip(-(anatomy.smooth_pia + np.float32(CORTEX_THICKNESS)), -4, 8)
    preference = np.float32(0.55) + np.float32(0.45) * np.clip(depth / 6, 0, 1)
    cortex = np.clip(np.float32(0.5) - depth / 3, 0, 1)
    nuclei = coverage(np.minimum(anatomy.grey_nuclei, anatomy.mixed_nuclei), 3.0)
    ventricle = coverage(anatomy.ventricles - np.float32(0.5), 1.0)
    distance = np.maximum(core, 0) / (reach * preference)
    spread = distance + np.float32(0.6) * cortex + np.float32(0.35) * nuclei + 4 * ventricle
    return np.asarray(spread + 2 * np.clip(anatomy.smooth_pia, 0, 1), dtype=np.float32)
