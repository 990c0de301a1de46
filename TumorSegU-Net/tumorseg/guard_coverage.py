"""Whether the volumes show one brain, and all of it: by where they are not 0, on one grid and without the skull."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tumorseg.coarse import grown, sample_steps
from tumorseg.finding import Finding, called, listed, reference_of
from tumorseg.guard_whole import SMALLEST_BRAIN_ML, size_ml
from tumorseg.sequences import DISPLAY_NAMES, Case
from tumorseg.volume import BoolArray

MISSING = 0.1
"""Part of the brain that a volume may lack, without what lies within 2 mm of what it shows.

The sixteen real cases lack 0. Allowed are masks that differ by two voxels in opposite directions (0.03), fluid set to 0
(0.02) and a missing 20 mm at the top or bottom (0.05); a missing 30 mm at the top (0.11-0.12) is told."""

ELSEWHERE = 0.0075
"""Part of the brain that each of two volumes may show more than 2 mm from what the other shows.

Of the 120 pairs of patients among the sixteen real cases 59 % have more. One patient's volumes have 0, and with masks
made one by one on the scanner's grids 0.0001. Masks whose surfaces wander by 3 mm have 0.001, by 4 mm 0.0055; slices of
6 mm 0.0017; a turn by 5 degrees 0.0017; a shift by 5 mm 0.007, by 10 mm 0.035-0.06."""

_Masks = dict[str, BoolArray]


def coverage(case: Case) -> Iterator[Finding]:
    """Volumes that show only a part of the brain, or another brain.

    Args:
        case: volumes on one grid, without skull.
    """
    shown = {sequence: volume.array[sample_steps(volume.geometry)] != 0 for sequence, volume in case.items()}
    if len(case) < 2 or size_ml(case) < SMALLEST_BRAIN_ML:  # pieces are cut out in many ways
        return
    near = {sequence: grown(mask) for sequence, mask in shown.items()}
    reference = reference_of(case)
    apart = [s for s in case if s != reference and _both_elsewhere(s, reference, shown, near)]
    # What another brain shows beside this one is no part that the others lack.
    together = {s: volume for s, volume in case.items() if s not in _displaced(case, reference, apart)}
    masks = {sequence: shown[sequence] for sequence in together}
    for sequence in together:
        if (share := _part_shown(sequence, masks, near)) is not None:
            yield _partial(sequence, share, together)
    if apart:
        yield _other_brains(case, reference, apart)


def _displaced(case: Case, reference: str, apart: list[str]) -> list[str]:
    """Of volumes that show other brains the fewer: the reference when several agree against it."""
    return [reference] if 1 < len(apart) == len(case) - 1 else apart


def _part_shown(sequence: str, shown: _Masks, near: _Masks) -> float | None:
    """Part that a volume shows of the brain that the others show; None when it shows it all, but for the surface."""
    others = np.logical_or.reduce([mask for other, mask in shown.items() if other != sequence], initial=False)
    if _share(others & ~near[sequence], others) <= MISSING:
        return None
    return _share(others & shown[sequence], others)


def _partial(sequence: str, share: float, case: Case) -> Finding:
    others = [DISPLAY_NAMES[other] for other in case if other != sequence]
    message = (
        f"{called(sequence, case)} covers only {share:.0%} of the brain that {listed(others)} "
        f"{'shows' if len(others) == 1 else 'show'}."
    )
    remedy = (
        "Choose a volume of the whole brain; where this one is 0, tumor can be missed, and called where there is none."
    )
    return Finding("partial-brain", "warning", (sequence,), message, remedy)


def _other_brains(case: Case, reference: str, apart: list[str]) -> Finding:
    """One finding for all volumes of which each shows brain where the reference does not, and the reverse."""
    message = (
        f"{called(reference, case)} does not show the same brain as {listed(called(s, case) for s in apart)}: "
        "each shows a part of it where the other is 0."
    )
    remedy = "Check that all are of one patient, and register them if they are."
    return Finding("different-brain", "warning", (reference, *apart), message, remedy)


def _both_elsewhere(first: str, second: str, shown: _Masks, near: _Masks) -> bool:
    together = shown[first] | shown[second]
    pairs = ((first, second), (second, first))
    return all(_share(shown[one] & ~near[other], together) > ELSEWHERE for one, other in pairs)


def _share(part: BoolArray, whole: BoolArray) -> float:
    return int(np.count_nonzero(part)) / max(1, int(np.count_nonzero(whole)))
