"""Prepare a folder for training: find the cases, cache them, tell patients apart, draw the split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorseg.errors import BadInputError
from tumorseg.images import check_folder
from tumorseg.sequences import SEQUENCES
from tumorseg_training.cache import CACHED, Entry
from tumorseg_training.cache_cases import CachedCases, cache_cases
from tumorseg_training.fingerprint import same_scans
from tumorseg_training.fingerprint_text import from_text
from tumorseg_training.listing import check_outside
from tumorseg_training.origins import Origin, find_origins
from tumorseg_training.patients import find_patients, several_cases
from tumorseg_training.prepared import Prepared, PreparedCase, write_prepared
from tumorseg_training.recipe import GREATEST_SPACING, LEAST_SPACING
from tumorseg_training.split import SPLIT, Split, load_splits, write_splits
from tumorseg_training.split_patients import check_numbers, draw_split
from tumorseg_training.wording import some


@dataclass(frozen=True)
class Settings:
    """How to prepare.

    Attributes:
        folds: of the cross-validation.
        test: share of cases kept for the test.
        seed: of the split.
        workers: processes.
        spacing: voxel size of the cache along each axis, mm; recipes name the one they train at.
        skip_bad: leave out cases that cannot be used, instead of refusing.
        normalisation: of the cache, one of ``cache.CACHED``; recipes name the one they train with.
    """

    folds: int = 5
    test: float = 0.1
    seed: int = 0
    workers: int = 1
    spacing: float = 1.0
    skip_bad: bool = False
    normalisation: str = CACHED[0]


@dataclass(frozen=True)
class Preparation:
    """What came of it: the index, all folds, and what the user should know, a sentence each."""

    prepared: Prepared
    splits: list[Split]
    notes: list[str]


def prepare_folder(
    data: Sequence[Path], output: Path, settings: Settings, trains_only: Sequence[Path] = ()
) -> Preparation:
    """Cache all cases of the data, and write the index and the split; what is there already is kept.

    Args:
        data: folders or archives of labelled cases.
        output: prepared folder, made when needed.
        settings: how.
        trains_only: further data, which no split validates or tests with.

    Raises:
        BadInputError: every problem with the data, too little of it, an output inside of it, or no space.
    """
    check_numbers(settings.folds, settings.test)
    if settings.workers < 1:
        raise BadInputError(f"--workers must be at least 1, got {settings.workers}.")
    if not LEAST_SPACING <= settings.spacing <= GREATEST_SPACING:
        raise BadInputError(
            f"--spacing must be from {LEAST_SPACING:g} to {GREATEST_SPACING:g} mm, got {settings.spacing:g}."
        )
    for path in (*data, *trains_only):
        check_outside(output, path)
    check_folder(output)
    origins, notes = find_origins(data, trains_only)
    cases = [origin.case for origin in origins]
    cached = cache_cases(cases, output, SEQUENCES, settings.workers, settings.spacing, settings.normalisation)
    notes += _bad_cases(cached, settings.skip_bad) + _lost_labels(cached)
    prepared_cases = [
        _prepared(origin, cached.entries[name]) for origin in origins if (name := origin.case.name) in cached.entries
    ]
    unscored, more = _unscored(prepared_cases, {origin.case.name for origin in origins if origin.trains_only})
    patients, twins = find_patients(prepared_cases, _same_scans(cached), unscored)
    drawn = draw_split(patients, settings.folds, settings.test, settings.seed)
    before = _hash_before(output)
    splits = write_splits(output, drawn.test, drawn.validations, list(cached.entries), settings.seed)
    prepared = write_prepared(output, SEQUENCES, prepared_cases, settings.spacing, settings.normalisation)
    notes += [*more, *several_cases(prepared_cases), *twins, *drawn.notes, *_changed(before, splits[0].sha256)]
    return Preparation(prepared, splits, notes)


def _prepared(origin: Origin, entry: Entry) -> PreparedCase:
    return PreparedCase(
        cached=entry.cached,
        patient=origin.case.patient,
        grade=origin.case.grade,
        group=origin.group,
        sequences=tuple(entry.facts.sequences),
        undivided=entry.facts.undivided,
        source=origin.source,
    )


def _bad_cases(cached: CachedCases, skip: bool) -> list[str]:
    """A sentence for every problem, when the cases may be skipped and others remain.

    Raises:
        BadInputError: otherwise.
    """
    problems = [problem for _, sentences in sorted(cached.problems.items()) for problem in sentences]
    if problems and not cached.entries:
        raise BadInputError([*problems, "No case can be used; tumorseg-train audit tells more about the data."])
    if problems and not skip:
        count = len(cached.problems)
        what = f"{count} of {count + len(cached.entries)} cases cannot be used"
        raise BadInputError([*problems, f"{what}; mend them, or leave them out with --skip-bad."])
    return [f"Left out: {problem}" for problem in problems]


def _lost_labels(cached: CachedCases) -> list[str]:
    lost = {name: entry.facts.outside for name, entry in sorted(cached.entries.items()) if entry.facts.outside}
    return [
        f"{name} has {count} labelled voxels far outside the brain, which are lost." for name, count in lost.items()
    ]


def _same_scans(cached: CachedCases) -> list[tuple[str, str]]:
    names = sorted(cached.entries)
    prints = [from_text(cached.entries[name].facts.fingerprint) for name in names]
    return [(names[first], names[second]) for first, second, _ in same_scans(prints)]


def _unscored(cases: Iterable[PreparedCase], trains_only: set[str]) -> tuple[set[str], list[str]]:
    """Names of the cases that only train: those the user says, and partial ones where there are whole ones."""
    candidates = [case for case in cases if case.name not in trains_only]
    partial = {case.name for case in candidates if case.undivided or len(case.sequences) < len(SEQUENCES)}
    if not partial or len(partial) == len(candidates):
        return trains_only, []
    note = (
        f"{len(partial)} cases lack sequences or divide the tumor no further ({some(sorted(partial))}); "
        "they only train, so that scores are of complete cases."
    )
    return trains_only | partial, [note]


def _hash_before(folder: Path) -> str | None:
    try:
        return load_splits(folder)[0].sha256
    except BadInputError:
        return None


def _changed(before: str | None, now: str) -> list[str]:
    if before in (None, now):
        return []
    return [f"{SPLIT} was another one before; what was trained with that must not be scored with this one."]
