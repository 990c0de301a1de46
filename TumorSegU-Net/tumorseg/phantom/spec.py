"""What is random about a patient, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .noise import stream
from .space import Triple

SEQUENCES = ("t1", "t1ce", "t2", "flair")

# Standard deviation of the noise per sequence; lower on T2, whose unit is the bright CSF.
_TYPICAL_NOISE = np.array([0.025, 0.025, 0.013, 0.025])


@dataclass(frozen=True)
class PatientSpec:
    """Everything random about a patient but the detail of the noise, which follows from ``seed``.

    Lengths are in mm. ``slice_thickness`` is in the order of SEQUENCES, 0 for an isotropic acquisition;
    ``slice_axis`` says along which array axis (0 = z, 1 = y, 2 = x) thick slices were stacked.
    """

    seed: int
    # Anatomy
    brain_scale: Triple  # (x, y, z), 1 = 138 mm wide, 168 mm long
    ventricle_scale: float  # 1 = a young adult's
    sulcal_width: float  # half the width of a sulcus at the surface
    mask_margin: float  # how much around the brain skull-stripping leaves; negative: cuts into the cortex
    asymmetry: float  # amplitude of left-right differences
    white_matter_lesions: float  # 0 = none ... 1 = many
    # Tumour
    enhancing: bool
    n_foci: int
    tumour_radius: float
    elongation: Triple  # per-axis stretch (x, y, z) of the tumour
    irregularity: float  # amplitude of the outline's noise, relative to the radius
    rim_thickness: float
    rim_gap: float  # share of the rim without enhancement, 0 ... 0.95
    cystic: float  # 0 = solid non-enhancing core ... 1 = fluid
    oedema_reach: float
    mass_effect: float  # 0 = purely infiltrating ... 1 = purely displacing
    # Scanner, per sequence
    noise_level: tuple[float, float, float, float]  # standard deviation; white matter (on T2: CSF) has brightness 1
    bias_strength: tuple[float, float, float, float]
    intensity_scale: tuple[float, float, float, float]
    slice_thickness: tuple[float, float, float, float]
    slice_axis: tuple[int, int, int, int]


def draw_spec(seed: int) -> PatientSpec:
    """Draw the spec of patient ``seed``; ``ValueError`` for a negative seed."""
    if seed < 0:
        raise ValueError(f"the seed of a patient must not be negative, got {seed}")
    anatomy, tumour, scanner = (stream(seed, name) for name in ("anatomy", "tumour", "scanner"))
    return PatientSpec(seed=seed, **_anatomy(anatomy), **_tumour(tumour), **_scanner(scanner))  # type: ignore[arg-type]


def _anatomy(rng: np.random.Generator) -> dict[str, object]:
    age = rng.beta(2.0, 1.6)  # 0 young ... 1 old: widens ventricles and sulci together
    size = rng.normal(0.965, 0.025)
    return {
        "brain_scale": tuple(float(np.clip(size * rng.normal(1.0, 0.02), 0.87, 1.05)) for _ in range(3)),
        "ventricle_scale": float(0.75 + 0.8 * age * rng.uniform(0.5, 1.2)),
        "sulcal_width": float(0.25 + 0.7 * age * rng.uniform(0.5, 1.2)),
        "mask_margin": float(rng.uniform(-0.5, 2.0)),
        "asymmetry": float(rng.uniform(0.5, 1.0)),
        "white_matter_lesions": float(age * rng.uniform(0.0, 1.0)),
    }


def _tumour(rng: np.random.Generator) -> dict[str, object]:
    enhancing = bool(rng.random() < 0.8)
    radius = float(rng.uniform(5.0, 33.0) if enhancing else rng.uniform(10.0, 33.0))
    n_foci = int(rng.integers(2, 4)) if rng.random() < 0.2 else 1
    if n_foci > 1:
        radius *= 0.75  # leaves room for the others
    rim = np.clip(radius * np.exp(rng.normal(np.log(0.3), 0.5)), 1.5, 20.0)
    return {
        "enhancing": enhancing,
        "n_foci": n_foci,
        "tumour_radius": radius,
        "elongation": tuple(float(e) for e in np.exp(rng.normal(0.0, 0.16, 3))),
        "irregularity": float(rng.uniform(0.12, 0.32)),
        "rim_thickness": float(rng.choice([1.2 * radius, rim], p=[0.15, 0.85])),
        "rim_gap": float(0.95 * rng.beta(0.6, 1.6)),
        "cystic": float(rng.beta(0.9, 0.9) if enhancing else 0.7 * rng.beta(0.7, 2.0)),
        "oedema_reach": float(np.clip(np.exp(rng.normal(np.log(14.0), 0.6)), 3.0, 40.0)),
        "mass_effect": float(rng.beta(2.0, 1.8)),
    }


def _scanner(rng: np.random.Generator) -> dict[str, object]:
    thick = rng.random(4) < rng.choice([0.1, 0.5, 0.95])
    axes = np.where(rng.random(4) < 0.85, 0, rng.integers(1, 3, 4))
    return {
        "noise_level": tuple(float(v) for v in _TYPICAL_NOISE * np.exp(rng.normal(0.0, 0.45, 4))),
        "bias_strength": tuple(float(v) for v in rng.uniform(0.02, 0.15, 4)),
        "intensity_scale": tuple(float(v) for v in np.exp(rng.uniform(np.log(300.0), np.log(3000.0), 4))),
        "slice_thickness": tuple(float(v) for v in np.where(thick, rng.uniform(2.5, 6.0, 4), 0.0)),
        "slice_axis": tuple(int(a) for a in axes),
    }
