"""Whether an image was given twice: as it is, or with its values rescaled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from tumorseg.coarse import sample_steps
from tumorseg.contrast_order import ranked
from tumorseg.finding import Finding, called, listed
from tumorseg.sequences import Case
from tumorseg.volume import FloatArray

SAME_RANKS = 0.995
"""Spearman's rank correlation within the brain from which two volumes are one image. A rescaled copy has 1, rounded to
8 bits 0.999. Two sequences of one patient have 0.90 at most in the sixteen real cases, 0.85 in twelve synthetic."""

MIN_POINTS = 1000
MAX_POINTS = 10_000

_Ranks = npt.NDArray[np.float64]


def same_images(case: Case) -> Iterator[Finding]:
    """Volumes that are equal in every voxel."""
    for group in _groups(case, lambda first, second: _equal(case[first].array, case[second].array)):
        message = f"{listed(called(sequence, case) for sequence in group)} are the same image."
        yield Finding("same-volume", "blocking", tuple(group), message, "Choose a different volume for each.")


def rescaled_images(case: Case) -> Iterator[Finding]:
    """Volumes that differ only in scale and offset, or in another curve of brightness.

    Args:
        case: volumes on one grid, without skull.
    """
    ranks = _ranks(case)
    for group in _groups(ranks, lambda first, second: _correlation(ranks[first], ranks[second]) >= SAME_RANKS):
        message = f"{listed(called(sequence, case) for sequence in group)} show the same image in different brightness."
        yield Finding("rescaled-copy", "warning", tuple(group), message, "Choose a different volume for each.")


def _groups(sequences: Iterable[str], same: Callable[[str, str], bool]) -> list[list[str]]:
    """Sequences that are the same as the first one of their group; only groups of several."""
    groups: list[list[str]] = []
    for sequence in sequences:
        if found := [group for group in groups if same(group[0], sequence)]:
            found[0].append(sequence)
        else:
            groups.append([sequence])
    return [group for group in groups if len(group) > 1]


def _equal(first: FloatArray, second: FloatArray) -> bool:
    if first.shape != second.shape:
        return False
    middle = len(first) // 2
    return np.array_equal(first[middle], second[middle]) and np.array_equal(first, second)


def _ranks(case: Case) -> dict[str, _Ranks]:
    """Ranks of the values at the same points, where all volumes are not 0; empty when there are few such points."""
    coarse = {sequence: volume.array[sample_steps(volume.geometry)] for sequence, volume in case.items()}
    if len(case) < 2:
        return {}
    points = np.flatnonzero(np.logical_and.reduce([array != 0 for array in coarse.values()]))
    if len(points) < MIN_POINTS:
        return {}
    points = points[:: 1 + len(points) // MAX_POINTS]
    return {sequence: ranked(array.ravel()[points]) for sequence, array in coarse.items()}


def _correlation(first: _Ranks, second: _Ranks) -> float:
    return float(np.corrcoef(first, second)[0, 1])
