"""Ideal brightness of every sampled point on one MR sequence, from what is there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .contrast import Contrast
from .distractors import Distractors
from .noise import noise_field, stream
from .space import Floats
from .spec import PatientSpec
from .tissues import TissueShares
from .tumour import Tumour


@dataclass(frozen=True)
class Textures:
    """Unit noise (n,) that all sequences share, since it is a property of the tissue."""

    coarse: Floats
    fine: Floats
    fluid: Floats  # share (0-1) of fluid in the core


def draw_textures(spec: PatientSpec, points: Floats) -> Textures:
    """Textures of ``spec`` at ``points`` (3, n), (z, y, x) mm."""
    rng = stream(spec.seed, "texture")
    coarse, fine, pools = (noise_field(rng, wavelength).at(*points) for wavelength in (20.0, 6.0, 14.0))
    fluid = np.clip(np.float32(2.2 * spec.cystic - 0.6) + np.float32(0.45) * pools, 0, 1)
    return Textures(coarse, fine, fluid)


def brightness(
    contrast: Contrast, tissues: TissueShares, tumour: Tumour, others: Distractors, textures: Textures
) -> Floats:
    """Ideal brightness (n,), white matter (on T2: CSF) about 1."""
    healthy = healthy_brightness(contrast, tissues, others, textures)
    return _with_tumour(healthy, contrast, tissues, tumour, textures)


def healthy_brightness(contrast: Contrast, tissues: TissueShares, others: Distractors, textures: Textures) -> Floats:
    """Ideal brightness (n,) without tumour, white matter (on T2: CSF) about 1."""
    value = contrast.csf * tissues.csf + contrast.grey * tissues.grey + contrast.white * tissues.white
    value *= 1 + np.float32(0.025) * textures.coarse + np.float32(0.015) * textures.fine
    for share, level in (
        (others.white_lesions, contrast.white_lesion),
        (others.vessels, contrast.vessel),
        (others.choroid, contrast.choroid),
    ):
        value += share * (np.float32(level) - value)
    return value


def _with_tumour(
    healthy: Floats, contrast: Contrast, tissues: TissueShares, tumour: Tumour, textures: Textures
) -> Floats:
    mottled = np.float32(contrast.mottling) * (np.float32(0.8) * textures.coarse + np.float32(0.6) * textures.fine)
    wetness = np.clip(np.float32(0.85) + np.float32(0.12) * textures.coarse, 0.5, 1) * (1 - tissues.csf)
    wet = healthy + wetness * (np.float32(contrast.oedema) - healthy)
    solid = np.float32(contrast.solid_core) * (1 + mottled)
    fluid = np.float32(contrast.fluid_core) * (1 + np.float32(0.3) * mottled)
    core = solid + textures.fluid * (fluid - solid)
    enhancing = np.float32(contrast.enhancing) * (1 + mottled)
    rest = 1 - tumour.core - tumour.enhancing - tumour.oedema
    mixed = rest * healthy + tumour.oedema * wet + tumour.core * core + tumour.enhancing * enhancing
    return np.asarray(mixed, dtype=np.float32)
