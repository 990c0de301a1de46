"""What is exported: the weights of one run or of several, with the card and the rules of a TOML file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from tumorseg.errors import BadInputError
from tumorseg.modelfile import Model, ModelCard, ModelSpec, load_model
from tumorseg_training.export.ensemble import joined_rules, joined_training
from tumorseg_training.one_kind import difference
from tumorseg_training.run_folder import METRICS_FILE, MODEL_FILE
from tumorseg_training.toml_file import TOMLDecodeError, read_toml

State = dict[str, Tensor]


@dataclass(frozen=True)
class ExportSource:
    """A model before it is written.

    Attributes:
        spec: the document, with the card; ``members`` says how many networks there are.
        states: state dict of each ``UNet3D``, float32.
        validation_dice: mean Dice of the validation that chose the weights, where one run and its table are there.
    """

    spec: ModelSpec
    states: tuple[State, ...]
    validation_dice: float | None = None


def read_source(runs: Sequence[Path], card_file: Path) -> ExportSource:
    """Read runs and a card.

    Args:
        runs: run folders of ``fit``; several become an ensemble.
        card_file: TOML with ``name``, ``version``, ``[card]`` and optionally ``[postprocessing]``.

    Raises:
        BadInputError: runs that do not belong together, or an unreadable or incomplete card file.
        ModelError: a run has no usable model.
    """
    card = _read_card(card_file)
    _check_card(card, card_file)
    if len({run.resolve() for run in runs}) < len(runs):
        raise BadInputError("A run is named twice; name each --run once.")
    models = [load_model(run / MODEL_FILE) for run in runs]
    for run, model in zip(runs[1:], models[1:], strict=True):
        _check_same(runs[0], models[0].spec, run, model.spec)
    specs = [model.spec for model in models]
    rules = joined_rules([spec.postprocessing for spec in specs])
    try:
        spec = replace(
            specs[0],
            name=card["name"],
            version=card["version"],
            card=ModelCard(**card["card"]),
            # What evaluate --calibrate has fitted stays, unless the card says otherwise.
            postprocessing=replace(rules, **card.get("postprocessing", {})),
            members=len(models),
            training=joined_training([spec.training for spec in specs]),
        )
    except (KeyError, TypeError) as error:
        raise BadInputError(f"The model card {card_file} is incomplete or has unknown entries: {error}.") from error
    dice = _validation_dice(runs[0], spec) if len(runs) == 1 else None
    return ExportSource(spec, tuple(_state(model) for model in models), dice)


def _state(model: Model) -> State:
    return dict(model.network.state_dict())


def _check_same(first_run: Path, first: ModelSpec, run: Path, spec: ModelSpec) -> None:
    if told := difference(first, spec):
        raise BadInputError(f"{first_run} and {run} have different {told}; export them separately.")


def _validation_dice(run: Path, spec: ModelSpec) -> float | None:
    """Mean Dice in the row of the epoch whose weights were kept."""
    path = run / METRICS_FILE
    if not path.exists():
        return None
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row.get("epoch") == str(spec.training.get("epoch")) and row.get("dice_mean"):
                return float(row["dice_mean"])
    return None


def _check_card(card: dict[str, Any], path: Path) -> None:
    """Refuse what would be lost without a word, and a text in the place of a list, which would be a list of letters."""
    table = card.get("card")
    lists = {field.name: isinstance(field.default, tuple) for field in fields(ModelCard)}
    problems = [f"unknown entry {name}" for name in card if name not in ("name", "version", "card", "postprocessing")]
    if isinstance(table, dict):
        known = {name: value for name, value in table.items() if name in lists}
        problems += [f"{name} must be {_KINDS[lists[name]]}" for name, v in known.items() if not _fits(v, lists[name])]
    if problems:
        raise BadInputError(f"The model card {path} cannot be used: {', '.join(problems)}; see docs/export.md.")


_KINDS = {True: "a list of texts", False: "a text"}


def _fits(value: object, is_list: bool) -> bool:
    if not is_list:
        return isinstance(value, str)
    return isinstance(value, (list, tuple)) and all(isinstance(line, str) for line in value)


def _read_card(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"The model card {path} cannot be read ({error.strerror}); check the path.") from error
    except (TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"The model card {path} is not TOML: {error}.") from error
