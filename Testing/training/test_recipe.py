"""Recipes: the shipped presets are sound, and what cannot be trained is refused in one sentence."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tumorseg.errors import BadInputError
from tumorseg_training.recipe_file import load_recipe, preset_names, recipe_values


@pytest.mark.parametrize("name", ["default", "paper", "tiny"])
def test_presets_are_sound(name: str) -> None:
    recipe = load_recipe(name)
    assert name in preset_names()
    assert recipe.network.in_channels == len(recipe.channels)


def test_options_replace_entries_and_none_does_not() -> None:
    recipe = load_recipe("tiny", epochs=3, seed=None)
    assert (recipe.epochs, recipe.seed) == (3, 0)


@pytest.mark.parametrize("name", ["default", "paper", "tiny"])
def test_a_recipe_survives_json(name: str) -> None:
    values = recipe_values(load_recipe(name))
    assert json.loads(json.dumps(values)) == values  # as a run that goes on compares it with its recipe.json


def test_the_paper_is_trained_as_printed() -> None:
    recipe = load_recipe("paper")
    assert (recipe.network.features, recipe.patch_size, recipe.resized) == ((32, 64, 128, 256), (128, 128, 128), True)
    assert (recipe.loss, recipe.optimizer, recipe.schedule) == ("bce", "adam", "plateau")
    assert recipe.early_stopping > recipe.plateau_patience > 0
    changes = recipe.augmentation
    assert min(changes.mirror, changes.scaling, changes.rotation) > 0
    assert not any((changes.elastic, changes.blur, changes.noising, changes.bending, changes.dropping))


def test_a_pass_has_a_step_for_every_full_batch() -> None:
    recipe = load_recipe("paper")
    assert (recipe.steps(7), replace(recipe, batch_size=2).steps(7), replace(recipe, batch_size=9).steps(7)) == (
        7,
        3,
        1,
    )
    assert replace(load_recipe("tiny"), steps_per_epoch=4).steps(7) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = 0", "epochs must be a whole number from 1, got 0"),
        ("epochs = 2.5", "epochs must be a whole number from 1, got 2.5"),
        ("steps_per_epoch = -1", "steps_per_epoch must be a whole number from 0, got -1"),
        ("steps_per_epoch = true", "steps_per_epoch must be a whole number from 0, got True"),
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
        ("other_half = 1", "other_half must be true or false, got 1"),
        (
            "other_half = true",
            "the network takes 4 input channels, but 4 are named, each with its difference from the other half",
        ),
        ('guides = ["t1ce", "t1ce"]', r"guides must be different ones of the channels, got \('t1ce', 't1ce'\)"),
        ('guides = ["adc"]', "guides must be different ones of the channels"),
        ('guides = "t1"', "guides must be different ones of the channels, got 't1'"),
        ('regions = ["TC", "WT", "ET"]', r"regions must be \[WT\] or \[WT, TC, ET\]"),
        ('regions = ["WT"]', "the network makes 3 outputs, but 1 regions are named"),
        ('precision = "8-bit"', "precision must be one of auto, 32-true, bf16-mixed, 16-mixed, got '8-bit'"),
        ('learning_rate = "fast"', "learning_rate must be a number from 1e-09 to 1, got 'fast'"),
        ("foreground = 1.5", "foreground must be a number from 0 to 1, got 1.5"),
        ("ema_decay = nan", "ema_decay must be a number from 0 to 1, got nan"),
        ("ema_decay = 1.0", "ema_decay must be below 1, with which the averaged weights never learn, got 1"),
        ("initial = 3", "initial must be the name or the file of a model in quotes, got 3"),
        ("donors = 3", r'donors must be a list of data folders such as \["brats2021"\], got 3'),
        ('donors = "s1"', r'donors must be a list of data folders such as \["brats2021"\], got .s1.'),
        ("donors = [1]", r"donors must be a list of data folders such as .*, got \(1,\)"),
        ("channels = 3", "channels must be different ones of t1, t1ce, t2, flair, got 3"),
        ('channels = [["t1"]]', "channels must be different ones of t1, t1ce, t2, flair, got"),
        (
            "patch_size = [2, 2, 2]",
            r"patch_size must be more than 2 along an axis, got \(2, 2, 2\): of the single voxel at the deepest level "
            "of the network the norm 'instance' has no spread",
        ),
        ('name = "x"', "a recipe is called as its file; leave the entry name away"),
        ("colour = 1", "there is no entry colour; use one of network, augmentation, channels, .*initial_share"),
        ("epoch = 1", r"there is no entry epoch; perhaps epochs is meant\.$"),
        ('loss = "hinge"', "loss must be one of dice_bce, bce, got 'hinge'"),
        ('optimizer = "lion"', "optimizer must be one of adamw, adam, sgd, got 'lion'"),
        (
            'normalisation = "histogram"',
            "normalisation must be one of zscore-brain, zscore-flat, minmax-brain, got 'histogram'",
        ),
        ("resized = 1", "resized must be true or false, got 1"),
        ("resized = true\nsingle_pass = true", "resized and single_pass exclude each other"),
        ("resized = true\n[shares]\nreal = 2.0", r"resized and \[shares\] exclude each other: stretched, each case"),
        ("tta = true\n[augmentation]\nmirror = 0", "tta needs augmentation.mirror above 0"),
        ('schedule = "plateau"\nwarm_up_steps = 5', "warm_up_steps must be 0 with the schedule plateau"),
        ("augmentation = 3", r"\[augmentation\] must be a table"),
        ("[augmentation]\nmirror = 2", "augmentation.mirror must be a number from 0 to 1, got 2"),
        ("[augmentation]\nrotations = 1", r"there is no entry rotations in \[augmentation\]; perhaps rotation or"),
        ("[network]\nnorms = 1", r"there is no entry norms in \[network\]; perhaps norm is meant"),
        ("[network]\nfeatures = 3", "network.features must be a list of whole numbers, got 3"),
        ("[network]\nfeatures = [4, 8.5]", "network.features must be a list of whole numbers, got"),
        ('[network]\ndecoder_blocks = "2"', "network.decoder_blocks must be a whole number, got '2'"),
        ("[network]\ndecoder_blocks = 0", "network.decoder_blocks must be 1 or more, got 0"),
        ("[network]\nnorm = 1", "network.norm must be a word in quotes, got 1"),
        ('[shares]\nreal = "all"', "shares.real must be a number from 0 to 1e.06, got 'all'"),
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


def test_one_voxel_is_enough_for_a_network_without_norm(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('patch_size = [2, 2, 2]\n[network]\npreset = "tiny"\nnorm = "none"\n')
    assert load_recipe(str(path)).patch_size == (2, 2, 2)
    path.write_text('patch_size = [2, 2, 4]\n[network]\npreset = "tiny"\n')
    assert load_recipe(str(path)).patch_size == (2, 2, 4)


def test_options_are_checked_like_entries() -> None:
    with pytest.raises(BadInputError, match="epochs must be a whole number from 1, got -5"):
        load_recipe("tiny", epochs=-5)
