"""Brightness of each tissue on each MR sequence, relative to white matter on that sequence's own scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .noise import stream
from .spec import SEQUENCES, PatientSpec


@dataclass(frozen=True)
class Contrast:
    """Mean brightness on one sequence; white matter or, on T2, CSF is about 1."""

    csf: float
    grey: float
    white: float
    oedema: float
    solid_core: float  # non-enhancing tumour
    fluid_core: float  # necrosis, cyst
    enhancing: float
    vessel: float
    choroid: float
    white_lesion: float
    mottling: float  # standard deviation of the tumour's texture, relative to its brightness


def draw_contrasts(spec: PatientSpec) -> dict[str, Contrast]:
    """The contrasts of a patient, one for each of SEQUENCES.

    The ranges span what glioma protocols (spin echo and gradient echo, 1.5 and 3 T) show; the orderings
    (T1: white > grey > CSF, T2: CSF > oedema > grey > white, FLAIR: oedema > grey > white > CSF) always hold.
    """
    draw = {"t1": _t1, "t1ce": _t1ce, "t2": _t2, "flair": _flair}
    return {sequence: draw[sequence](stream(spec.seed, f"contrast {sequence}")) for sequence in SEQUENCES}


def _t1(rng: np.random.Generator) -> Contrast:
    grey = rng.uniform(0.75, 0.91)
    return Contrast(
        csf=rng.uniform(0.25, 0.5),
        grey=grey,
        white=1.0,
        oedema=grey * rng.uniform(0.88, 1.0),
        solid_core=grey * rng.uniform(0.78, 0.93),
        fluid_core=grey * rng.uniform(0.55, 0.75),
        enhancing=grey * rng.uniform(0.85, 1.05),
        vessel=rng.uniform(0.6, 1.0),
        choroid=grey,
        white_lesion=grey * rng.uniform(0.9, 1.0),
        mottling=rng.uniform(0.02, 0.08),
    )


def _t1ce(rng: np.random.Generator) -> Contrast:
    grey = rng.uniform(0.77, 0.93)
    uptake = rng.uniform(1.2, 1.9)
    return Contrast(
        csf=rng.uniform(0.22, 0.5),
        grey=grey,
        white=1.0,
        oedema=grey * rng.uniform(0.86, 0.98),
        solid_core=grey * rng.uniform(0.76, 0.93),
        fluid_core=grey * rng.uniform(0.45, 0.72),
        enhancing=uptake,
        vessel=uptake * rng.uniform(0.95, 1.3),
        choroid=uptake * rng.uniform(0.85, 1.1),
        white_lesion=grey * rng.uniform(0.9, 1.0),
        mottling=rng.uniform(0.08, 0.22),
    )


def _t2(rng: np.random.Generator) -> Contrast:
    white = rng.uniform(0.28, 0.42)
    grey = white * rng.uniform(1.15, 1.45)
    oedema = rng.uniform(grey + 0.15, 0.82)
    return Contrast(
        csf=1.0,
        grey=grey,
        white=white,
        oedema=oedema,
        solid_core=oedema * rng.uniform(0.85, 1.15),
        fluid_core=rng.uniform(0.8, 1.0),
        enhancing=rng.uniform(grey + 0.05, 0.75),
        vessel=0.3,
        choroid=0.7,
        white_lesion=oedema * rng.uniform(0.8, 1.0),
        mottling=rng.uniform(0.05, 0.14),
    )


def _flair(rng: np.random.Generator) -> Contrast:
    grey = rng.uniform(1.08, 1.25)
    oedema = grey * rng.uniform(1.35, 1.8)
    return Contrast(
        csf=rng.uniform(0.15, 0.45),
        grey=grey,
        white=1.0,
        oedema=oedema,
        solid_core=oedema * rng.uniform(0.75, 1.0),
        fluid_core=grey * rng.uniform(0.45, 1.0),
        enhancing=oedema * rng.uniform(0.7, 0.98),
        vessel=0.7,
        choroid=grey,
        white_lesion=oedema * rng.uniform(0.8, 1.0),
        mottling=rng.uniform(0.05, 0.14),
    )
