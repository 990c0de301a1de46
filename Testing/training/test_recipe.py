"""Recipes: the shipped presets are sound, and what cannot be trained is refused in one sentence."""

from pathlib import Path

import pytest

from tumorseg.errors import BadInputError
from tumorseg_training.recipe import load_recipe, preset_names


@pytest.mark.parametrize("name", ["default", "paper", "tiny"])
def test_presets_are_sound(name: str) -> None:
    recipe = load_recipe(name)
    assert name in preset_names()
    assert recipe.network.in_channels == len(recipe.channels)


def test_options_replace_entries_and_none_does_not() -> None:
    recipe = load_recipe("tiny", steps=3, seed=None)
    assert (recipe.steps, recipe.seed) == (3, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps = 0", "steps must be a whole number from 1, got 0"),
        ("steps = 2.5", "steps must be a whole number from 1, got 2.5"),
        ('batch_size = "two"', "batch_size must be a whole number from 1, got 'two'"),
        ("seed = -1", "seed must be a whole number from 0 to 4294967295, got -1"),
        ("seed = 4294967296", "seed must be a whole number from 0 to 4294967295, got 4294967296"),
        ("patch_size = [16, 16]", r"patch_size must be three positive multiples of 2, got \(16, 16\)"),
        ("patch_size = [16, 16, 15]", "patch_size must be three positive multiples of 2"),
        ("patch_size = [16, 16, 0]", "patch_size must be three positive multiples of 2"),
        ("patch_size = 16", "patch_size must be three positive multiples of 2, got 16"),
        ('channels = ["t1", "t1ce", "t2", "dwi"]', r"channels must be different ones of t1, t1ce, t2, flair"),
        ('channels = ["t1", "t1", "t2", "flair"]', r"channels must be different ones of t1, t1ce, t2, flair"),
        ('channels = ["t1ce"]', "the network takes 4 input channels, but 1 are named"),
        ('regions = ["TC", "WT", "ET"]', r"regions must be \[WT\] or \[WT, TC, ET\]"),
        ('regions = ["WT"]', "the network makes 3 outputs, but 1 regions are named"),
        ('precision = "8-bit"', "precision must be one of 32-true, bf16-mixed, 16-mixed, got '8-bit'"),
        ('learning_rate = "fast"', "learning_rate must be a number from 1e-09 to 1, got 'fast'"),
        ("foreground = 1.5", "foreground must be a number from 0 to 1, got 1.5"),
        ("ema_decay = nan", "ema_decay must be a number from 0 to 1, got nan"),
        ("colour = 1", "colour"),
        ("network = 3", r"\[network\] must be a table"),
        ('[network]\npreset = "big"', "there is no network 'big'; use one of default, paper, tiny"),
    ],
)
def test_what_cannot_be_trained_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text if "network" in text else f'{text}\n[network]\npreset = "tiny"\n')
    with pytest.raises(BadInputError, match=message) as caught:
        load_recipe(str(path))
    assert caught.value.problems[0].startswith(f"The recipe {path} cannot be used: ")


def test_options_are_checked_like_entries() -> None:
    with pytest.raises(BadInputError, match="steps must be a whole number from 1, got -5"):
        load_recipe("tiny", steps=-5)
