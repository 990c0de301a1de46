"""Score a model on labelled cases with the engine's own predictor: what is reported is what a clinician gets."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorseg.atomic import atomic_path
from tumorseg.console import table
from tumorseg.modelfile import load_model
from tumorseg.pipeline import Options, segment
from tumorseg_training.cases import LabelledCase, read_labelled
from tumorseg_training.metrics import region_dice


@dataclass(frozen=True)
class CaseScore:
    """Dice per region that the model has, of one case: of the model and of a prediction of nothing."""

    case: str
    dice: dict[str, float]
    nothing: dict[str, float]


def evaluate(model_path: Path, cases: Sequence[LabelledCase], device: str = "auto") -> list[CaseScore]:
    """Segment every case with the model and score it.

    Raises:
        ModelError, BadInputError: as the engine, or a truth on another grid than the volumes.
    """
    model = load_model(model_path)
    scores = []
    for case in cases:
        volumes, truth, _ = read_labelled(case, model.spec.channels)
        prediction = segment(volumes, model, Options(device=device)).labels
        dice = [region_dice(labels, truth, model.spec.regions) for labels in (prediction, np.zeros_like(truth))]
        scores.append(CaseScore(case.name, *dice))
    return scores


def summary_table(scores: Sequence[CaseScore]) -> str:
    """Text table: a row per case, the mean, and the mean of predicting nothing."""
    regions = list(scores[0].dice)
    rows = [(score.case, score.dice) for score in scores]
    rows.append(("mean", _mean([score.dice for score in scores])))
    rows.append(("mean of predicting nothing", _mean([score.nothing for score in scores])))
    return table(("Dice", *regions), [(name, *(f"{dice[region]:.3f}" for region in regions)) for name, dice in rows])


def write_scores(scores: Sequence[CaseScore], path: Path) -> None:
    """CSV with one row per case: ``case, dice_WT, dice_TC, dice_ET, nothing_WT, …``, for the model's regions."""
    regions = list(scores[0].dice)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["case", *(f"{kind}_{region}" for kind in ("dice", "nothing") for region in regions)])
    for score in scores:
        values = [*score.dice.values(), *score.nothing.values()]
        writer.writerow([score.case, *(f"{value:.4f}" for value in values)])
    with atomic_path(path) as temporary:
        temporary.write_text(text.getvalue())


def _mean(dice: Sequence[dict[str, float]]) -> dict[str, float]:
    return {region: float(np.mean([values[region] for values in dice])) for region in dice[0]}
