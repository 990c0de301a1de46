"""Score a model on labelled cases with the engine's own predictor: what is reported is what a clinician gets."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorseg.atomic import atomic_path
from tumorseg.case_files import read_case
from tumorseg.modelfile import load_model
from tumorseg.pipeline import Options, segment
from tumorseg_training.cases import LabelledCase, read_truth
from tumorseg_training.metrics import REGION_NAMES, region_dice


@dataclass(frozen=True)
class CaseScore:
    """Dice per region of one case, of the model and of a prediction of nothing."""

    case: str
    dice: dict[str, float]
    nothing: dict[str, float]


def evaluate(model_path: Path, cases: Sequence[LabelledCase], device: str = "auto") -> list[CaseScore]:
    """Segment every case with the model and score it.

    Raises:
        ModelError, BadInputError: as the engine.
    """
    model = load_model(model_path)
    scores = []
    for case in cases:
        prediction = segment(read_case(case.images), model, Options(device=device)).labels
        truth, _ = read_truth(case)
        scores.append(CaseScore(case.name, region_dice(prediction, truth), region_dice(np.zeros_like(truth), truth)))
    return scores


def summary_table(scores: Sequence[CaseScore]) -> str:
    """Text table: a row per case, the mean, and the mean of predicting nothing."""
    rows = [(score.case, score.dice) for score in scores]
    for name, attribute in (("mean", "dice"), ("mean of predicting nothing", "nothing")):
        means = {r: float(np.mean([getattr(score, attribute)[r] for score in scores])) for r in REGION_NAMES}
        rows.append((name, means))
    width = max(len(name) for name, _ in rows)
    lines = [f"{'Dice':<{width}}" + "".join(f"{region:>8}" for region in REGION_NAMES)]
    lines += [f"{name:<{width}}" + "".join(f"{dice[r]:8.3f}" for r in REGION_NAMES) for name, dice in rows]
    return "\n".join(lines)


def write_scores(scores: Sequence[CaseScore], path: Path) -> None:
    """CSV with one row per case: ``case, dice_WT, dice_TC, dice_ET, nothing_WT, …``."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["case", *(f"{kind}_{region}" for kind in ("dice", "nothing") for region in REGION_NAMES)])
    for score in scores:
        values = [*(score.dice[r] for r in REGION_NAMES), *(score.nothing[r] for r in REGION_NAMES)]
        writer.writerow([score.case, *(f"{value:.4f}" for value in values)])
    with atomic_path(path) as temporary:
        temporary.write_text(text.getvalue())
