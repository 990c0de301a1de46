"""From a run's checkpoint to a model file: the weights that were validated, with everything needed to run them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from tumorseg.modelfile import ModelCard, ModelSpec, PostProcessing
from tumorseg_training.recipe import Recipe


def model_spec(recipe: Recipe, training: dict[str, Any] | None = None) -> ModelSpec:
    """The model file's document for a network of the recipe.

    Args:
        recipe: of the run.
        training: what the document says about the run.
    """
    return ModelSpec(
        name=recipe.name,
        version="0",
        architecture=recipe.network.to_dict(),
        channels=recipe.channels,
        regions=recipe.regions,
        spacing=(recipe.spacing,) * 3,
        patch_size=recipe.patch_size,
        normalisation=recipe.normalisation,
        resized=recipe.resized,
        single_pass=recipe.single_pass,
        mirror_axes=recipe.augmentation.mirror_axes if recipe.augmentation.mirror else "",
        tta=recipe.tta,
        other_half=recipe.other_half,
        guides=recipe.guides,
        postprocessing=PostProcessing(thresholds=(0.5,) * len(recipe.regions)),
        card=ModelCard(title=f"{recipe.name} (not evaluated)"),
        training=training or {},
    )


def network_weights(checkpoint: dict[str, Any]) -> dict[str, Tensor]:
    """State dict of the network in a checkpoint: the averaged weights where the recipe averages."""
    prefix = "network."
    state = checkpoint["state_dict"]
    return {name.removeprefix(prefix): weights for name, weights in state.items() if name.startswith(prefix)}
