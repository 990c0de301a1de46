"""Score predictions case by case: what stops one case is told, and the others are scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from tumorseg.errors import BadInputError, CancelledError, TumorSegError
from tumorseg.volume import Geometry, LabelArray
from tumorseg_training.cases import LabelledCase
from tumorseg_training.metrics import CaseScores, case_scores, scored_regions
from tumorseg_training.results_folder import FinishedCase, ResultsFolder


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


class Predictions(Protocol):
    """Where predictions come from."""

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions that they can have."""

    def __call__(self, case: LabelledCase, show: Show) -> CasePrediction:
        """The prediction and truth of a case.

        Raises:
            TumorSegError: there is none.
        """

    def sha256(self, case: LabelledCase) -> str:
        """Hash of all files of a case that its scores depend on."""


def evaluate(
    cases: Sequence[LabelledCase],
    predictions: Predictions,
    results: ResultsFolder | None = None,
    show: Show = lambda _: None,
) -> Evaluation:
    """Score every case.

    Args:
        cases: to score.
        predictions: where they come from.
        results: keeps what is finished, and gives back what was finished before.
        show: told which case it is.

    Raises:
        CancelledError, KeyboardInterrupt: stopped; what ``results`` has got stays.
    """
    found = Evaluation()
    for number, case in enumerate(cases, start=1):
        place = f"[{number}/{len(cases)}] {case.name}"
        try:
            scores, nothing = _score(case, predictions, results, _placed(show, place))
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
    case: LabelledCase, predictions: Predictions, results: ResultsFolder | None, show: Show
) -> tuple[CaseScores, CaseScores]:
    """Scores of the prediction and of predicting nothing; those of an earlier run if nothing has changed."""
    sha256 = _sha256(case, predictions) if results else ""
    if results and (kept := results.finished(case.name, sha256)):
        return kept
    prediction = predictions(case, show)
    show("scores")
    truth, spacing = prediction.truth, prediction.geometry.spacing
    wanted = [region for region in scored_regions(truth) if region in predictions.regions]
    scores, nothing = (
        case_scores(labels, truth, (spacing[2], spacing[1], spacing[0]), wanted)
        for labels in (prediction.labels, np.zeros_like(truth))
    )
    if results:
        results.add(FinishedCase(case.name, scores, nothing, prediction.labels, prediction.geometry, sha256))
    return scores, nothing


def _sha256(case: LabelledCase, predictions: Predictions) -> str:
    try:
        return predictions.sha256(case)
    except OSError as error:
        raise BadInputError(
            f"{error.filename or 'A file of it'} cannot be read ({error.strerror or error})."
        ) from error
