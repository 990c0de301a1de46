"""The script behind the shipped weights: its commands can be given, its recipes trained, its links read."""

import argparse
import importlib.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from tumorseg.network import UNet3D
from tumorseg_training.cache import CACHED, cached_as
from tumorseg_training.cli import main as tumorseg_train
from tumorseg_training.prepare_command import add_arguments
from tumorseg_training.recipe_file import load_recipe

WEIGHTS = Path(__file__).resolve().parents[2] / "TumorSegTraining" / "weights"
RECIPES = sorted(path.relative_to(WEIGHTS).as_posix() for path in WEIGHTS.rglob("*.toml"))
PAPER = "paper-half.toml"
MOST_BYTES = 6_000_000


@pytest.fixture(scope="module")
def make() -> ModuleType:
    specification = importlib.util.spec_from_file_location("make_weights", WEIGHTS / "make.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_paper_is_compared_in_everything_but_the_voxels() -> None:
    paper, half = load_recipe("paper"), load_recipe(str(WEIGHTS / PAPER))
    assert half.patch_size == (64, 64, 64)
    assert replace(half, name=paper.name, patch_size=paper.patch_size) == paper


@pytest.mark.parametrize("name", RECIPES)
def test_its_networks_fit_into_the_shipped_file(name: str) -> None:
    recipe = load_recipe(str(WEIGHTS / name))
    assert recipe.spacing == (1.0 if name == PAPER else 2.0)
    assert name == PAPER or 2 * sum(parameter.numel() for parameter in UNet3D(recipe.network).parameters()) < MOST_BYTES


def test_the_base_has_seen_no_case_that_the_folds_judge_with(make: ModuleType) -> None:
    commands = make.commands(Path("data"), Path("work"))
    base, *tuned = [words for words in commands if words[0] == "fit"]
    prepared = {words[words.index("--output") + 1]: words for words in commands if words[0] == "prepare"}
    assert str(Path("data/brats2021")) not in prepared[base[2]]
    assert "--initial" not in base
    assert [words[words.index("--fold") + 1] for words in tuned] == [fold for fold in "0127" for _ in make.STAGES]
    made = {Path(words[words.index("--run") + 1]) / "model.safetensors": words for words in (base, *tuned)}
    for words in tuned:
        before = made[Path(words[words.index("--initial") + 1])]
        assert before is base or before[:5] == words[:5]  # a fold goes on with its own network


def test_every_recipe_finds_the_voxels_and_the_normalisation_that_it_trains_with(make: ModuleType) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    places = Path("data"), Path("work")
    commands = [*make.commands(*places), *make.paper_commands(*places)]
    assert parser.parse_args(["--data", "x", "--output", "x"]).normalisation == CACHED[0]
    assert next(action.choices for action in parser._actions if action.dest == "normalisation") == CACHED
    prepared = {}
    for words in commands:
        if words[0] == "prepare":
            options = parser.parse_args(words[1:])
            prepared[str(options.output)] = (options.spacing, options.normalisation)
    for words in commands:
        if words[0] == "fit":
            recipe = load_recipe(words[words.index("--recipe") + 1])
            held = prepared[words[words.index("--prepared") + 1]]
            assert held == (recipe.spacing, cached_as(recipe.normalisation))


def test_its_commands_are_understood_up_to_the_missing_data(
    make: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = tmp_path / "data", tmp_path / "work"
    for words in [*make.commands(*places), *make.paper_commands(*places)]:
        if words[0] != "phantom":  # would make patients
            assert tumorseg_train(words) in (2, 3)
            assert "usage:" not in (problem := capsys.readouterr().err)
            assert str(tmp_path) in problem


def test_program_made_labels_are_linked_as_truth(make: ModuleType, tmp_path: Path) -> None:
    case = tmp_path / "algorithmic" / "Case"
    case.mkdir(parents=True)
    for name in ("Case_t1.nii.gz", "Case_algseg.nii.gz"):
        (case / name).write_text(name, encoding="utf-8")
    (tmp_path / "links" / "Case").mkdir(parents=True)
    (tmp_path / "links" / "Case" / "Case_seg.nii.gz").symlink_to(tmp_path / "moved away")
    for _ in range(2):
        make.link_pseudo_labelled(tmp_path / "algorithmic", tmp_path / "links")
    linked = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "links" / "Case").iterdir()}
    assert linked == {"Case_t1.nii.gz": "Case_t1.nii.gz", "Case_seg.nii.gz": "Case_algseg.nii.gz"}
