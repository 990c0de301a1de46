"""The CSV files that come with BraTS: age and survival, grade, and which names of the years are one patient."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from tumorseg_training.labelled_case import LabelledCase
from tumorseg_training.listing import Entry
from tumorseg_training.releases import FOLDERS, release_of

_Value = TypeVar("_Value")

_MISSING = {"", "na", "n/a", "nan", "none"}
_MAX_BYTES = 64 << 20
_GRADES = ("HGG", "LGG")

_CASES = re.compile(r"brats(20)?\d\d(subject)?(id)?|tcgatciasubjectid|(case|scan)?(id|name)|case|scan")
"""Columns with names of cases, in lower case without spaces, underscores and hyphens."""
_MAYBE_CASES = re.compile(r".*(id|name|case|scan|subject)")
"""Columns that may name cases, as ``MRI_ID``, or anything, as SteroID or SiteID; their values tell."""
_PATIENTS = re.compile(r"(patient|subject)(id)?")
"""Columns with names of patients or, where a patient has one case, of cases."""


@dataclass
class Tables:
    """Facts from all tables of a data set, by lower-case name of the case or patient.

    Attributes:
        age: in years.
        survival: days, and whether the patient was alive then.
        grade: "HGG" or "LGG".
        same: for each name all names of that patient, as they are spelled.
    """

    age: dict[str, float] = field(default_factory=dict)
    survival: dict[str, tuple[int, bool]] = field(default_factory=dict)
    grade: dict[str, str] = field(default_factory=dict)
    same: dict[str, set[str]] = field(default_factory=dict)

    def complete(self, case: LabelledCase, other_name: str | None = None) -> LabelledCase:
        """The case with what the tables know of it.

        Args:
            case: as its files and their names tell it.
            other_name: under which the tables may know it too.
        """
        own = {case.name, other_name or case.name}
        linked = sorted(own.union(*(self.same.get(name.lower(), set()) for name in own)))
        names = [name.lower() for name in linked]
        days, alive = _first(self.survival, names) or (None, False)
        return replace(
            case,
            patient=_oldest(linked) if len(linked) > len(own) else case.patient,
            grade=case.grade or _first(self.grade, names),
            age=_first(self.age, names),
            survival_days=days,
            alive=alive,
        )


def read_tables(entries: Iterable[Entry], cases: Iterable[str] = ()) -> Tables:
    """What all CSV files among the entries say; those with other columns do not matter, nor do damaged ones.

    Args:
        entries: files of a data set.
        cases: names of its cases.
    """
    tables, known = Tables(), {name.lower() for name in cases}
    for entry in entries:
        if entry.path.suffix.lower() == ".csv":
            for row in _rows(entry):
                _take(tables, row, known)
    return tables


def parse_survival(text: str) -> tuple[int, bool] | None:
    """Days of survival and whether the patient was alive then, as ``ALIVE (361 days later)``; None for no number."""
    number = re.search(r"\d+(\.\d+)?", text)
    return (round(float(number[0])), "alive" in text.lower()) if number else None


def grade_of(parts: Sequence[str]) -> str | None:
    """The grade that the folders above a case say."""
    return next((part.upper() for part in reversed(parts) if part.upper() in _GRADES), None)


def _rows(entry: Entry) -> Iterator[dict[str, str]]:
    """Rows as lower-case column: text, missing values left out."""
    content = entry.blob.read()[:_MAX_BYTES].decode("utf-8-sig", errors="replace")
    try:
        for row in csv.DictReader(io.StringIO(content)):
            cells = {(key or "").strip().lower(): str(value or "").strip() for key, value in row.items()}
            yield {key: value for key, value in cells.items() if value.lower() not in _MISSING}
    except csv.Error:
        return


def _take(tables: Tables, row: Mapping[str, str], known: Collection[str]) -> None:
    sure, patients = (_of_columns(row, columns) for columns in (_CASES, _PATIENTS))
    names = sure + _perhaps_named(row, sure + patients, known)
    cases = [name for name in names + patients if _is_case(name, known)]
    if cases:
        _link(tables.same, list(dict.fromkeys(cases + patients)))
    for name in map(str.lower, names + patients):
        for column, value in row.items():
            if column == "age" and re.fullmatch(r"\d+(\.\d+)?", value):
                tables.age[name] = float(value)
            elif column.startswith("survival") and (survival := parse_survival(value)):
                tables.survival[name] = survival
            elif column == "grade" and value.upper() in _GRADES:
                tables.grade[name] = value.upper()


def _perhaps_named(row: Mapping[str, str], named: Collection[str], known: Collection[str]) -> list[str]:
    """The cases that other columns of a row name.

    A number may be that of a site as well as that of a case, so it counts only where nothing else in the row names a
    case, and only the first.

    Args:
        row: of a table.
        named: what its columns for cases and patients say.
        known: names of the cases in the data set, in lower case.
    """
    cases = [value for value in _of_columns(row, _MAYBE_CASES) if value not in named and _is_case(value, known)]
    words = [case for case in cases if not case.isdecimal()]
    return words or ([] if any(_is_case(name, known) for name in named) else cases[:1])


def _is_case(name: str, known: Collection[str]) -> bool:
    """Whether it is a case of the data set or of a public release."""
    return name.lower() in known or release_of(name).layout != FOLDERS


def _of_columns(row: Mapping[str, str], columns: re.Pattern[str]) -> list[str]:
    return [value for column, value in row.items() if columns.fullmatch(re.sub(r"[\s_-]", "", column))]


def _link(same: dict[str, set[str]], names: Sequence[str]) -> None:
    """All names of a row are one patient, and so is what they were linked to before."""
    if len(names) < 2:
        return
    patient = set(names).union(*(same.get(name.lower(), set()) for name in names))
    for name in patient:
        same[name.lower()] = patient


def _oldest(names: Iterable[str]) -> str:
    """The patient by the oldest of its names, which later releases refer back to."""
    return min((release.layout, release.patient) for release in map(release_of, names))[1]


def _first(values: Mapping[str, _Value], names: Iterable[str]) -> _Value | None:
    return next((values[name] for name in names if name in values), None)
