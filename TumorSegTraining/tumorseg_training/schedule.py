"""Optimisers and learning-rate schedules of the recipes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from torch import nn, optim

from tumorseg_training.recipe import Recipe

POLY_POWER = 0.9
"""nnU-Net's."""


def make_optimizer(recipe: Recipe, parameters: Iterable[nn.Parameter]) -> optim.Optimizer:
    """The recipe's optimiser."""
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "sgd":
        return optim.SGD(parameters, rate, recipe.momentum, weight_decay=decay, nesterov=recipe.momentum > 0)
    kind = optim.AdamW if recipe.optimizer == "adamw" else optim.Adam
    return kind(parameters, rate, weight_decay=decay)


def rate_factor(recipe: Recipe, steps: int) -> Callable[[int], float]:
    """Function from a step to its part of the recipe's learning rate.

    Args:
        recipe: with warm-up and a schedule other than ``plateau``, which depends on the validation.
        steps: of the whole run.
    """
    falling = max(1, steps - recipe.warm_up_steps)

    def factor(step: int) -> float:
        if step < recipe.warm_up_steps:
            return (step + 1) / recipe.warm_up_steps
        done = min(1.0, (step - recipe.warm_up_steps) / falling)
        if recipe.schedule == "poly":
            return float((1 - done) ** POLY_POWER)
        return 0.5 * (1 + math.cos(math.pi * done)) if recipe.schedule == "cosine" else 1.0

    return factor
