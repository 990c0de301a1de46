"""What an evaluation says in a few figures: as text, JSON and Markdown, always beside predicting nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from pathlib import Path

import numpy as np

from tumorseg.atomic import atomic_path
from tumorseg.console import table
from tumorseg_training.documents import Document, write_document
from tumorseg_training.evaluate import Evaluation
from tumorseg_training.metrics import CaseScores, present_regions
from tumorseg_training.metrics.bootstrap import RESAMPLES, mean_intervals
from tumorseg_training.metrics.definitions import METRICS, Metric, definitions_markdown
from tumorseg_training.results_folder import SUMMARY, SUMMARY_TEXT

SUMMARY_VERSION = 1
NOTHING = "mean of predicting nothing"


@dataclass(frozen=True)
class Statistic:
    """One metric of one region over the cases that have it.

    Attributes:
        cases: how many.
        mean: over them; None without any, as all that follow.
        low: lower end of the mean's 95 % bootstrap interval; None with fewer than two cases.
        high: its upper end.
        median: over the cases.
        nothing: mean of predicting nothing over the cases where that is defined.
    """

    cases: int
    mean: float | None
    low: float | None
    high: float | None
    median: float | None
    nothing: float | None

    def interval(self, digits: int) -> str:
        """The mean's interval for a table, ``-`` where there is none."""
        return "-" if self.low is None or self.high is None else f"{self.low:.{digits}f} to {self.high:.{digits}f}"


Statistics = dict[str, dict[str, Statistic]]
"""By region and metric."""


def statistics(evaluation: Evaluation, seed: int = 0) -> Statistics:
    """Mean, interval and median of every metric and region."""
    regions = present_regions(evaluation.scores)
    values, nothing = (_matrix(scores, regions) for scores in (evaluation.scores, evaluation.nothing))
    intervals = mean_intervals(values, seed)
    columns = iter(zip(values.T, nothing.T, intervals, strict=True))
    return {region: {metric.name: _statistic(*next(columns)) for metric in METRICS} for region in regions}


def dice_table(evaluation: Evaluation, figures: Statistics) -> str:
    """Text table of Dice: a row per case, the mean with its interval, and the mean of predicting nothing."""
    rows = [
        (name, *(_number(scores.get(region, {}).get("dice")) for region in figures))
        for name, scores in evaluation.scores.items()
    ]
    dice = [figures[region]["dice"] for region in figures]
    rows.append(("mean", *(_number(value.mean) for value in dice)))
    if any(value.low is not None for value in dice):
        rows.append(("95 % interval of the mean", *(value.interval(2) for value in dice)))
    rows.append((NOTHING, *(_number(value.nothing) for value in dice)))
    return table(("Dice", *figures), rows)


def write_summary(
    folder: Path, subject: Document, evaluation: Evaluation, figures: Statistics, notes: Sequence[str]
) -> None:
    """Write ``summary.json`` and ``summary.md``.

    Args:
        folder: of the evaluation.
        subject: what was evaluated.
        evaluation: its scores and problems.
        figures: of ``statistics``.
        notes: what a reader must know before trusting the figures.
    """
    document = {
        "version": SUMMARY_VERSION,
        "subject": subject,
        "cases": len(evaluation.scores),
        "notes": list(notes),
        "problems": evaluation.problems,
        "metrics": {region: {name: asdict(v) for name, v in values.items()} for region, values in figures.items()},
        "definitions": {metric.name: asdict(metric) for metric in METRICS},
    }
    write_document(folder / SUMMARY, document)
    with atomic_path(folder / SUMMARY_TEXT) as temporary:
        temporary.write_text(_markdown(subject, evaluation, figures, notes), encoding="utf-8")


def _matrix(scores: Mapping[str, CaseScores], regions: Sequence[str]) -> np.ndarray:
    """(case, region and metric); NaN where a case has no value."""
    rows = [
        [of_case.get(region, {}).get(metric.name, np.nan) for region in regions for metric in METRICS]
        for of_case in scores.values()
    ]
    return np.array(rows, float)


def _statistic(values: np.ndarray, nothing: np.ndarray, interval: np.ndarray) -> Statistic:
    known, baseline = values[~np.isnan(values)], nothing[~np.isnan(nothing)]
    low, high = (None if isnan(end) else float(end) for end in interval)
    mean, median = (float(np.mean(known)), float(np.median(known))) if len(known) else (None, None)
    return Statistic(len(known), mean, low, high, median, float(np.mean(baseline)) if len(baseline) else None)


def _markdown(subject: Document, evaluation: Evaluation, figures: Statistics, notes: Sequence[str]) -> str:
    parts = ["# Evaluation", *(f"- {name}: {value}" for name, value in subject.items())]
    parts += [f"- cases scored: {len(evaluation.scores)}", "", *(f"**{note}**\n" for note in notes)]
    if evaluation.problems:
        parts += ["Not scored:", "", *(f"- {problem}" for problem in evaluation.problems), ""]
    for region, values in figures.items():
        parts += [f"## {region}", "", _region_table(values), ""]
    parts += [
        "The interval is the 95 % percentile interval of the mean over resampled cases "
        f"({RESAMPLES} resamples, seeded). Cases in which a score is not defined are left out of it.",
        "",
        "## Definitions",
        "",
        "P is the prediction, T the truth, both of one region.",
        "",
        definitions_markdown(),
    ]
    return "\n".join(parts) + "\n"


def _region_table(values: Mapping[str, Statistic]) -> str:
    lines = [
        "| metric | mean | 95 % interval | median | cases | predicting nothing |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for metric in METRICS:
        value, digits = values[metric.name], _digits(metric)
        title = f"{metric.title} ({metric.unit})" if metric.unit else metric.title
        cells = [_number(value.mean, digits), value.interval(digits), _number(value.median, digits), str(value.cases)]
        lines.append(f"| {title} | {' | '.join(cells)} | {_number(value.nothing, digits)} |")
    return "\n".join(lines)


def _digits(metric: Metric) -> int:
    return 1 if metric.unit == "mm" or metric.name.startswith("lesions") else 3


def _number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
