"""The model that a training starts from, and what of it stays."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from tumorseg.errors import BadInputError
from tumorseg.modelfile import Model, load_model
from tumorseg.modelstore import find_model
from tumorseg.network_config import UNet3DConfig
from tumorseg_training.recipe import Recipe
from tumorseg_training.split import Split
from tumorseg_training.training_notes import seen_before, trained_on
from tumorseg_training.wording import some

FIRST_LAYER = "encoder.0.0.conv.weight"
"""The weights of a ``UNet3D`` that see its inputs."""


@dataclass(frozen=True)
class Initial:
    """A model that a training starts from; empty for one that starts from random weights.

    Attributes:
        weights: its state dict.
        training: how it was trained, so that its cases are never taken for unseen ones.
    """

    weights: dict[str, Tensor] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


def initial_model(recipe: Recipe) -> Initial:
    """The model that the recipe starts from.

    Raises:
        BadInputError: the model has another network or other inputs than the recipe, and the sentence names what
            differs; it is an ensemble; or there is none, and the recipe keeps a part of it.
        ModelError: there is no such model, or it is damaged.
    """
    if not recipe.initial:
        if recipe.initial_share:
            raise BadInputError(
                f"The recipe {recipe.name} keeps a part of the weights that it starts from; name them with --initial."
            )
        return Initial()
    model = load_model(find_model(recipe.initial))
    _check_fits(recipe, model)
    weights = model.network.state_dict()
    if recipe.other_half:
        weights = _widened(weights, recipe.network.in_channels)
    return Initial(weights, model.spec.training)


def initial_notes(recipe: Recipe, initial: Initial, split: Split) -> list[str]:
    """A sentence where the initial model was trained on patients that a run validates or tests with."""
    trained = trained_on(initial.training)
    told = [
        f"{len(seen)} of the {len(names)} {part} cases ({some(sorted(seen))})"
        for part, names in (("validation", split.validation), ("test", split.test))
        if (seen := seen_before(names, trained))
    ]
    if not told:
        return []
    # The name alone: the sentence is passed on with the weights.
    return [
        f"The model {Path(recipe.initial).name} was trained on the patients of {' and '.join(told)}: their scores will "
        "say nothing about new patients. Start from a model that has not seen them, or do not score them."
    ]


def _check_fits(recipe: Recipe, model: Model) -> None:
    """Make sure that a training of the recipe can start from the model's weights."""
    spec, start = model.spec, f"The recipe {recipe.name} cannot start from the model {recipe.initial}"
    if spec.members > 1:
        raise BadInputError(f"{start}: it is an ensemble of {spec.members} networks; name the model of one run.")
    if spec.channels != recipe.channels:
        seen = f"{', '.join(spec.channels)}, not {', '.join(recipe.channels)}"
        raise BadInputError(f"{start}: it sees {seen}; give channels the same values.")
    if spec.other_half and not recipe.other_half:
        raise BadInputError(f"{start}: it compares both halves of the brain; give the recipe other_half = true.")
    if told := _differences(spec.network_config, recipe.network):
        raise BadInputError(
            f"The model {recipe.initial} has another network than the recipe {recipe.name}: {told}; give [network] the "
            "same values."
        )


def _differences(theirs: UNet3DConfig, ours: UNet3DConfig) -> str:
    """What another network has otherwise, in words; how many inputs follows from other entries."""
    names = [entry.name for entry in fields(ours) if entry.name != "in_channels"]
    changed = [name for name in names if getattr(theirs, name) != getattr(ours, name)]
    return ", ".join(f"{name} is {getattr(theirs, name)}, not {getattr(ours, name)}" for name in changed)


def _widened(weights: dict[str, Tensor], inputs: int) -> dict[str, Tensor]:
    """Weights of a network with so many inputs that does the same: those that are new count nothing yet."""
    first = weights[FIRST_LAYER]
    # Of (output, input, z, y, x), from the last axis: none of three, then inputs before and after.
    return {**weights, FIRST_LAYER: functional.pad(first, (0,) * 7 + (inputs - first.shape[1],))}


def mixed_with_initial(trained: dict[str, Tensor], initial: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """Weights between the initial and the trained ones: what fine-tuning gains, with less of what it loses.

    Weight-space ensembling of Wortsman et al., "Robust fine-tuning of zero-shot models" (CVPR 2022, arXiv 2109.01903).

    Args:
        trained: state dict after the training.
        initial: that before it, with the same names; may be empty if ``share`` is 0.
        share: of the initial weights and statistics, 0 to 1; whole numbers (counters) are those of the training.
    """
    if not share:
        return trained
    return {
        name: torch.lerp(weights, initial[name].to(weights), share) if weights.is_floating_point() else weights
        for name, weights in trained.items()
    }
