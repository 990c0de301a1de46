"""Which of the given images looks like which sequence: finds volumes that were put into each other's places.

Every order of the images is scored by what distinguishes the sequences inside the brain, whatever the scanner's
intensity scale: in T2 bright voxels (CSF) are the rare ones and in T1 the dark ones; what is extreme in FLAIR is bright
in T2 (lesions, CSF), but not the reverse; T1 and T1ce resemble each other more than T2 or FLAIR; T1ce has the longer
bright tail (vessels, enhancement). The given order is doubted only when another one scores higher by ``CLEARLY``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import permutations

import numpy as np
import numpy.typing as npt

from tumorseg.coarse import sample_steps, shifted
from tumorseg.sequences import Case
from tumorseg.volume import BoolArray, Geometry

CLEARLY = 0.5
"""Difference of scores that counts; docs/inputs.md has the table of measured ones."""

RIM_MM = 6.0
"""The border of the brain is left out: partial volume, skull remnants and the edge of masks differ most there."""

MIN_SAMPLES = 3000
MAX_SAMPLES = 30_000

EXTREME = 0.05
"""Part of the voxels that counts as the darkest or brightest."""

LONGEST_TAIL = 0.6
"""Limit on the weight of the bright tail, which single vessels can make very long."""

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Look:
    """An image at the sample points: ranks 0-1, skewness, and length of the bright tail."""

    ranks: _Floats
    skew: float
    tail: float


def likely_order(case: Case) -> dict[str, str]:
    """What the volumes that seem to be in the wrong places look like.

    Args:
        case: skull-stripped volumes on one grid.

    Returns:
        By the sequence as which a volume was given, the sequence that it looks like; empty when there is no clear
        doubt, when too little brain is there to tell, or when the sequences at hand cannot be told apart.
    """
    samples = _samples(case)
    if samples is None:
        return {}
    looks = {sequence: _look(values) for sequence, values in samples.items()}
    given, alike = tuple(looks), cache(_alike)  # each pair occurs in many orders
    scores = {order: _score(dict(zip(order, looks.values(), strict=True)), alike) for order in permutations(given)}
    highest = max(scores.values())
    if highest - scores[given] < CLEARLY:
        return {}
    # Of the orders that fit about as well as the best one, the one that moves the fewest volumes.
    good = [order for order in scores if scores[order] > max(highest - CLEARLY, scores[given])]
    best = min(good, key=lambda order: (sum(a != b for a, b in zip(given, order, strict=True)), -scores[order]))
    return {as_given: looks_like for as_given, looks_like in zip(given, best, strict=True) if as_given != looks_like}


def _samples(case: Case) -> dict[str, _Floats] | None:
    """Intensities at the same points inside the brain; None when there are too few."""
    volumes = list(case.values())
    if len(volumes) < 2 or any(not volume.geometry.matches(volumes[0].geometry) for volume in volumes):
        return None
    coarse = {sequence: volume.array[sample_steps(volume.geometry)] for sequence, volume in case.items()}
    inside = _inner(np.logical_and.reduce([array != 0 for array in coarse.values()]), volumes[0].geometry)
    points = np.flatnonzero(inside)
    if len(points) < MIN_SAMPLES:
        return None
    points = points[:: 1 + len(points) // MAX_SAMPLES]
    return {sequence: array.ravel()[points].astype(float) for sequence, array in coarse.items()}


def _inner(mask: BoolArray, geometry: Geometry) -> BoolArray:
    """The part of a sampled mask that is ``RIM_MM`` from its border along every axis."""
    inner = mask
    for axis, (step, size) in enumerate(zip(sample_steps(geometry), geometry.spacing[::-1], strict=True)):
        for distance in range(1, round(RIM_MM / (step.step * size)) + 1):
            for shift in (distance, -distance):
                inner = inner & shifted(mask, shift, axis)
    return inner


def ranked(values: npt.NDArray[np.floating]) -> _Floats:
    """The rank of each value, from 0 to 1."""
    ranks = np.empty(len(values))
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values)) / len(values)
    return ranks


def _look(values: _Floats) -> _Look:
    p3, p50, p95, p97, top = np.percentile(values, [3, 50, 95, 97, 99.8])
    skew = (p97 + p3 - 2 * p50) / (p97 - p3) if p97 > p3 else 0.0
    return _Look(ranked(values), float(skew), float((top - p50) / (p95 - p50)) if p95 > p50 else 1.0)


def _score(looks: Mapping[str, _Look], alike: Callable[[_Look, _Look], float]) -> float:
    """How well the images fit the sequences as which they are taken here; only differences between orders count."""
    t1, t1ce, t2, flair = (looks.get(sequence) for sequence in ("t1", "t1ce", "t2", "flair"))
    score = 0.0
    if t1 and t2:
        score += t2.skew - t1.skew
    if t2 and flair:
        score += _bright_in(t2, at_extremes_of=flair) - _bright_in(flair, at_extremes_of=t2)
    if t1 and t2 and flair:
        score += alike(flair, t2) - alike(t1, t2)
    if t1 and t1ce:
        score += min(max((t1ce.tail - t1.tail) / 2, -LONGEST_TAIL), LONGEST_TAIL)
    if t1 and t1ce and flair:
        score += alike(t1, t1ce) - alike(t1, flair)
    if t1 and t1ce and t2:
        score += alike(t1, t1ce) - alike(t1ce, t2)
    return score


def _bright_in(image: _Look, at_extremes_of: _Look) -> float:
    """Mean rank where another image is darkest plus mean rank where it is brightest."""
    dark, bright = at_extremes_of.ranks < EXTREME, at_extremes_of.ranks >= 1 - EXTREME
    return float(image.ranks[dark].mean() + image.ranks[bright].mean())


def _alike(first: _Look, second: _Look) -> float:
    """Spearman's rank correlation."""
    return float(np.corrcoef(first.ranks, second.ranks)[0, 1])
