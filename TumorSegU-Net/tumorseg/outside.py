"""What lies outside of the brain is 0 for everything that follows, also where a file has another number there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from tumorseg.finding import Finding, called, listed
from tumorseg.sequences import Case
from tumorseg.volume import BoolArray, FloatArray, Volume

FAINT = 1e-3
"""Part of the brightness (percentile 99.9) below which a voxel shows nothing: noise of computing, ringing."""

FAINT_SHARE = 0.2
"""Part of what is not 0 that may be so faint. Real cases have 0.0003 at most, z-scored ones 0.02; a background of noise
has 0.85 and one that was interpolated with B-splines 0.78."""

MOST = 0.5
"""Part of the edges of the grid. A brain touches faces of the grid, not its edges: real cases have only 0 there."""

_COARSE = (slice(None, None, 4),) * 3


def with_zero_outside(case: Case, masked: bool = False) -> tuple[dict[str, Volume], list[Finding]]:
    """The case with 0 in place of every other background, and what is to be told of it.

    Args:
        case: the volumes.
        masked: whether a mask says where the brain is; what remains around it does not matter then.

    Returns:
        The same volumes where nothing is to be done.
    """
    cleared, values, inexact = dict(case), dict[str, float](), list[str]()
    for sequence, volume in case.items():
        if value := constant_background(volume.array):
            cleared[sequence] = _with_zero(volume, volume.array == np.float32(value))
            values[sequence] = value
        elif (faint := _faint(volume.array)) is not None:
            cleared[sequence] = _with_zero(volume, faint)
            inexact.append(sequence)
    findings = [_constant(case, values)] if values else []
    return cleared, findings + ([_inexact(case, inexact)] if inexact and not masked else [])


def _with_zero(volume: Volume, where: BoolArray) -> Volume:
    return replace(volume, array=np.where(where, np.float32(0), volume.array))


def constant_background(array: FloatArray) -> float:
    """The one number on most of the edges of the grid (z, y, x); 0 where there is none, or nothing else in it."""
    border = edges(array)
    if not border.size:
        return 0.0
    values, counts = np.unique(border, return_counts=True)
    value = values[counts.argmax()]
    if counts.max() < MOST * border.size or not np.isfinite(value) or value == 0:
        return 0.0
    return 0.0 if np.all(array == value) else float(value)


def _faint(array: FloatArray) -> BoolArray | None:
    """Mask of what is too faint to be seen; None where that is no background."""
    sample = np.abs(array[_COARSE])
    limit = FAINT * float(np.percentile(sample, 99.9)) if sample.size else 0.0
    # Comparisons with NaN are false: such volumes are refused elsewhere.
    if not np.count_nonzero((sample > 0) & (sample < limit)) > FAINT_SHARE * np.count_nonzero(sample):
        return None
    at_edges = np.count_nonzero(np.abs(border := edges(array)) < limit)
    return np.abs(array) < limit if at_edges >= MOST * border.size else None


def edges(array: FloatArray) -> FloatArray:
    """The voxels on the twelve edges of the grid; none of an empty one."""
    return np.concatenate(list(_lines(array))) if array.size else array.ravel()


def _lines(array: FloatArray) -> Iterator[FloatArray]:
    for first, second in product((0, -1), repeat=2):
        yield from (array[:, first, second], array[first, :, second], array[first, second, :])


def _constant(case: Case, values: Mapping[str, float]) -> Finding:
    backgrounds = listed(f"{called(sequence, case)} is {value:.6g}" for sequence, value in values.items())
    message = f"The background of {backgrounds}, not 0; it was taken for what lies outside of the brain."
    return Finding("constant-background", "note", tuple(values), message, "")


def _inexact(case: Case, sequences: Sequence[str]) -> Finding:
    message = (
        f"The background of {listed(called(s, case) for s in sequences)} is not exactly 0 (interpolation leaves that); "
        f"what has less than {FAINT:.1%} of the brightness was taken for 0."
    )
    return Finding(
        "inexact-background", "warning", tuple(sequences), message, "Set the background to 0, or give a brain mask."
    )
