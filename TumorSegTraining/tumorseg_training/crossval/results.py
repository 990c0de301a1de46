"""What a cross-validation found, and the JSON file that keeps it for a comparison with another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tumorseg.errors import BadInputError
from tumorseg.modelfile import ModelSpec
from tumorseg_training.crossval.agreement import Agreement, Pair
from tumorseg_training.crossval.evidence import Fitted
from tumorseg_training.crossval.tiles import TileCase
from tumorseg_training.documents import Document, damaged, read_document, write_document
from tumorseg_training.evaluate import Evaluation
from tumorseg_training.metrics import CaseScores

RESULTS_FILE = "crossval.json"
RESULTS_VERSION = 1
REMEDY = "make it with tumorseg-train crossval RUN... --output DIR"

Groups = Mapping[str, Mapping[str, list[Pair]]]


@dataclass(frozen=True)
class CrossValidation:
    """Everything that was found.

    Attributes:
        subject: folds, networks and data, in JSON values.
        spec: of the networks, as they were run.
        called: what the cases are called.
        unseen_called: what the further cases are called.
        fold_of: fold that judged each case.
        alone: scores of the networks alone, beside predicting nothing.
        nested: scores with rules and calibration that the other cases gave.
        fitted: what all cases together give.
        pairs: expected and true Dice, by group of cases and region.
        agreements: the same as figures.
        unseen: scores of further cases by the networks alone; nothing without any.
        tiles: one pass against tiles; empty unless asked for.
        notes: what a reader must know before trusting the figures.
    """

    subject: Document
    spec: ModelSpec
    called: str
    unseen_called: str
    fold_of: dict[str, str]
    alone: Evaluation
    nested: Evaluation
    fitted: Fitted
    pairs: Groups
    agreements: dict[str, dict[str, Agreement]]
    unseen: Evaluation = field(default_factory=Evaluation)
    tiles: tuple[TileCase, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeptScores:
    """What a comparison needs of a cross-validation: scores of the networks alone, with rules, and of nothing."""

    folder: Path
    alone: dict[str, CaseScores]
    nested: dict[str, CaseScores]
    nothing: dict[str, CaseScores]


def write_results(folder: Path, found: CrossValidation) -> None:
    """Write ``crossval.json``."""
    document = {
        "version": RESULTS_VERSION,
        "subject": found.subject,
        "cases": found.called,
        "fold_of": found.fold_of,
        "alone": found.alone.scores,
        "nested": found.nested.scores,
        "nothing": found.alone.nothing,
        "unseen": found.unseen.scores,
        "unseen_nothing": found.unseen.nothing,
        "fitted": asdict(found.fitted),
        "expected": {group: _plain(pairs) for group, pairs in found.pairs.items()},
        "agreement": {group: _plain(values) for group, values in found.agreements.items()},
        "tiles": [asdict(case) for case in found.tiles],
        "notes": list(found.notes),
    }
    write_document(folder / RESULTS_FILE, plain_json(document))


def read_results(folder: Path) -> KeptScores:
    """Read the scores of an earlier cross-validation.

    Raises:
        BadInputError: there is none, or its file is damaged.
    """
    path = folder / RESULTS_FILE
    document = read_document(path, RESULTS_VERSION, REMEDY)
    try:
        parts = [_scores(document[name]) for name in ("alone", "nested", "nothing")]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise damaged(path, REMEDY) from error
    if not parts[0]:
        raise BadInputError(f"{path} holds no scored case; {REMEDY}.")
    return KeptScores(folder, *parts)


def _scores(values: Mapping[str, Any]) -> dict[str, CaseScores]:
    return {
        str(case): {region: {"dice": float(scores["dice"])} for region, scores in regions.items()}
        for case, regions in values.items()
    }


def _plain(values: Mapping[str, Any]) -> Document:
    return {
        name: [asdict(item) for item in found] if isinstance(found, list) else asdict(found)
        for name, found in values.items()
    }


def plain_json(value: Any) -> Any:
    """Values as JSON takes them. It has no infinity and no NaN: these become None."""
    if isinstance(value, dict):
        return {name: plain_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(item) for item in value]
    return None if isinstance(value, float) and (value != value or abs(value) == float("inf")) else value
