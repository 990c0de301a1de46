"""The cases of several data folders, each with the folder it came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorseg.errors import BadInputError
from tumorseg_training.cases import LabelledCase, cases_and_notes
from tumorseg_training.same_names import same_files


@dataclass(frozen=True)
class Origin:
    """A case and the data it came from.

    Attributes:
        case: the case.
        group: name of the data folder or archive; the whole path where two have the same name.
        source: the absolute path.
        trains_only: whether no split may score it.
    """

    case: LabelledCase
    group: str
    source: str
    trains_only: bool


def find_origins(data: Sequence[Path], trains_only: Sequence[Path] = ()) -> tuple[list[Origin], list[str]]:
    """The cases of all data, each name once.

    Returns:
        The cases, and a sentence for each that was left out because it is in two places.

    Raises:
        BadInputError: the problems of all data together, a folder given twice, or different cases of one name.
    """
    paths = [path.resolve() for path in (*data, *trains_only)]
    if twice := [str(path) for path, count in Counter(paths).items() if count > 1]:
        raise BadInputError(f"{', '.join(twice)} is given more than once; name each folder once.")
    names = Counter(path.name for path in paths)
    origins: list[Origin] = []
    notes: list[str] = []
    problems: list[str] = []
    for number, path in enumerate(paths):
        group = path.name if names[path.name] == 1 else str(path)
        try:
            cases, told = cases_and_notes(path)
        except BadInputError as error:
            problems += error.problems
            continue
        origins += [Origin(case, group, str(path), number >= len(data)) for case in cases]
        notes += told
    if problems:
        raise BadInputError(problems)
    once, left_out = _once(origins)
    return once, notes + left_out


def _once(origins: Sequence[Origin]) -> tuple[list[Origin], list[str]]:
    kept: dict[str, Origin] = {}
    notes, problems = [], []
    for origin in origins:
        name = origin.case.name
        first = kept.setdefault(name, origin)
        if first is origin:
            continue
        if same_files(first.case, origin.case):
            notes.append(f"{name} is in {first.source} and again in {origin.source}; it is taken once.")
        else:
            problems.append(f"{name} is in {first.source} and, with other images, in {origin.source}; rename one.")
    if problems:
        raise BadInputError(problems)
    return list(kept.values()), notes
