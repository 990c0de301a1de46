"""Draw the split: a test share and k folds of whole patients, data folders and grades spread evenly over them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tumorseg.errors import BadInputError
from tumorseg_training.patients import Patient

FEW_TESTED = 10
"""A mean over fewer patients changes with each of them."""


@dataclass(frozen=True)
class Drawn:
    """A split as it was drawn.

    Attributes:
        test: names of the cases in no fold, sorted.
        validations: names of the cases that validate in each fold, sorted.
        notes: what the user should know about it, a sentence each.
    """

    test: tuple[str, ...]
    validations: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def draw_split(patients: Sequence[Patient], folds: int, test_share: float, seed: int) -> Drawn:
    """Draw patients for the test, then deal the others to the folds.

    The same patients, numbers and seed give the same split on every machine.

    Args:
        patients: all of them; those that only train are in neither.
        folds: number of folds, at least 2; each patient validates in exactly one.
        test_share: of the cases that may be scored, 0 to below 1.
        seed: of the draw.

    Raises:
        BadInputError: numbers out of range, or fewer patients than folds.
    """
    check_numbers(folds, test_share)
    scored = [patient for patient in patients if not patient.trains_only]
    if len(scored) < folds:
        raise BadInputError(_too_few(len(scored), folds))
    strata = _shuffled_strata(scored, seed)
    tested = _draw_test(strata, test_share, most=len(scored) - folds)
    dealt = _deal([[p for p in stratum if p not in tested] for stratum in strata], folds)
    return Drawn(_names(tested), tuple(_names(fold) for fold in dealt), tuple(_notes(tested, dealt, test_share)))


def check_numbers(folds: int, test_share: float) -> None:
    """Refuse numbers out of range.

    Raises:
        BadInputError: naming the option.
    """
    if folds < 2:
        raise BadInputError(
            f"--folds must be at least 2, got {folds}; for a single split use fold 0, of 5 to validate with a fifth."
        )
    if not 0 <= test_share < 1:
        raise BadInputError(f"--test must be a share from 0 to below 1, got {test_share:g}.")


def _shuffled_strata(patients: Sequence[Patient], seed: int) -> list[list[Patient]]:
    """By a hash instead of random numbers: the order of two patients does not depend on who else is there.

    Data folders come in the order of their first cases, so that it does not matter what they are called.
    """
    strata: dict[tuple[str, str], list[Patient]] = defaultdict(list)
    for patient in sorted(patients, key=lambda patient: _lot(patient, seed)):
        strata[patient.stratum].append(patient)
    first: dict[str, str] = {}
    for patient in sorted(patients, key=lambda patient: patient.cases[0]):
        first.setdefault(patient.stratum[0], patient.cases[0])
    return [
        strata[group, grade] for group, grade in sorted(strata, key=lambda stratum: (first[stratum[0]], stratum[1]))
    ]


def _lot(patient: Patient, seed: int) -> bytes:
    return hashlib.sha256(f"{seed} {patient.cases[0]}".encode()).digest()


def _draw_test(strata: Sequence[Sequence[Patient]], share: float, most: int) -> list[Patient]:
    """The first patients of each stratum up to its share of cases; what rounding leaves goes to the next stratum.

    At least one patient when a share is wanted, at most as many as the folds can spare.
    """
    drawn: list[Patient] = []
    owed = 0.0
    for members in strata:
        owed += share * sum(len(patient.cases) for patient in members)
        for patient in members:
            if len(patient.cases) / 2 > owed:
                break
            drawn.append(patient)
            owed -= len(patient.cases)
    if share > 0 and not drawn:
        drawn = [max(strata, key=len)[0]]
    return drawn[:most]


def _deal(strata: Sequence[Sequence[Patient]], folds: int) -> list[list[Patient]]:
    """Each patient to the fold with the fewest cases of its stratum, then the fewest cases; the largest ones first."""
    dealt: list[list[Patient]] = [[] for _ in range(folds)]
    totals = [0] * folds
    for members in strata:
        counts = [0] * folds
        for patient in sorted(members, key=lambda patient: -len(patient.cases)):
            fold = min(range(folds), key=lambda number: (counts[number], totals[number]))
            dealt[fold].append(patient)
            counts[fold] += len(patient.cases)
            totals[fold] += len(patient.cases)
    return dealt


def _notes(tested: Sequence[Patient], dealt: Sequence[Sequence[Patient]], share: float) -> list[str]:
    notes = []
    if share > 0 and not tested:
        notes.append("There are too few patients to keep any for a test; every score will be of validation.")
    elif share > 0 and len(tested) < FEW_TESTED:
        notes.append(f"A test of {_count(len(tested))} says little; give also the validation scores of all folds.")
    groups = {patient.stratum[0] for fold in dealt for patient in fold}
    for group in sorted(groups):
        without = [str(i) for i, fold in enumerate(dealt) if all(patient.stratum[0] != group for patient in fold)]
        if without:
            listing = f"fold{'s' if len(without) > 1 else ''} {', '.join(without)}"
            notes.append(f"{group} has fewer patients than there are folds, so {listing} validates without it.")
    return notes


def _too_few(count: int, folds: int) -> str:
    advice = f"give --folds {count}" if count >= 2 else "give more data"
    return f"{_count(count)} cannot be divided into {folds} folds; {advice}."


def _count(count: int) -> str:
    return f"{count} patient{'s' if count != 1 else ''}"


def _names(patients: Sequence[Patient]) -> tuple[str, ...]:
    return tuple(sorted(name for patient in patients for name in patient.cases))
