"""Weights that a training starts from."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from tumorseg.errors import BadInputError
from tumorseg.modelfile import load_model, read_spec
from tumorseg.modelstore import find_model
from tumorseg_training.recipe import Recipe


def initial_weights(recipe: Recipe) -> dict[str, Tensor]:
    """State dict of the model that the recipe starts from; empty when it starts from random weights.

    Raises:
        BadInputError: the model has another network than the recipe, and the sentence names what differs; or there is
            none, and the recipe keeps a part of it.
        ModelError: there is no such model, or it is damaged.
    """
    if not recipe.initial:
        if recipe.initial_share:
            raise BadInputError(
                f"The recipe {recipe.name} keeps a part of the weights that it starts from; name them with --initial."
            )
        return {}
    network = load_model(find_model(recipe.initial)).network
    theirs, ours = network.config, recipe.network
    names = [entry.name for entry in fields(ours) if getattr(ours, entry.name) != getattr(theirs, entry.name)]
    if names:
        told = ", ".join(f"{name} is {getattr(theirs, name)}, not {getattr(ours, name)}" for name in names)
        raise BadInputError(
            f"The model {recipe.initial} has another network than the recipe {recipe.name}: {told}; give [network] the "
            "same values."
        )
    return network.state_dict()


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


def initial_training(recipe: Recipe) -> dict[str, Any]:
    """How the model that the recipe starts from was trained, so that its cases are never taken for unseen ones.

    Raises:
        ModelError: there is no such model, or it is damaged.
    """
    return read_spec(find_model(recipe.initial)).training if recipe.initial else {}
