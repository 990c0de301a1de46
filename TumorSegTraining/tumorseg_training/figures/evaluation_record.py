"""What an evaluation says of itself: notes that a reader must know, and how sure its means are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tumorseg_training.documents import Document, damaged, read_document
from tumorseg_training.evaluation_summary import SUMMARY_VERSION
from tumorseg_training.results_folder import SUMMARY

Interval = tuple[float, float]

_REMEDY = "evaluate the run again"
_UNFINISHED = "This evaluation has no summary, it was stopped or changed: evaluate the run again."


@dataclass(frozen=True)
class EvaluationRecord:
    """The summary of an evaluation.

    Attributes:
        notes: sentences, e.g. that cases trained the model.
        intervals: 95 % interval of the mean by column, ``<metric>_<region>``.
    """

    notes: tuple[str, ...] = ()
    intervals: Mapping[str, Interval] = field(default_factory=dict)


def load_evaluation(folder: Path, cases: int) -> EvaluationRecord:
    """Read ``summary.json``.

    Args:
        folder: of the evaluation.
        cases: how many have scores there.

    Raises:
        BadInputError: the file is damaged.
    """
    path = folder / SUMMARY
    if not path.is_file():
        return EvaluationRecord((_UNFINISHED,) if cases else ())
    document = read_document(path, SUMMARY_VERSION, _REMEDY)
    try:
        if document["cases"] != cases:
            return EvaluationRecord((_UNFINISHED,))
        return EvaluationRecord(_notes(document), _intervals(document))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise damaged(path, _REMEDY) from error


def _notes(document: Document) -> tuple[str, ...]:
    notes = [str(note) for note in document["notes"]]
    if document["problems"]:
        notes.append("Some cases could not be scored and are missing here; summary.md says why.")
    return tuple(notes)


def _intervals(document: Document) -> dict[str, Interval]:
    return {
        f"{metric}_{region}": (float(value["low"]), float(value["high"]))
        for region, values in document["metrics"].items()
        for metric, value in values.items()
        if value["low"] is not None
    }
