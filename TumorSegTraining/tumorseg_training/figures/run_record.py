"""What a run folder tells the figures: who trained, the curves, the scores of its evaluation, the predictions."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tumorseg.errors import BadInputError
from tumorseg.modelfile import read_spec
from tumorseg_training.figures.evaluation_record import EvaluationRecord, load_evaluation
from tumorseg_training.prepared import Prepared, load_prepared
from tumorseg_training.results_folder import NOTHING_SCORES, SCORES
from tumorseg_training.run_cases import read_run_split
from tumorseg_training.run_folder import EVALUATION_FOLDER, METRICS_FILE, MODEL_FILE

Row = Mapping[str, float]
"""Numbers by column; cells without a number are left out."""


@dataclass(frozen=True)
class RunRecord:
    """A run folder.

    Attributes:
        folder: where it lies.
        evaluation: folder of its evaluation, which may not be there.
        prepared: the data it was made with.
        fold: number.
        train: cases by name.
        validation: likewise.
        test: likewise.
        sha256: of the split.
        epochs: one row per epoch, oldest first; empty when nothing was logged.
        scores: of the evaluation, one row per case by name; empty without one.
        nothing: what predicting nothing scores, likewise.
        summary: what the evaluation says of itself.
    """

    folder: Path
    evaluation: Path
    prepared: Prepared
    fold: int
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    sha256: str
    epochs: tuple[Row, ...]
    scores: Mapping[str, Row]
    nothing: Mapping[str, Row]
    summary: EvaluationRecord

    @property
    def name(self) -> str:
        """What tables call the run."""
        return self.folder.resolve().name

    @property
    def kept(self) -> Row | None:
        """The row of the epoch whose weights became the model; None before there is one, or without such a row."""
        path = self.folder / MODEL_FILE
        epoch = read_spec(path).training.get("epoch") if path.is_file() else None
        return next((row for row in self.epochs if row.get("epoch") == epoch), None)

    def prediction(self, case: str) -> Path | None:
        """The predicted labels of a case, if the evaluation kept them."""
        path = self.evaluation / f"{case}.nii.gz"
        return path if path.is_file() else None


def load_run(folder: Path, prepared: Path | None = None, evaluation: Path | None = None) -> RunRecord:
    """Read a run folder.

    Args:
        folder: of the run.
        prepared: the prepared folder, where it was moved since.
        evaluation: folder of the evaluation, unless it is ``evaluation`` in the run folder.

    Raises:
        BadInputError: it is no run folder, one of its files is damaged, or the prepared folder is gone.
    """
    split = read_run_split(folder)
    data = prepared or split.prepared
    if not data.is_dir():
        raise BadInputError(f"The prepared folder {data} of {folder} is gone; say where it is with --prepared.")
    epochs = tuple(row for _, row in _table(folder / METRICS_FILE, "epoch"))
    scored = evaluation or folder / EVALUATION_FOLDER
    scores, nothing = (dict(_table(scored / name, "case")) for name in (SCORES, NOTHING_SCORES))
    return RunRecord(
        folder=folder,
        evaluation=scored,
        prepared=load_prepared(data),
        fold=split.fold,
        **split.parts,
        sha256=split.sha256,
        epochs=epochs,
        scores=scores,
        nothing=nothing,
        summary=load_evaluation(scored, len(scores)),
    )


def _table(path: Path, key: str) -> list[tuple[str, Row]]:
    """Rows of a CSV file with the text of one column; empty when there is no file.

    Raises:
        BadInputError: the column is missing.
    """
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    if any(not row.get(key) for row in rows):
        raise BadInputError(f"{path} is damaged: a row has no {key}; make it again.")
    return [
        (row[key], {name: number for name, cell in row.items() if (number := _number(cell)) is not None})
        for row in rows
    ]


def _number(cell: str | None) -> float | None:
    try:
        number = float(cell or "")
    except ValueError:
        return None
    return None if math.isnan(number) else number
