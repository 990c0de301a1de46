"""The runs of a cross-validation: which network judges which case, and that it never saw it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tumorseg.errors import BadInputError
from tumorseg.modelfile import Model, ModelSpec, PostProcessing, are_guides, load_model
from tumorseg_training.cases import LabelledCase, find_labelled_cases
from tumorseg_training.one_kind import difference
from tumorseg_training.run_cases import find_run_cases, read_run_split
from tumorseg_training.run_folder import MODEL_FILE
from tumorseg_training.training_notes import seen_before, trained_on

THRESHOLD = 0.5
"""Of every region, for the network alone; rules that a run's model may have are chosen anew from all folds."""


@dataclass(frozen=True)
class Fold:
    """One run.

    Attributes:
        name: of its folder.
        model: its network without rules or calibration.
        validation: names of the cases that it was validated on.
        chosen_by_validation: whether the validation chose the epoch whose weights were kept.
    """

    name: str
    model: Model
    validation: tuple[str, ...]
    chosen_by_validation: bool


@dataclass(frozen=True)
class Judged:
    """A case and the fold whose network predicts it."""

    case: LabelledCase
    fold: Fold


def read_folds(
    runs: Sequence[Path], guides: tuple[str, ...] | None = None
) -> tuple[list[Fold], list[Judged], list[str]]:
    """The folds, their validation cases sorted by name, and a sentence for each case that is not found any more.

    Args:
        runs: their folders.
        guides: sequences that outlines follow; None for those of each model.

    Raises:
        BadInputError: a folder that is no run, runs that do not belong together, a network that saw its cases, or
            guides that it does not see.
        ModelError: a run has no usable model.
    """
    folds, judged, problems = [], [], []
    for run in runs:
        split = read_run_split(run)
        fold = _fold(run, split.parts["validation"], guides)
        cases, gone = find_run_cases(split, fold.validation)
        folds.append(fold)
        judged += [Judged(case, fold) for case in cases]
        problems += gone
    _check_together(folds)
    return folds, sorted(judged, key=lambda item: item.case.name), problems


def read_unseen(folders: Sequence[Path], folds: Sequence[Fold]) -> list[Judged]:
    """Further labelled cases that none of the networks saw, judged by the folds in turn.

    Raises:
        BadInputError: no cases, or a network saw some.
    """
    cases = sorted((case for path in folders for case in find_labelled_cases(path)), key=lambda case: case.name)
    names = [case.name for case in cases]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise BadInputError(f"{', '.join(twice)} is in more than one folder of --unseen; give it once.")
    for fold in folds:
        if used := sorted(seen_before(names, trained_on(fold.model.spec.training) | set(fold.validation))):
            raise BadInputError(f"{', '.join(used)} of --unseen belongs to the data of {fold.name}; leave it out.")
    return [Judged(case, folds[number % len(folds)]) for number, case in enumerate(cases)]


def _fold(run: Path, validation: tuple[str, ...], guides: tuple[str, ...] | None) -> Fold:
    if not validation:
        raise BadInputError(f"{run} has no validation cases, so it says nothing; prepare with --folds 2 or more.")
    model = load_model(run / MODEL_FILE)
    training = model.spec.training
    if seen := sorted(seen_before(validation, trained_on(training))):
        raise BadInputError(
            f"The network of {run} was trained on the patients of its own validation cases {', '.join(seen)} "
            "(perhaps by the model that it started from); such scores are no cross-validation."
        )
    recipe = training.get("recipe")
    last = isinstance(recipe, dict) and recipe.get("keep") == "last"
    return Fold(run.name, replace(model, spec=_without_rules(model.spec, guides)), validation, not last)


def _without_rules(spec: ModelSpec, guides: tuple[str, ...] | None) -> ModelSpec:
    followed = spec.guides if guides is None else guides
    if not are_guides(followed, spec.channels):
        raise BadInputError(f"--guides must be different ones of {', '.join(spec.channels)}.")
    plain = PostProcessing(thresholds=(THRESHOLD,) * len(spec.regions))
    return replace(spec, postprocessing=plain, guides=followed)


def _check_together(folds: Sequence[Fold]) -> None:
    counts = Counter(name for fold in folds for name in fold.validation)
    if twice := sorted(name for name, count in counts.items() if count > 1):
        raise BadInputError(f"{', '.join(twice)} is validated by more than one run; name one run per fold.")
    if len({fold.name for fold in folds}) < len(folds):
        raise BadInputError("Two runs have folders of the same name, so their results could not be told apart.")
    for fold in folds[1:]:
        if told := difference(folds[0].model.spec, fold.model.spec):
            raise BadInputError(
                f"{folds[0].name} and {fold.name} have different {told}, so they are no folds of one recipe; name runs "
                "of the same."
            )
