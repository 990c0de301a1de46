"""The comparison: measured here beside published, every definition of a metric in a section of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorseg.regions import REGIONS
from tumorseg_training.figures.published import Definition, Result, definitions, paper, results
from tumorseg_training.figures.run_record import Row, RunRecord

PAPER_NAMES = {
    "accuracy": "accuracy",
    "paper_dice": "Dice",
    "mean_iou": "MeanIoU",
    "precision": "precision",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}
"""Columns of ``metrics.csv`` and what the paper calls them."""

MEASURED = {"brats": "dice", "lesions": "lesion_dice"}
"""Metric of ``scores.csv`` that follows each definition."""

INTERVAL = "95 % interval of this mean"

NOTED = " †"
"""Ends the data of measured lines to which the notes of the evaluation apply."""


@dataclass(frozen=True)
class Section:
    """Lines that may be compared with each other.

    Attributes:
        title: of the definition.
        meaning: the definition in words.
        header: of the columns.
        rows: text by column.
        measured: for each row whether it was measured here.
    """

    title: str
    meaning: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    measured: tuple[bool, ...]


def sections(run: RunRecord) -> list[Section]:
    """All sections, the measured lines first in each."""
    lines = [*measured(run), *results()]
    found = [
        _dice_section(definition, [line for line in lines if line.definition == definition.key], run)
        for definition in definitions()
    ]
    return [*found, _paper_section(run)]


def measured(run: RunRecord) -> list[Result]:
    """The run's own figures under each definition that its evaluation has, and those of predicting nothing."""
    found = []
    data = f"{_part(run)}, {len(run.scores)}{NOTED if run.summary.notes else ''}"
    for key, metric in MEASURED.items():
        for method, scores in ((run.name, run.scores), ("Predicting nothing", run.nothing)):
            if means := _means(scores.values(), metric):
                found.append(Result(key, method, data, **means))
    return found


def markdown(run: RunRecord) -> str:
    """The comparison as Markdown."""
    parts = [
        f"# {run.name} and published results",
        "Measured lines are bold; all others are published, on other data. Sections have different definitions of "
        "their figures and must not be compared with each other.",
        *(f"**† {note}**" for note in run.summary.notes),
    ]
    for section in sections(run):
        rule = ["---" if number < 2 else "---:" for number in range(len(section.header))]
        lines = [_markdown_row(section.header), _markdown_row(rule)]
        for row, own in zip(section.rows, section.measured, strict=True):
            lines.append(_markdown_row([f"**{cell}**" if own and cell else cell for cell in row]))
        parts += [f"## {section.title}", section.meaning, "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _dice_section(definition: Definition, lines: Sequence[Result], run: RunRecord) -> Section:
    header = ("Method", "Data, cases", "WT", "TC", "ET", "mean", "Kind", "Source")
    rows = []
    for line in lines:
        figures = [line.note, "", "", ""] if line.note else line.cells
        rows.append((line.method, line.data, *figures, "published" if line.published else "measured", line.source))
        if line.method == run.name and not line.published and (ends := _interval_cells(run, definition.key)):
            rows.append((INTERVAL, "", *ends, "", "measured", ""))
    own = tuple(row[-2] == "measured" for row in rows)
    return Section(definition.title, definition.meaning, header, tuple(rows), own)


def _interval_cells(run: RunRecord, definition: str) -> list[str]:
    """Of WT, TC and ET; nothing when none is known."""
    ends = [run.summary.intervals.get(f"{MEASURED[definition]}_{region}") for region in REGIONS]
    cells = [f"{end[0]:.2f}-{end[1]:.2f}" if end else "" for end in ends]
    return cells if any(cells) else []


def _paper_section(run: RunRecord) -> Section:
    """The paper's metrics, and the same of the validation whose weights the run kept; of the last before."""
    printed = paper()
    header = ("Method", "Data", *PAPER_NAMES.values(), "Kind")
    rows = [("The paper", "BraTS 2020, split not stated", *_figures(printed), "published")]
    logged = [row for row in run.epochs if "accuracy" in row]
    if logged:
        data = f"validation of fold {run.fold}, {len(run.validation)}"
        shown = run.kept if run.kept in logged else logged[-1]
        rows.insert(0, (run.name, data, *_figures(shown), "measured"))
    own = tuple(row[-1] == "measured" for row in rows)
    return Section(printed["title"], printed["meaning"], header, tuple(rows), own)


def _figures(values: Mapping[str, float]) -> list[str]:
    return [f"{values[name]:.4f}" if name in values else "" for name in PAPER_NAMES]


def _means(rows: Collection[Row], metric: str) -> dict[str, Any]:
    """Mean over the cases that have a number, by region."""
    columns = {region: f"{metric}_{region}" for region in REGIONS}
    found = {region: [row[column] for row in rows if column in row] for region, column in columns.items()}
    return {region: float(np.mean(values)) for region, values in found.items() if values}


def _part(run: RunRecord) -> str:
    """Which part of the split the evaluation scored."""
    parts = {"training": run.train, "validation": run.validation, "test": run.test}
    scored = [title for title, names in parts.items() if not set(run.scores).isdisjoint(names)]
    return f"{' and '.join(scored)} of fold {run.fold}" if scored else "other cases"


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
