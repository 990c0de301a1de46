"""The cases of a run: who trained, validated and was kept for the test, found again where they were prepared from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tumorseg.errors import BadInputError, TumorSegError
from tumorseg_training.cases import LabelledCase, find_labelled_cases
from tumorseg_training.prepared import Prepared, load_prepared
from tumorseg_training.run_folder import SPLIT_FILE

PARTS = ("test", "validation", "train")


@dataclass(frozen=True)
class RunSplit:
    """``split.json`` of a run folder.

    Attributes:
        prepared: folder of ``prepare``.
        fold: number.
        sha256: of the prepared folder's split.
        parts: names of the cases of each of ``PARTS``.
    """

    prepared: Path
    fold: int
    sha256: str
    parts: dict[str, tuple[str, ...]]

    @property
    def default_part(self) -> str:
        """What is evaluated unless the user says otherwise: the test cases, or validation where there are none."""
        return "test" if self.parts["test"] else "validation"


def read_run_split(run: Path) -> RunSplit:
    """Read the split of a run.

    Raises:
        BadInputError: it is no run folder, or its split is damaged.
    """
    path = run / SPLIT_FILE
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        parts = {part: tuple(str(name) for name in values[part]) for part in PARTS}
        return RunSplit(Path(values["prepared"]), int(values["fold"]), str(values["sha256"]), parts)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BadInputError(f"{run} is not the folder of a run, it has no {SPLIT_FILE}; check --run.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{path} is damaged; train the run again.") from error


def find_run_cases(split: RunSplit, names: Sequence[str]) -> tuple[list[LabelledCase], list[str]]:
    """The original data of the named cases, and a sentence for each that is not found any more.

    Raises:
        BadInputError: the prepared folder cannot be used.
    """
    prepared = load_prepared(split.prepared)
    found: dict[str, LabelledCase] = {}
    problems: list[str] = []
    for source, wanted in _by_source(prepared, names).items():
        try:
            cases = {case.name: case for case in find_labelled_cases(Path(source))}
        except TumorSegError as error:
            problems.extend(error.problems)
            cases = {}
        found.update({name: cases[name] for name in wanted if name in cases})
        problems.extend(f"{name} is not in {source} any more; restore it." for name in wanted if name not in cases)
    return [found[name] for name in names if name in found], problems


def _by_source(prepared: Prepared, names: Sequence[str]) -> dict[str, list[str]]:
    sources: dict[str, list[str]] = {}
    for group in prepared.groups(names):
        for case in group:
            sources.setdefault(case.source, []).append(case.name)
    return sources
