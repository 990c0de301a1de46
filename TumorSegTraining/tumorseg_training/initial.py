"""Weights that a training starts from."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from torch import Tensor

from tumorseg.errors import BadInputError
from tumorseg.modelfile import load_model, read_spec
from tumorseg.modelstore import find_model
from tumorseg_training.recipe import Recipe


def initial_weights(recipe: Recipe) -> dict[str, Tensor]:
    """State dict of the model that the recipe starts from; empty when it starts from random weights.

    Raises:
        BadInputError: the model has another network than the recipe; the sentence names what differs.
        ModelError: there is no such model, or it is damaged.
    """
    if not recipe.initial:
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


def initial_training(recipe: Recipe) -> dict[str, Any]:
    """How the model that the recipe starts from was trained, so that its cases are never taken for unseen ones.

    Raises:
        ModelError: there is no such model, or it is damaged.
    """
    return read_spec(find_model(recipe.initial)).training if recipe.initial else {}
