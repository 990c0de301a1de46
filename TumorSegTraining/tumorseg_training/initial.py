"""The model that a training starts from, and what of it stays."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor

from tumorseg.errors import BadInputError
from tumorseg.modelfile import load_model
from tumorseg.modelstore import find_model
from tumorseg.network import UNet3D
from tumorseg.network_config import UNet3DConfig
from tumorseg_training.recipe import Recipe


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
        BadInputError: the model has another network than the recipe, and the sentence names what differs; or there is
            none, and the recipe keeps a part of it.
        ModelError: there is no such model, or it is damaged.
    """
    if not recipe.initial:
        if recipe.initial_share:
            raise BadInputError(
                f"The recipe {recipe.name} keeps a part of the weights that it starts from; name them with --initial."
            )
        return Initial()
    model = load_model(find_model(recipe.initial))
    theirs, ours = model.network.config, recipe.network
    widened = recipe.other_half and not model.spec.other_half
    if widened:
        theirs = replace(theirs, in_channels=2 * theirs.in_channels)
    names = [entry.name for entry in fields(ours) if getattr(ours, entry.name) != getattr(theirs, entry.name)]
    if names:
        told = ", ".join(f"{name} is {getattr(theirs, name)}, not {getattr(ours, name)}" for name in names)
        raise BadInputError(
            f"The model {recipe.initial} has another network than the recipe {recipe.name}: {told}; give [network] the "
            "same values."
        )
    weights = model.network.state_dict()
    return Initial(_widened(weights, ours) if widened else weights, model.spec.training)


def _widened(weights: dict[str, Tensor], config: UNet3DConfig) -> dict[str, Tensor]:
    """Weights of a network with more inputs that does the same: what it gets besides counts nothing yet."""
    plain = UNet3D(config).state_dict()
    grown = {}
    for name, tensor in weights.items():
        grown[name] = torch.zeros_like(plain[name]) if tensor.shape != plain[name].shape else tensor
        if grown[name] is not tensor:
            grown[name][:, : tensor.shape[1]] = tensor
    return grown


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
