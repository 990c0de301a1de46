"""Which cases must stay together: those of one patient, whatever the data say the patient is called."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tumorseg_training.prepared import PreparedCase
from tumorseg_training.wording import some


@dataclass(frozen=True)
class Patient:
    """What a split puts on one side.

    Attributes:
        cases: names, sorted.
        stratum: data folder of the first case, and grade, of which every part of a split gets its share.
        trains_only: is never scored.
    """

    cases: tuple[str, ...]
    stratum: tuple[str, str]
    trains_only: bool


def find_patients(
    cases: Sequence[PreparedCase], same_scans: Iterable[tuple[str, str]] = (), trains_only: Iterable[str] = ()
) -> tuple[list[Patient], list[str]]:
    """Put together the cases of the same patient and those that show the same scan.

    Args:
        cases: of a prepared folder.
        same_scans: pairs of names of cases that show the same scan.
        trains_only: names of cases that are never scored; neither are those of the same patients.

    Returns:
        The patients, sorted, and a sentence for each of them who was there under two names.
    """
    together = _Together()
    for case in cases:
        together.join(case.name, f"patient:{case.patient}")
    notes = [
        f"{second} shows the same scan as {first}, so they count as one patient; leave one of them out."
        for first, second in same_scans
        if together.join(first, second)
    ]
    families: dict[str, list[PreparedCase]] = defaultdict(list)
    for case in cases:
        families[together.representative(case.name)].append(case)
    kept_out = set(trains_only)
    return sorted((_patient(family, kept_out) for family in families.values()), key=lambda p: p.cases), notes


def several_cases(cases: Iterable[PreparedCase]) -> list[str]:
    """A sentence on the patients that have several cases, as names, folders and tables say."""
    families: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        families[case.patient].append(case.name)
    told = [f"{patient}: {some(sorted(names))}" for patient, names in sorted(families.items()) if len(names) > 1]
    if not told:
        return []
    who = f"{len(told)} patients have" if len(told) > 1 else "1 patient has"
    return [f"{who} several cases, as names, folders or tables say, which stay together ({'; '.join(told[:3])})."]


def _patient(family: Sequence[PreparedCase], kept_out: set[str]) -> Patient:
    family = sorted(family, key=lambda case: case.name)
    names = tuple(case.name for case in family)
    grades = Counter(case.grade for case in family if case.grade)
    grade = max(sorted(grades), key=lambda name: grades[name]) if grades else ""
    return Patient(names, (family[0].group, grade), not kept_out.isdisjoint(names))


class _Together:
    """Sets of names that were joined, directly or through others (union-find)."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def representative(self, name: str) -> str:
        parent = self._parents.setdefault(name, name)
        if parent != name:
            self._parents[name] = parent = self.representative(parent)
        return parent

    def join(self, first: str, second: str) -> bool:
        """Whether they were apart."""
        roots = self.representative(first), self.representative(second)
        self._parents[roots[0]] = roots[1]
        return roots[0] != roots[1]
