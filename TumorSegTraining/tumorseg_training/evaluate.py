"""Score predictions case by case: what stops one case is told, and the others are scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tumorseg.errors import CancelledError, TumorSegError
from tumorseg.volume import Geometry, LabelArray
from tumorseg_training.cases import LabelledCase
from tumorseg_training.metrics import CaseScores, case_scores, scored_regions
from tumorseg_training.results_folder import ResultsFolder


@dataclass(frozen=True)
class CasePrediction:
    """A prediction beside the truth.

    Attributes:
        labels: predicted engine labels (z, y, x).
        truth: engine labels of the expert, same shape.
        geometry: the grid of both.
    """

    labels: LabelArray
    truth: LabelArray
    geometry: Geometry


@dataclass
class Evaluation:
    """What came out.

    Attributes:
        scores: by name of the case.
        nothing: scores of predicting nothing, for the same cases.
        problems: a sentence for each case that could not be scored.
    """

    scores: dict[str, CaseScores] = field(default_factory=dict)
    nothing: dict[str, CaseScores] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


Show = Callable[[str], None]
"""Told what is being done."""


def evaluate(
    cases: Sequence[LabelledCase],
    predict: Callable[[LabelledCase, Show], CasePrediction],
    regions: Sequence[str],
    results: ResultsFolder | None = None,
    show: Show = lambda _: None,
) -> Evaluation:
    """Score every case.

    Args:
        cases: to score.
        predict: gives a case's prediction and truth.
        regions: that the predictions can have.
        results: keeps what is finished, and gives back what was finished before.
        show: told which case it is.

    Raises:
        CancelledError, KeyboardInterrupt: stopped; what ``results`` has got stays.
    """
    found = Evaluation()
    for number, case in enumerate(cases, start=1):
        place = f"[{number}/{len(cases)}] {case.name}"
        kept = results.finished(case.name) if results else None
        try:
            scores, nothing = kept or _score(case, predict, regions, results, _placed(show, place))
        except CancelledError:
            raise
        except TumorSegError as error:
            found.problems.extend(f"{case.name}: {problem}" for problem in error.problems)
            continue
        found.scores[case.name], found.nothing[case.name] = scores, nothing
    return found


def _placed(show: Show, place: str) -> Show:
    return lambda text: show(f"{place}: {text}")


def _score(
    case: LabelledCase,
    predict: Callable[[LabelledCase, Show], CasePrediction],
    regions: Sequence[str],
    results: ResultsFolder | None,
    show: Show,
) -> tuple[CaseScores, CaseScores]:
    prediction = predict(case, show)
    show("scores")
    truth, spacing = prediction.truth, prediction.geometry.spacing
    wanted = [region for region in scored_regions(truth) if region in regions]
    scores, nothing = (
        case_scores(labels, truth, (spacing[2], spacing[1], spacing[0]), wanted)
        for labels in (prediction.labels, np.zeros_like(truth))
    )
    if results:
        results.add(case.name, scores, nothing, prediction.labels, prediction.geometry)
    return scores, nothing
