"""A prepared folder: the index ``cases.json`` of its cached cases; ``split.json`` beside it says who trains.

Paths inside the index are relative, so that the folder can be moved or mounted elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tumorseg.errors import BadInputError
from tumorseg_training.cache import CACHED, CachedCase
from tumorseg_training.documents import damaged, read_document, write_document

INDEX = "cases.json"
INDEX_VERSION = 1
REMEDY = "run tumorseg-train prepare into this folder again"


@dataclass(frozen=True)
class PreparedCase:
    """One cached case and what is known about it.

    Attributes:
        cached: its arrays.
        patient: cases of the same patient are never on different sides of a split.
        grade: ``HGG``, ``LGG`` or None when unknown.
        group: name of the data folder it came from.
        sequences: the channels that were present; the others are 0 everywhere in the cache.
        undivided: the truth holds the whole tumor only (label 5).
        source: the data folder or archive, absolute, in which ``find_labelled_cases`` finds the original by name.
    """

    cached: CachedCase
    patient: str
    grade: str | None
    group: str
    sequences: tuple[str, ...]
    undivided: bool
    source: str

    @property
    def name(self) -> str:
        """Name of the case, unique in a prepared folder."""
        return self.cached.name


@dataclass(frozen=True)
class Prepared:
    """A prepared folder.

    Attributes:
        folder: where it lies.
        channels: sequence of each channel of the cached arrays.
        cases: sorted by group, then by name.
        spacing: voxel size of the cached arrays along each axis, mm.
        normalisation: of the cached arrays; one of ``cache.CACHED``.
    """

    folder: Path
    channels: tuple[str, ...]
    cases: tuple[PreparedCase, ...]
    spacing: float = 1.0
    normalisation: str = CACHED[0]

    def groups(self, names: Collection[str]) -> list[list[PreparedCase]]:
        """The named cases, one list per group that has any, in the order of ``cases``.

        Raises:
            BadInputError: a name that no case has.
        """
        if unknown := set(names) - {case.name for case in self.cases}:
            raise BadInputError(f"{self.folder} holds no case {', '.join(sorted(unknown))}; {REMEDY}.")
        wanted: dict[str, list[PreparedCase]] = {}
        for case in self.cases:
            if case.name in names:
                wanted.setdefault(case.group, []).append(case)
        return list(wanted.values())


def load_prepared(folder: Path) -> Prepared:
    """Read the index of a prepared folder.

    Raises:
        BadInputError: the folder was not prepared, its index is damaged or files of the cache are gone.
    """
    path = folder / INDEX
    document = read_document(path, INDEX_VERSION, REMEDY)
    try:
        cases = tuple(_case(folder, entry) for entry in document["cases"])
        spacing, normalisation = float(document.get("spacing", 1.0)), document.get("normalisation", CACHED[0])
        prepared = Prepared(folder, tuple(document["channels"]), cases, spacing, normalisation)
    except (KeyError, TypeError, AttributeError) as error:
        raise damaged(path, REMEDY) from error
    if gone := [case.name for case in cases if not (case.cached.images.is_file() and case.cached.labels.is_file())]:
        raise BadInputError(f"Files of {', '.join(gone)} are missing in {folder}; {REMEDY}.")
    return prepared


def write_prepared(
    folder: Path,
    channels: Iterable[str],
    cases: Iterable[PreparedCase],
    spacing: float = 1.0,
    normalisation: str = CACHED[0],
) -> Prepared:
    """Write the index; the cache files lie in ``folder`` already."""
    ordered = sorted(cases, key=lambda case: (case.group, case.name))
    entries = [_entry(case, folder) for case in ordered]
    document = {
        "version": INDEX_VERSION,
        "channels": list(channels),
        "spacing": spacing,
        "normalisation": normalisation,
        "cases": entries,
    }
    write_document(folder / INDEX, document)
    return Prepared(folder, tuple(channels), tuple(ordered), spacing, normalisation)


def _entry(case: PreparedCase, folder: Path) -> dict[str, Any]:
    return {
        "name": case.name,
        "images": case.cached.images.relative_to(folder).as_posix(),
        "labels": case.cached.labels.relative_to(folder).as_posix(),
        "patient": case.patient,
        "grade": case.grade,
        "group": case.group,
        "sequences": list(case.sequences),
        "undivided": case.undivided,
        "source": case.source,
    }


def _case(folder: Path, entry: dict[str, Any]) -> PreparedCase:
    return PreparedCase(
        cached=CachedCase(entry["name"], folder / entry["images"], folder / entry["labels"]),
        patient=entry["patient"],
        grade=entry["grade"],
        group=entry["group"],
        sequences=tuple(entry["sequences"]),
        undivided=entry["undivided"],
        source=entry["source"],
    )
