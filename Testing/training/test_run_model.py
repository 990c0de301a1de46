"""A model file says how its network was trained, so that the engine runs it in the same way."""

from dataclasses import replace

import pytest

from tumorseg_training.augment_recipe import Augmentation
from tumorseg_training.recipe_file import load_recipe
from tumorseg_training.run_model import model_spec


def test_the_recipe_decides_how_the_network_is_run() -> None:
    recipe = replace(load_recipe("tiny"), spacing=2.0, single_pass=True)
    spec = model_spec(recipe)
    assert (spec.spacing, spec.single_pass, spec.resized) == ((2.0, 2.0, 2.0), True, False)
    assert (spec.patch_size, spec.channels, spec.normalisation) == (
        recipe.patch_size,
        recipe.channels,
        recipe.normalisation,
    )


@pytest.mark.parametrize(("mirror", "axes", "known"), [(0.5, "x", "x"), (0.5, "zyx", "zyx"), (0.0, "zyx", "")])
def test_prediction_mirrors_only_as_the_training_did(mirror: float, axes: str, known: str) -> None:
    recipe = replace(load_recipe("tiny"), augmentation=Augmentation(mirror=mirror, mirror_axes=axes))
    assert model_spec(recipe).mirror_axes == known


@pytest.mark.parametrize("tta", [False, True])
def test_the_recipe_decides_whether_predictions_are_averaged_over_mirrorings(tta: bool) -> None:
    recipe = replace(load_recipe("tiny"), augmentation=Augmentation(mirror=0.5, mirror_axes="x"), tta=tta)
    assert model_spec(recipe).tta is tta


def test_the_recipe_decides_whether_both_halves_of_the_brain_are_compared() -> None:
    plain = load_recipe("tiny")
    comparing = replace(plain, other_half=True, network=replace(plain.network, in_channels=8))
    assert [model_spec(recipe).other_half for recipe in (plain, comparing)] == [False, True]
    assert model_spec(comparing).inputs == 8


def test_the_recipe_decides_what_outlines_follow() -> None:
    recipe = replace(load_recipe("tiny"), guides=("t1ce", "flair"))
    assert model_spec(recipe).guides == ("t1ce", "flair")


@pytest.mark.parametrize(("name", "resized"), [("tiny", False), ("paper", True)])
def test_presets_are_run_at_one_millimetre_in_tiles_or_stretched(name: str, resized: bool) -> None:
    spec = model_spec(load_recipe(name))
    assert (spec.spacing, spec.single_pass, spec.resized) == ((1.0, 1.0, 1.0), False, resized)
