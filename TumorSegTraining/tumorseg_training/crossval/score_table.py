"""The scores of every case in a row: Dice, HD95 and volumes per region; below means, intervals, predicting nothing."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan

from tumorseg_training.evaluate import Evaluation
from tumorseg_training.evaluation_summary import NOTHING, Statistic, statistics
from tumorseg_training.metrics import CaseScores

Row = tuple[str, ...]


def score_table(evaluation: Evaluation, fold_of: Mapping[str, str] | None, seed: int) -> tuple[Row, list[Row]]:
    """Header and rows.

    Args:
        evaluation: of at least one case.
        fold_of: name of the fold that judged each case, for a second column.
        seed: of the bootstrap intervals.
    """
    figures = statistics(evaluation, seed)
    regions = list(figures)
    folds = () if fold_of is None else ("fold",)
    header = (
        "case",
        *folds,
        *(f"{region} Dice" for region in regions),
        *(f"{region} HD95 (mm)" for region in regions),
        *(f"{region} found / true (mL)" for region in regions),
    )
    rows: list[Row] = [
        (name, *((fold_of[name],) if fold_of else ()), *_cells(scores, regions))
        for name, scores in evaluation.scores.items()
    ]
    dice = [figures[region]["dice"] for region in regions]
    distance = [figures[region]["hd95"] for region in regions]
    empty = ("",) * len(folds)
    volumes = ("",) * len(regions)
    rows.append(("mean", *empty, *(_mean(v, 3) for v in dice), *(_mean(v, 1) for v in distance), *volumes))
    intervals = (*(v.interval(2) for v in dice), *(v.interval(1) for v in distance))
    rows.append(("95 % interval", *empty, *intervals, *volumes))
    nothing = [figures[region][metric].nothing for metric in ("dice", "hd95") for region in regions]
    digits = [3] * len(regions) + [1] * len(regions)
    rows.append((NOTHING, *empty, *map(_text, nothing, digits), *volumes))
    return header, rows


def _cells(scores: CaseScores, regions: list[str]) -> list[str]:
    known = [scores.get(region) for region in regions]
    dice = [_text(of["dice"] if of else None, 3) for of in known]
    distance = [_text(of["hd95"] if of else None, 1) for of in known]
    volumes = [
        f"{of['volume_true_ml'] + of['volume_error_ml']:.2f} / {of['volume_true_ml']:.2f}" if of else "-"
        for of in known
    ]
    return [*dice, *distance, *volumes]


def _mean(value: Statistic, digits: int) -> str:
    return _text(value.mean, digits)


def _text(value: float | None, digits: int) -> str:
    return "-" if value is None or isnan(value) else f"{value:.{digits}f}"
