"""The README's training sequence, command by command as printed, on patients of coarse voxels."""

import json
from importlib import resources
from pathlib import Path

import pytest

from demo.training_sequence import ROOT, run_sequence, training_sequence
from support.coarse_patients import write_coarse_patients
from tumorseg.modelfile import read_spec
from tumorseg_training.cli import COMMANDS
from tumorseg_training.metrics import read_scores

_NOT_SHOWN = {"atlas", "crossval"}
"""Commands that need an atlas, or several runs."""


def test_the_readme_goes_from_data_to_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    phantom, *others = training_sequence((ROOT / "README.md").read_text(encoding="utf-8"))
    assert [words[0] for words in (phantom, *others)] == [name for name in COMMANDS if name not in _NOT_SHOWN]
    write_coarse_patients(tmp_path / phantom[phantom.index("--output") + 1], range(8))
    assert run_sequence([_with_few_steps(words, tmp_path) for words in others]) == 0
    split = json.loads((tmp_path / "run" / "split.json").read_text())
    assert list(read_scores(tmp_path / "run" / "evaluation" / "scores.csv")) == split["test"]
    drawn = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {"training.png", "extremes.png", "comparison.png", "comparison.md", "split.png"} <= drawn
    spec = read_spec(tmp_path / "example.safetensors")
    assert (spec.name, spec.postprocessing.min_component_ml) == ("example", 0.1)
    assert spec.training["split"]["sha256"] == split["sha256"]
    assert str(tmp_path) not in json.dumps(spec.training)  # weights do not tell where their owner's data lie


def _with_few_steps(words: list[str], folder: Path) -> list[str]:
    """The command with a fifth of its recipe's steps, if it has one: what training teaches is tested in test_fit.py."""
    if "--recipe" not in words:
        return words
    place = words.index("--recipe") + 1
    shipped = resources.files("tumorseg_training") / "recipes" / f"{words[place]}.toml"
    short = shipped.read_text(encoding="utf-8").replace("steps_per_epoch = 20\n", "steps_per_epoch = 4\n")
    assert "steps_per_epoch = 4\n" in short
    (folder / "short.toml").write_text(short, encoding="utf-8")
    return [*words[:place], "short.toml", *words[place + 1 :]]


def test_a_command_that_fails_ends_the_sequence() -> None:
    done: list[str] = []

    def run(words: object) -> int:
        done.append(str(words))
        return 2 * (words == ["b"])

    assert run_sequence([["a"], ["b"], ["c"]], run) == 2
    assert len(done) == 2
