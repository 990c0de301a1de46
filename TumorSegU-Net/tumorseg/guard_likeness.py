"""Whether a registered volume fits the reference: one patient's edges and tissues do, another patient's hardly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod

import numpy as np
import numpy.typing as npt

from tumorseg.coarse import grown, sample_steps, shifted
from tumorseg.finding import Finding, called, listed, reference_of
from tumorseg.normalise import Box, bounding_box
from tumorseg.sequences import Case
from tumorseg.volume import BoolArray, FloatArray, Volume

STEP_MM = 8.0
"""Beside its place a volume of the patient fits much less; one of somebody else fits hardly less."""

LEAST_FIT = 1.3
"""Volumes that fit less are told.

FLAIR of the seven BraTS 2021 cases in slices of 4 mm, registered to the T1ce: 1.9 to 6.9 for the own, below the limit
for 38 of the 42 of others, at most 1.84. Slices of 4 to 6 mm of one's own T1, T2 and FLAIR, also turned and moved: 1.53
at least. The limit was set with these in view."""

SMALLEST_ML = 300.0
"""Of brain that both volumes show, below its surface; less was not measured."""

BINS = 16
"""Of the ranks of brightness: each holds as many samples."""

DEPTH = 3
"""Samples below the surface, whose edges are those of the brain mask."""

EDGE_REACH = 2
"""Samples to each side on which the strength of an edge depends."""

_Bins = npt.NDArray[np.intp]


def likeness(case: Case, registered: Iterable[str]) -> Iterator[Finding]:
    """One finding for the registered volumes that fit the reference hardly better than beside their place.

    Args:
        case: volumes on one grid, without skull.
        registered: the sequences that were brought to the grid of the reference.
    """
    reference = reference_of(case) if case else ""
    unlike = [s for s in registered if s in case and (fit := fit_of(case[reference], case[s])) and fit < LEAST_FIT]
    if unlike:
        message = (
            f"{listed(called(s, case) for s in unlike)} {'fits' if len(unlike) == 1 else 'fit'} "
            f"{called(reference, case)} hardly better where registered than {STEP_MM:.0f} mm beside it."
        )
        remedy = "Check that all are of one patient, and look whether they lie on each other."
        yield Finding("poor-fit", "warning", (reference, *unlike), message, remedy)


def fit_of(first: Volume, second: Volume) -> float | None:
    """How many times as much two volumes on one grid tell of each other as when one is moved by 8 mm along an axis.

    The product of this for brightness and for the strength of edges, each for the axis along which it matters least.
    None where they share too little brain.
    """
    steps = sample_steps(first.geometry)
    sizes = [step.step * size for step, size in zip(steps, first.geometry.spacing[::-1], strict=True)]
    one, two = first.array[steps], second.array[steps]
    inside = _below_surface((one != 0) & (two != 0))
    if np.count_nonzero(inside) * prod(sizes) / 1000 < SMALLEST_ML:
        return None
    near = _sides_that_matter(inside)
    one, two, inside = one[near], two[near], inside[near]
    moves = [(axis, sign * max(1, round(STEP_MM / size))) for axis, size in enumerate(sizes) for sign in (1, -1)]
    return _sharpness(one, two, inside, moves) * _sharpness(_edges(one), _edges(two), inside, moves)


def _below_surface(mask: BoolArray) -> BoolArray:
    outside = ~mask
    for _ in range(DEPTH):
        outside = grown(outside)
    return ~outside


def _sides_that_matter(inside: BoolArray) -> Box:
    """The box of the samples inside and what their edges depend on; whole axes where it meets the end of the grid."""
    z, y, x = (
        slice(None) if side.start == 0 or side.stop == size else side
        for side, size in zip(bounding_box(inside, EDGE_REACH), inside.shape, strict=True)
    )
    return z, y, x


def _edges(array: FloatArray) -> FloatArray:
    """Length of the gradient of the smoothed samples, which wrap around at the ends of the grid."""
    smooth = array
    for axis in range(3):
        smooth = (np.roll(smooth, 1, axis) + 2 * smooth + np.roll(smooth, -1, axis)) / np.float32(4)
    return np.linalg.norm(np.gradient(smooth), axis=0).astype(np.float32)


def _sharpness(one: FloatArray, two: FloatArray, inside: BoolArray, moves: list[tuple[int, int]]) -> float:
    first, second = _binned(one, inside), _binned(two, inside)
    beside = []
    for axis, move in moves:
        both = inside & shifted(inside, move, axis)
        beside.append(_information(first[both], np.roll(second, move, axis)[both]))
    return _information(first[inside], second[inside]) / max(beside)


def _binned(array: FloatArray, inside: BoolArray) -> _Bins:
    """Ranks of the samples inside, from 0 to ``BINS`` - 1."""
    values = array[inside]
    limits = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
    bins = np.zeros(array.shape, np.intp)
    bins[inside] = np.searchsorted(limits, values)
    return bins


def _information(first: _Bins, second: _Bins) -> float:
    """Mutual information of two binned lists of samples."""
    joint = np.bincount(first * BINS + second, minlength=BINS * BINS).reshape(BINS, BINS) / len(first)
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    filled = joint > 0
    return float((joint[filled] * np.log(joint[filled] / apart[filled])).sum())
