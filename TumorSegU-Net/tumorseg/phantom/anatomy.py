"""The healthy brain of one patient, as smooth fields in brain space."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from .cortex import cerebellar_folia, cerebral_pia
from .deep import deep_structures
from .lookup import looked_up
from .noise import noise_field, stream
from .outline import outline
from .shapes import Mesh
from .space import FIELD_GRID, Floats
from .spec import PatientSpec


class Anatomy(NamedTuple):
    """Distances in mm, negative inside; all arrays of one shape (the field grid, or a list of sampled points)."""

    pia: Floats  # pial surface of the cerebrum
    smooth_pia: Floats  # surface of cerebrum and brainstem without detail below about 5 mm
    cerebellum: Floats
    folia: Floats  # middle of the fissures between the cerebellum's folia
    brainstem: Floats
    ventricles: Floats
    grey_nuclei: Floats  # caudate, putamen, hippocampus
    mixed_nuclei: Floats  # thalamus, pallidum
    callosum: Floats
    choroid: Floats
    midline: Floats  # anatomical x: 0 on the midline, positive left


def healthy_anatomy(spec: PatientSpec) -> tuple[Anatomy, Floats]:
    """The brain of ``spec`` without its tumour and the distance to its mask, both on the field grid."""
    rng = stream(spec.seed, "brain")
    mesh = individual_positions(spec, rng)
    margin = spec.mask_margin + np.float32(0.7) * noise_field(rng, 12.0).on_grid(FIELD_GRID)
    outer = outline(mesh, spec.sulcal_width, margin)
    deep = deep_structures(mesh, spec.ventricle_scale)
    pia = cerebral_pia(mesh, outer, spec.sulcal_width, rng)
    folia = cerebellar_folia(mesh, rng)
    anatomy = Anatomy(
        pia, gaussian_filter(np.minimum(pia, outer.brainstem), 1.2), outer.cerebellum, folia, outer.brainstem,
        deep.ventricles, deep.grey_nuclei, deep.mixed_nuclei, deep.callosum, deep.choroid, mesh[2],
    )  # fmt: skip
    return anatomy, outer.mask


def sample(field: Floats, points: Floats) -> Floats:
    """Values of ``field`` (on the field grid) at ``points`` (3, n), (z, y, x) mm in brain space."""
    return looked_up(field, _in_nodes(points), order=1)


def sample_anatomy(anatomy: Anatomy, points: Floats) -> Anatomy:
    """All fields of ``anatomy`` at ``points`` (3, n), (z, y, x) mm in brain space."""
    places = _in_nodes(points)
    return Anatomy(*(looked_up(field, places, order=1) for field in anatomy))


def _in_nodes(points: Floats) -> Floats:
    places = zip(points, FIELD_GRID.first, FIELD_GRID.spacing, strict=True)
    return np.stack([(point - first) / size for point, first, size in places])


def individual_positions(spec: PatientSpec, rng: np.random.Generator) -> Mesh:
    """Position in the standard brain of every node of the field grid: scaled, then bent by smooth noise."""
    standard = [p / np.float32(s) for p, s in zip(FIELD_GRID.mesh(), spec.brain_scale[::-1], strict=True)]
    z, y, x = np.broadcast_arrays(*standard)
    distances, columns = np.unique(np.abs(standard[2]), return_inverse=True)
    half = np.broadcast_arrays(*standard[:2], distances)
    mirrored = [noise_field(rng, 70.0).at(*half)[..., columns.ravel()] for _ in range(3)]
    own = [noise_field(rng, 60.0).on_grid(FIELD_GRID) for _ in range(3)]
    wiggles = [noise_field(rng, 22.0).on_grid(FIELD_GRID) for _ in range(3)]
    mirrored[2] *= np.clip(x / 10, -1, 1)  # the midline stays where it is
    z, y, x = (
        position + np.float32(1.8) * m + np.float32(1.3 * spec.asymmetry) * o + np.float32(0.9) * w
        for position, m, o, w in zip((z, y, x), mirrored, own, wiggles, strict=True)
    )
    return z, y, x
