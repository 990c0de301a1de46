"""What is random about a person made from an atlas, beyond what the phantom draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tumorseg.phantom.noise import stream

CEREBELLUM = {"t1": (0.0, 0.04), "t1ce": (0.0, 0.05), "t2": (0.09, 0.12), "flair": (-0.03, 0.18)}
"""Mean and standard deviation of how much brighter the cerebellum is than the cerebrum's tissues would have it: on real
FLAIR and T2 it may be as bright as edema and is nothing but cerebellum. Chosen so that the seven cases of BraTS 2021 at
hand lie well within."""

_CEREBELLUM_LIMIT = 2.5  # standard deviations

_TOGETHER = 0.7
"""Correlation of these deviations on T2 and FLAIR."""


@dataclass(frozen=True)
class Look:
    """How a person looks.

    Attributes:
        mirrored: whether the atlas's left is shown on the right.
        detail: by sequence, how strongly it shows the texture of the atlas's T1, negative for inverted.
        cerebellum: by sequence, how much brighter the cerebellum is than its tissues are elsewhere.
    """

    mirrored: bool
    detail: dict[str, float]
    cerebellum: dict[str, float]


def draw_look(seed: int) -> Look:
    """The look of person ``seed``. T1 and T1ce show the texture as it is, T2 and FLAIR as it is or inverted."""
    rng = stream(seed, "look")
    mirrored = bool(rng.random() < 0.5)
    strengths = [rng.uniform(0.5, 1.1) * np.array([1, rng.uniform(0.8, 1.1)]), rng.uniform(0.2, 0.9, 2)]
    signs = [1, 1, *rng.choice([-1, 1], 2)]
    detail = dict(zip(CEREBELLUM, map(float, np.concatenate(strengths) * signs), strict=True))
    return Look(mirrored, detail, _draw_cerebellum(rng))


def _draw_cerebellum(rng: np.random.Generator) -> dict[str, float]:
    t1, t1ce, t2, flair = rng.normal(size=len(CEREBELLUM))
    flair = _TOGETHER * t2 + (1 - _TOGETHER**2) ** 0.5 * flair
    deviations = np.clip((t1, t1ce, t2, flair), -_CEREBELLUM_LIMIT, _CEREBELLUM_LIMIT)
    return {name: float(mean + sd * z) for (name, (mean, sd)), z in zip(CEREBELLUM.items(), deviations, strict=True)}
