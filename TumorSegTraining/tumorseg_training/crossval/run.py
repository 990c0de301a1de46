"""Do a cross-validation: predict once, then everything that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tumorseg.errors import BadInputError
from tumorseg.modelfile import ModelSpec, PostProcessing, read_spec
from tumorseg_training.cases import read_truth
from tumorseg_training.crossval.agreement import Agreement, agreement, joined, pairs_of
from tumorseg_training.crossval.apply import check_one_kind
from tumorseg_training.crossval.evidence import Evidence, fit, gather, nested
from tumorseg_training.crossval.folds import Fold, Judged, read_folds, read_unseen
from tumorseg_training.crossval.held_out import HeldOutPredictions
from tumorseg_training.crossval.results import CrossValidation, Groups
from tumorseg_training.crossval.ruled import RuledPredictions
from tumorseg_training.crossval.tiles import Size, compare_tiles
from tumorseg_training.documents import Document
from tumorseg_training.evaluate import Evaluation, Show, evaluate
from tumorseg_training.evaluation_summary import statistics, write_summary
from tumorseg_training.results_folder import ResultsFolder

FEWEST_CASES = 3
"""Of two, one would choose for the other."""

NESTED_FOLDER = "nested"
UNSEEN_FOLDER = "unseen"
TOGETHER = "together"


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Attributes:
        runs: run folders, one per fold.
        output: folder of the results.
        unseen: folders of further labelled cases that no network saw.
        called: what the cases of the folds are called.
        unseen_called: what the further cases are called.
        device: as in ``Options``.
        tta: average over mirrorings, even if the models do not ask for it.
        guides: sequences that outlines follow; None for those of the models.
        tiles: whether one pass is compared with tiles.
        tile: their size (z, y, x); None for the usual one.
        seed: of the bootstrap intervals.
        final: model that gets what the folds teach; None for none.
    """

    runs: Sequence[Path]
    output: Path
    unseen: Sequence[Path] = ()
    called: str = "cases"
    unseen_called: str = "further cases"
    device: str = "auto"
    tta: bool = False
    guides: tuple[str, ...] | None = None
    tiles: bool = False
    tile: Size | None = None
    seed: int = 0
    final: Path | None = None


def cross_validate(request: Request, show: Show) -> tuple[CrossValidation, list[str]]:
    """Predict, score, choose, judge; logits and scores are kept below ``request.output`` on the way.

    Returns:
        What was found, and a sentence for each case that could not be used.

    Raises:
        BadInputError: runs that do not belong together or to the final model, or too few cases could be scored.
        ModelError: a run has no usable model.
    """
    if request.called == request.unseen_called:
        raise BadInputError(f"--called and --unseen-called are both {request.called!r}; give two names.")
    folds, judged, problems = read_folds(request.runs, request.guides)
    if request.final is not None:  # before the long run
        check_one_kind(request.final, read_spec(request.final), _spec(folds, request))
    unseen = read_unseen(request.unseen, folds)
    if not judged:
        raise BadInputError(problems)
    alone = HeldOutPredictions([*judged, *unseen], request.output, request.device, request.tta)
    scored = _evaluated(judged, alone, request.output, _subject(folds, request), request.seed, show)
    problems += scored.problems
    judged = [item for item in judged if item.case.name in scored.scores]
    if len(judged) < FEWEST_CASES:
        raise BadInputError([*problems, f"{len(judged)} cases are too few; {FEWEST_CASES} are needed."])
    found = _learned(folds, judged, scored, alone, request, show)
    if request.tiles:
        tiles, told = compare_tiles(judged, request.device, show, request.tile)
        found, problems = replace(found, tiles=tuple(tiles)), [*problems, *told]
    if unseen:
        found = _with_unseen(found, unseen, alone, request, show)
        problems += found.unseen.problems
    return replace(found, agreements=_agreements(found.pairs)), problems


