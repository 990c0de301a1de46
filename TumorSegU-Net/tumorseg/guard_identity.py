"""Whether the volumes belong together: one patient, one examination, one position, and each what it is given as."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tumorseg.contrast_order import likely_order
from tumorseg.finding import Finding, Severity, called, listed, reference_of
from tumorseg.recognise import UNAMBIGUOUS, Guess, SeriesFacts, recognise, with_article
from tumorseg.sequences import DISPLAY_NAMES, Case
from tumorseg.series_words import without_common_start
from tumorseg.volume import Volume

LITTLE_OVERLAP = 0.5
"""Part of the smaller content that must lie inside the larger; registered volumes of one brain reach 0.9 and more."""

NO_OVERLAP = 0.05

_COARSE = (slice(None, None, 4),) * 3


def different_origins(case: Case) -> Iterator[Finding]:
    """Volumes of several patients, examinations or frames of reference, as far as their provenance tells."""
    if ids := _differing(case, "patient_id"):
        message = f"The volumes belong to different patients: {_by_sequence(case, ids)}."
        remedy = (
            "Choose volumes of one patient; "
            "if it is one patient under two IDs, save the volumes as NRRD and load them again."
        )
        yield Finding("different-patient", "blocking", tuple(ids), message, remedy)
    elif studies := _differing(case, "study_uid"):
        message = f"{listed(called(s, case) for s in studies)} come from different examinations."
        remedy = "Choose volumes of one examination, because a tumor changes between two."
        yield Finding("different-study", "warning", tuple(studies), message, remedy)
    elif frames := _differing(case, "frame_of_reference"):
        message = (
            f"{listed(called(s, case) for s in frames)} were taken in different positions of the patient "
            "(different frames of reference)."
        )
        remedy = "Look at them side by side in the slice views, and register them first if they do not match."
        yield Finding("different-frame-of-reference", "warning", tuple(frames), message, remedy)


def little_overlap(case: Case, registers: bool = False) -> Iterator[Finding]:
    """Volumes whose content lies elsewhere than that of the reference, in the patient's coordinates.

    Args:
        case: the volumes.
        registers: whether volumes on other grids will be registered, which finds them where they are.
    """
    if len(case) < 2:
        return
    reference = reference_of(case)
    shares = {s: _overlap(case[reference], case[s]) for s in case if s != reference}
    few = {sequence: share for sequence, share in shares.items() if share < LITTLE_OVERLAP}
    if few:
        apart = all(share < NO_OVERLAP for share in few.values())
        details = listed(f"{called(sequence, case)} ({share:.0%})" for sequence, share in few.items())
        message = f"{called(reference, case)} hardly overlaps with {details}."
        if apart:
            message = f"{called(reference, case)} does not overlap with {listed(called(s, case) for s in few)}."
        helped = registers and not any(case[reference].geometry.matches(case[s].geometry) for s in few)
        then = "they are registered before the segmentation" if helped else "then register them"
        remedy = f"Check that all show the same part of the same patient{';' if helped else ','} {then}."
        severity: Severity = "blocking" if apart and not helped else "warning"
        yield Finding("little-overlap", severity, tuple(few), message, remedy)


def misplaced(case: Case, look: bool) -> Iterator[Finding]:
    """Volumes that look or are called like another sequence than the one as which they are given.

    Args:
        case: the volumes.
        look: whether the images can be judged: skull-stripped, on one grid.
    """
    order = likely_order(case) if look else {}
    if order:
        yield _swapped(case, order)
    names = without_common_start([volume.name for volume in case.values()])
    for sequence, name in zip(case, names, strict=True):
        guess = recognise(SeriesFacts(name))
        if sequence not in order and (seems := _contradiction(sequence, guess)):
            message = f"{called(sequence, case)} is called like {seems}."
            remedy = f"Check that it is the {DISPLAY_NAMES[sequence]}, and choose another volume if it is not."
            yield Finding("name-contradicts", "warning", (sequence,), message, remedy)


def _swapped(case: Case, order: dict[str, str]) -> Finding:
    looks = listed(f"{case[given].name} looks like {_article(like)}" for given, like in order.items())
    names = listed(DISPLAY_NAMES[sequence] for sequence in order)
    message = f"{names} are probably {'swapped' if len(order) == 2 else 'in the wrong places'}: {looks}."
    remedy = "Look at them in the slice views, and exchange them if that is so."
    return Finding("swapped", "warning", tuple(order), message, remedy)


def _contradiction(sequence: str, guess: Guess) -> str:
    """What the name says instead of the sequence, with an article; empty when it fits or is not clear."""
    if guess.other:
        return with_article(guess.other)
    if guess.sequence is None or guess.sequence == sequence:
        return ""
    silent_t1 = guess.sequence == "t1" and not guess.contrast_known  # no contradiction to a T1ce, but to a T2
    clear = sequence in ("t2", "flair") if silent_t1 else guess.confidence >= UNAMBIGUOUS
    return _article(guess.sequence) if clear else ""


def _article(sequence: str) -> str:
    return f"a {DISPLAY_NAMES[sequence]}"


def _differing(case: Case, key: str) -> dict[str, str]:
    """The values of a provenance key by sequence, when there are several; volumes without it do not count."""
    values = {sequence: value for sequence, volume in case.items() if (value := volume.provenance.get(key, ""))}
    return values if len(set(values.values())) > 1 else {}


def _by_sequence(case: Case, values: dict[str, str]) -> str:
    return listed(f"{called(sequence, case)} to {value}" for sequence, value in values.items())


def _overlap(first: Volume, second: Volume) -> float:
    """Part of the smaller content that lies inside the other: of the voxels on one grid, of the boxes otherwise."""
    if first.geometry.matches(second.geometry):
        one, two = first.array[_COARSE] != 0, second.array[_COARSE] != 0
        smaller, larger = sorted(int(np.count_nonzero(content)) for content in (one, two))
        # A mask that misses the brain leaves nothing of either.
        return int(np.count_nonzero(one & two)) / max(1, smaller) if larger else 1.0
    one_box, two_box = _content_box(first), _content_box(second)
    common = np.minimum(one_box[1], two_box[1]) - np.maximum(one_box[0], two_box[0])
    smallest = min(float(np.prod(box[1] - box[0])) for box in (one_box, two_box))
    return float(np.prod(np.maximum(common, 0.0))) / smallest if smallest > 0 else 1.0


def _content_box(volume: Volume) -> npt.NDArray[np.float64]:
    """Smallest box along the patient's axes around what is not 0: lower and upper corner, array (2, 3) in mm, LPS."""
    filled = volume.array[_COARSE] != 0
    bounds = []
    for axis, size in zip((2, 1, 0), volume.geometry.shape[::-1], strict=True):
        found = np.flatnonzero(filled.any(axis=tuple(a for a in range(3) if a != axis))) * 4
        bounds.append((found[0], found[-1]) if len(found) else (0, size - 1))
    corners = np.array([(x, y, z, 1.0) for x in bounds[0] for y in bounds[1] for z in bounds[2]])
    world = (corners @ volume.geometry.index_to_lps.T)[:, :3]
    return np.stack([world.min(axis=0), world.max(axis=0)])
