"""Folded cortex: where gyri and sulci run, as the distance to the pial surface.

Sulci are sheets: the zero surfaces of band-limited noise. The noise is looked up at positions moved outwards to the
surface, along lines from the middle of the hemisphere: it hardly changes with depth, so the sheets stand upright.
"""

from __future__ import annotations

import numpy as np

from .noise import NoiseField, noise_field
from .outline import Outline
from .shapes import Mesh, ellipsoid
from .space import FIELD_GRID, Floats

CORTEX_THICKNESS = 2.8  # mm, textbook mean of the human neocortex is 2.5-3
_GYRUS_WAVELENGTH = 16.0  # mm, gives gyri about 12 mm wide
_FOLIA_WAVELENGTH = 11.0  # mm, several cerebellar folia together: single ones are below MR resolution
_ONTO_SURFACE = 0.75  # 1 = sulci run exactly along the lines from a hemisphere's middle, 0 = in no preferred direction


def cerebral_pia(mesh: Mesh, outline: Outline, sulcal_width: float, rng: np.random.Generator) -> Floats:
    """Distance (mm) to the pial surface of the cerebrum, negative inside tissue, on the field grid."""
    surface = np.maximum(outline.cerebrum, -outline.fissures)
    depth = np.maximum(-surface, 0)
    folds = _fold_noise(mesh, depth, rng)
    reach = np.float32(14.0) + np.float32(4.0) * noise_field(rng, 30.0).on_grid(FIELD_GRID)
    openness = np.exp(np.float32(0.5) * noise_field(rng, 25.0).on_grid(FIELD_GRID))
    nuclei = ellipsoid(mesh, (0.0, 6.0, 6.0), (34.0, 42.0, 24.0))
    sheet = np.hypot(folds / _steepness(folds), np.maximum(np.maximum(depth - reach, 4 - nuclei), 0))
    half_width = np.float32(sulcal_width) * openness * np.clip(1.5 - depth / reach, 0.3, 1.2)
    return np.asarray(np.maximum(surface, half_width - sheet), dtype=np.float32)


def cerebellar_folia(mesh: Mesh, rng: np.random.Generator) -> Floats:
    """Distance (mm) to the middle of the fissures between cerebellar folia, which run mostly left-right."""
    z, y, x = mesh
    field = noise_field(rng, _FOLIA_WAVELENGTH, band_pass=True)
    folds = field.at(z, y, x * np.float32(0.25))
    return np.asarray(np.abs(folds) / _steepness(folds), dtype=np.float32)


def _fold_noise(mesh: Mesh, depth: Floats, rng: np.random.Generator) -> Floats:
    """Noise whose zero surfaces are the sulci: partly the same on both sides, partly not."""
    z, y, x = mesh
    side = np.abs(x)
    offset_y = y - np.clip(y, -30, 62)
    offset_z, offset_x = z - 8, side - 26
    radius = np.sqrt(offset_z**2 + offset_y**2 + offset_x**2) + np.float32(1.0)
    pull = 1 + np.float32(_ONTO_SURFACE) * depth / radius
    onto = (8 + pull * offset_z, np.clip(y, -30, 62) + pull * offset_y, 26 + pull * offset_x)
    common, own = (noise_field(rng, _GYRUS_WAVELENGTH, band_pass=True) for _ in range(2))
    return np.float32(0.7) * common.at(*onto) + np.float32(0.7) * _sided(own, onto, x)


def _sided(field: NoiseField, onto: Mesh, x: Floats) -> Floats:
    return field.at(onto[0], onto[1], np.where(x < 0, -onto[2], onto[2]).astype(np.float32))


def _steepness(folds: Floats) -> Floats:
    """Length of the gradient of ``folds`` per mm, kept away from zero."""
    steps = np.gradient(folds, *FIELD_GRID.spacing)
    length = np.sqrt(sum(s**2 for s in steps))
    return np.asarray(np.maximum(length, np.float32(0.3) * length.mean()), dtype=np.float32)