def _learned(
    folds: Sequence[Fold],
    judged: Sequence[Judged],
    scored: Evaluation,
    alone: HeldOutPredictions,
    request: Request,
    show: Show,
) -> CrossValidation:
    """What the cases teach, and what that does to those that did not teach it."""
    subject, names = _subject(folds, request), [item.case.name for item in judged]
    evidence = [_evidence(item, alone, show) for item in judged]
    rules = dict(zip(names, nested(evidence, alone.regions), strict=True))
    ruled = RuledPredictions(alone, rules)
    with_rules = _ruled(judged, ruled, request.output / NESTED_FOLDER, subject, request.seed, show)
    return CrossValidation(
        subject=subject,
        spec=_spec(folds, request),
        called=request.called,
        unseen_called=request.unseen_called,
        fold_of={item.case.name: item.fold.name for item in judged},
        alone=scored,
        nested=with_rules,
        fitted=fit(evidence, alone.regions),
        pairs={request.called: pairs_of(ruled.expected, with_rules.scores)},
        agreements={},
        notes=_notes(folds),
    )


def _agreements(groups: Groups) -> dict[str, dict[str, Agreement]]:
    """Of every group of cases, and of all together where there are several."""
    together = {TOGETHER: joined(groups.values())} if len(groups) > 1 else {}
    every = {**groups, **together}
    return {group: {name: agreement(pairs) for name, pairs in of.items()} for group, of in every.items()}


def _spec(folds: Sequence[Fold], request: Request) -> ModelSpec:
    """Of the networks, as they are run."""
    spec = folds[0].model.spec
    return replace(spec, tta=request.tta or spec.tta)


def _subject(folds: Sequence[Fold], request: Request) -> Document:
    return {
        "folds": {
            fold.name: {"model_sha256": fold.model.sha256, "validation": list(fold.validation)} for fold in folds
        },
        "tta": _spec(folds, request).tta,
        "guides": list(_spec(folds, request).guides),
    }


def _evaluated(
    judged: Sequence[Judged], predictions: HeldOutPredictions, folder: Path, subject: Document, seed: int, show: Show
) -> Evaluation:
    """Scores of the networks alone, kept as of ``evaluate``, so that a stopped one goes on."""
    cases = [item.case for item in judged]
    results = ResultsFolder(folder, subject, [case.name for case in cases], keep_labels=True)
    evaluation = evaluate(cases, predictions, results, show)
    if evaluation.scores:
        write_summary(folder, subject, evaluation, statistics(evaluation, seed), [])
    return evaluation


def _evidence(item: Judged, alone: HeldOutPredictions, show: Show) -> Evidence:
    show(f"{item.case.name}: what it says about rules and calibration")
    truth, geometry = read_truth(item.case)
    return gather(alone.probabilities(item.case, show), truth, alone.regions, geometry.voxel_volume_ml)


def _ruled(
    judged: Sequence[Judged], ruled: RuledPredictions, folder: Path, subject: Document, seed: int, show: Show
) -> Evaluation:
    """Scores with the rules; always done anew, since the engine's expectation is asked for on the way."""
    results = ResultsFolder(folder, {**subject, "rules": "of the other cases"}, [], keep_labels=True)
    evaluation = evaluate([item.case for item in judged], ruled, results, show)
    write_summary(folder, subject, evaluation, statistics(evaluation, seed), [])
    return evaluation


def _with_unseen(
    found: CrossValidation,
    unseen: Sequence[Judged],
    alone: HeldOutPredictions,
    request: Request,
    show: Show,
) -> CrossValidation:
    """The cases that no network saw: scored with the rules of all folds' cases, none of which they are."""
    scored = _evaluated(unseen, alone, request.output / UNSEEN_FOLDER, found.subject, request.seed, show)
    known = [item.case for item in unseen if item.case.name in scored.scores]
    rules: dict[str, PostProcessing] = {case.name: found.fitted.rules for case in known}
    ruled = RuledPredictions(alone, rules)
    with_rules = evaluate(known, ruled, None, show)
    pairs = {**found.pairs, request.unseen_called: pairs_of(ruled.expected, with_rules.scores)}
    return replace(found, unseen=scored, pairs=pairs)


def _notes(folds: Sequence[Fold]) -> tuple[str, ...]:
    chosen = [fold.name for fold in folds if fold.chosen_by_validation]
    if not chosen:
        return ()
    return (
        f"The validation cases chose the epoch whose weights were kept ({', '.join(chosen)}): their scores are "
        "somewhat too good.",
    )
