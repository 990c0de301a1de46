"""Findings that are not tumour: vessels, choroid plexus, age-related white matter lesions, periventricular caps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .noise import noise_field, stream
from .shapes import coverage
from .space import Floats
from .spec import PatientSpec
from .tissues import TissueShares


class Deep(NamedTuple):
    """Distances (n,) in mm to what distractors lie in or beside, negative inside."""

    ventricles: Floats
    choroid: Floats


@dataclass(frozen=True)
class Distractors:
    """Shares (0-1) at each sampled point, (n,) each."""

    vessels: Floats
    choroid: Floats
    white_lesions: Floats


def distractors(
    spec: PatientSpec, deep: Deep, tissues: TissueShares, origins: Floats, mask_distance: Floats
) -> Distractors:
    """Distractors at points whose tissue came from ``origins`` (3, n); ``mask_distance`` is (n,) mm."""
    rng = stream(spec.seed, "distractors")
    patchy = noise_field(rng, 10.0).at(*origins)
    in_ventricle = coverage(deep.ventricles, 1.0)
    return Distractors(
        vessels=_vessels(rng, tissues, origins, mask_distance) * (1 - in_ventricle),
        choroid=coverage(deep.choroid, 1.5) * in_ventricle * np.clip(1 + patchy, 0, 1),
        white_lesions=_white_lesions(spec, deep, tissues, patchy),
    )


def _vessels(rng: np.random.Generator, tissues: TissueShares, origins: Floats, mask_distance: Floats) -> Floats:
    """Thin winding lines (where two noise fields both vanish) in and beside the CSF, and specks at the dura."""
    first, second = (noise_field(rng, 16.0).at(*origins) for _ in range(2))
    line = np.clip(np.float32(1.5) - np.hypot(first, second) / np.float32(0.16), 0, 1)
    near_surface = np.clip(tissues.csf + np.float32(0.6) * tissues.grey, 0, 1)
    dura = np.clip(first - 1, 0, 1) * coverage(np.abs(mask_distance + 1) - 1, 1.0)
    return np.asarray(np.maximum(line * near_surface, dura), dtype=np.float32)


def _white_lesions(spec: PatientSpec, deep: Deep, tissues: TissueShares, patchy: Floats) -> Floats:
    """Bright spots in deep white matter and caps along the ventricles, more with ``white_matter_lesions``."""
    load = np.float32(spec.white_matter_lesions)
    spots = np.clip((patchy - (np.float32(3.2) - np.float32(1.1) * load)) * 3, 0, 1)
    caps = coverage(deep.ventricles - (np.float32(1.0) + np.float32(2.5) * load * (1 + patchy)), 2.0)
    lesions = np.maximum(spots, caps * np.float32(0.4 + 0.6 * load)) * np.clip(tissues.white, 0, 1)
    return np.asarray(lesions, dtype=np.float32)
