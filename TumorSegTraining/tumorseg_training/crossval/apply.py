"""Write what the folds taught into the final model: rules, calibration, and the figures that people see."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tumorseg.errors import BadInputError
from tumorseg.modelfile import ModelSpec, load_model, save_model
from tumorseg_training.crossval.agreement import SCORE
from tumorseg_training.crossval.report import rule_sentence
from tumorseg_training.crossval.results import CrossValidation, plain_json
from tumorseg_training.evaluate import Evaluation
from tumorseg_training.evaluation_summary import Statistic, statistics
from tumorseg_training.one_kind import difference
from tumorseg_training.training_notes import seen_before, trained_on

PREFIX = "Cross-validation"
"""Starts every line that this module adds to a card, so that the next time they are replaced."""


def apply_to_model(path: Path, found: CrossValidation, seed: int) -> ModelSpec:
    """Replace rules, calibration and the cross-validation's lines of the card in a model file; its weights stay.

    Args:
        path: a ``.safetensors`` file.
        found: of folds with the recipe of this model.
        seed: of the bootstrap intervals.

    Returns:
        What the file now says.

    Raises:
        BadInputError: a model of another kind than the folds.
        ModelError: the file cannot be used.
    """
    model = load_model(path)
    spec = model.spec
    fitted = found.fitted
    check_one_kind(path, spec, found.spec)
    others = [line for line in spec.card.measured if not line.startswith(PREFIX)]
    measured = (*_lines(found, trained_on(spec.training), seed), *others)
    training = {**spec.training, "calibration": _calibration(found), "cross_validation": found.subject}
    spec = replace(
        spec,
        postprocessing=fitted.rules,
        card=replace(spec.card, measured=measured),
        training=training,
    )
    save_model(path, spec, model.network.state_dict())
    return spec


def check_one_kind(path: Path, spec: ModelSpec, folds: ModelSpec) -> None:
    """Make sure that a model is run as the folds were, so that their rules and figures are right for it.

    Raises:
        BadInputError: it is not; the sentence names what differs.
    """
    if told := difference(spec, folds):
        raise BadInputError(
            f"{path} and the folds, as they are judged, have different {told}; give the model of the same recipe, and "
            "judge the folds as it is run."
        )


def _lines(found: CrossValidation, trained: set[str], seed: int) -> list[str]:
    names, folds = list(found.alone.scores), len(found.subject["folds"])
    what = f"{len(names)} {found.called}"
    seen = seen_before(names, trained)
    who = (
        f"This model itself was trained on {len(seen)} of these {len(names)} cases, so it cannot be measured on them."
        if seen
        else "This model was trained on none of these cases."
    )
    lines = [
        f"{PREFIX}, {what}, each by one of {folds} networks of this recipe that never saw it, with rules that the "
        f"other cases chose: mean Dice {_means(found.nested, seed)}.",
        f"{PREFIX}, the same networks without rules: {_means(found.alone, seed)}; "
        f"predicting nothing: {_nothing(found.nested, seed)}.",
        f"{PREFIX}, cases: {', '.join(names)}. {who}",
        f"{PREFIX}, {rule_sentence(found.fitted.choice)}",
    ]
    if found.unseen.scores:
        told = f"{len(found.unseen.scores)} {found.unseen_called} that none of these networks saw"
        lines.append(f"{PREFIX}, {told}, without rules: {_means(found.unseen, seed)}.")
    ranks = found.agreements.get(found.called, {}).get(SCORE)
    if ranks and ranks.spearman is not None:
        lines.append(f"{PREFIX}, rank correlation of the result's score with its true Dice: {ranks.spearman:.2f}.")
    return lines


def _means(evaluation: Evaluation, seed: int) -> str:
    return ", ".join(f"{region} {_mean(of['dice'])}" for region, of in statistics(evaluation, seed).items())


def _mean(value: Statistic) -> str:
    interval = f" ({value.low:.2f}-{value.high:.2f})" if value.low is not None and value.high is not None else ""
    return f"{value.mean:.3f}{interval}"


def _nothing(evaluation: Evaluation, seed: int) -> str:
    return ", ".join(f"{region} {of['dice'].nothing:.3f}" for region, of in statistics(evaluation, seed).items())


def _calibration(found: CrossValidation) -> dict[str, Any]:
    """As ``tumorseg_training.calibrate`` keeps it, so that its readers know the cases and draw the reliability."""
    return plain_json(
        {
            "cases": list(found.alone.scores),
            "regions": {region: asdict(fit) for region, fit in found.fitted.calibration.items()},
            "rules": asdict(found.fitted.choice),
        }
    )
