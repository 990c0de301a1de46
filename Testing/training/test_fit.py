"""fit, evaluate and export end to end on tiny cases, and what they refuse."""

import csv
import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tumorseg.modelfile import load_model, read_spec
from tumorseg_training.cli import main
from tumorseg_training.fit import LAST_CHECKPOINT, MODEL_FILE
from tumorseg_training.module import SegmentationModule

HELD_OUT = "Synthetic_0003"


@pytest.fixture(scope="module")
def run(coarse_cases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert main(_fit(coarse_cases, folder)) == 0
    return folder


def _fit(data: Path, run: Path, *more: str) -> list[str]:
    return ["fit", "--data", str(data), "--run", str(run), "--recipe", "tiny", "--hold-out", HELD_OUT, *more]


def test_a_run_folder_says_what_was_done(run: Path) -> None:
    cases = json.loads((run / "cases.json").read_text())
    assert cases == {"trained": [["Synthetic_0001", "Synthetic_0002"]], "held_out": [HELD_OUT]}
    assert json.loads((run / "recipe.json").read_text())["name"] == "tiny"
    rows = list(csv.DictReader((run / "metrics.csv").open()))
    assert float(rows[-1]["loss"]) > 0


def test_the_model_file_names_its_training_cases_and_recipe(run: Path) -> None:
    spec = read_spec(run / MODEL_FILE)
    assert spec.training["cases"] == ["Synthetic_0001", "Synthetic_0002"]
    assert spec.training["recipe"]["steps"] == 8
    assert spec.patch_size == (16, 16, 16)


def test_training_changes_the_weights_and_is_repeatable(run: Path, coarse_cases: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert main(_fit(coarse_cases, again)) == 0
    first, second = (load_model(folder / MODEL_FILE).network.state_dict() for folder in (run, again))
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = tmp_path / "other"
    assert main(_fit(coarse_cases, other, "--seed", "5")) == 0
    assert not torch.equal(first["heads.0.weight"], load_model(other / MODEL_FILE).network.heads["0"].weight)


def test_training_lowers_the_loss(coarse_cases: Path, tmp_path: Path) -> None:
    assert main(_fit(coarse_cases, tmp_path / "run", "--steps", "300")) == 0
    losses = [float(row["loss"]) for row in csv.DictReader((tmp_path / "run" / "metrics.csv").open())]
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 0.1


def test_the_checkpoint_loads_without_unpickling_code(run: Path) -> None:
    assert torch.load(run / LAST_CHECKPOINT, weights_only=True)["global_step"] == 8


def test_a_finished_run_is_not_trained_again(run: Path, coarse_cases: Path) -> None:
    before = (run / MODEL_FILE).stat().st_mtime_ns
    assert main(_fit(coarse_cases, run)) == 0
    assert (run / MODEL_FILE).stat().st_mtime_ns == before


def _same_weights(first: Path, second: Path) -> bool:
    weights, others = (load_model(folder / MODEL_FILE).network.state_dict() for folder in (first, second))
    return all(torch.equal(weights[name], others[name]) for name in weights)


def test_a_lost_model_file_is_written_again_from_the_checkpoint(run: Path, coarse_cases: Path, tmp_path: Path) -> None:
    again = shutil.copytree(run, tmp_path / "again")
    (again / MODEL_FILE).unlink()
    assert main(_fit(coarse_cases, again)) == 0
    assert _same_weights(run, again)


def test_the_last_step_is_exported_whatever_the_interval_of_checkpoints(coarse_cases: Path, tmp_path: Path) -> None:
    assert main(_fit(coarse_cases, tmp_path / "run", "--steps", "7")) == 0  # checkpoints after 3 and 6
    assert torch.load(tmp_path / "run" / LAST_CHECKPOINT, weights_only=True)["global_step"] == 7


@pytest.fixture
def restored_ctrl_c() -> Iterator[None]:
    """Lightning switches Ctrl-C off when it stops."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("restored_ctrl_c")
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(
    run: Path,
    coarse_cases: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    step = SegmentationModule.training_step

    def interrupted(self: SegmentationModule, *batch: object) -> torch.Tensor:
        if self.global_step == 6:  # the checkpoint is of step 4
            raise KeyboardInterrupt
        return step(self, *batch)

    folder = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(SegmentationModule, "training_step", interrupted)
        assert main(_fit(coarse_cases, folder)) == 130
    sentence = "tumorseg-train: Stopped; the same command goes on from the last checkpoint."
    assert capsys.readouterr().err.splitlines()[-1] == sentence
    assert not (folder / MODEL_FILE).exists()
    assert torch.load(folder / LAST_CHECKPOINT, weights_only=True)["global_step"] == 4
    (folder / "metrics.csv").write_text("logged before")
    assert main(_fit(coarse_cases, folder)) == 0
    assert (folder / "metrics.csv").read_text() == "logged before"
    assert (folder / "from_step_4" / "metrics.csv").exists()
    assert _same_weights(run, folder)


def test_a_network_of_one_region_is_trained_and_exported(coarse_cases: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "one.toml"
    network = '[network]\npreset = "tiny"\nin_channels = 1\nout_channels = 1\n'
    recipe.write_text(f'channels = ["t1ce"]\nregions = ["WT"]\npatch_size = [16, 16, 16]\nsteps = 2\n{network}')
    assert main([*_fit(coarse_cases, tmp_path / "run"), "--recipe", str(recipe)]) == 0
    assert read_spec(tmp_path / "run" / MODEL_FILE).postprocessing.thresholds == (0.5,)


def test_another_recipe_in_the_same_folder_is_refused(
    run: Path, coarse_cases: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(_fit(coarse_cases, run, "--steps", "9")) == 2
    expected = f"tumorseg-train: {run} holds a run with another recipe; name a new folder with --run.\n"
    assert capsys.readouterr().err == expected


def test_evaluate_scores_the_held_out_case_beside_nothing(
    run: Path, coarse_cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    arguments = ["--data", str(coarse_cases), "--case", HELD_OUT, "--output", str(results)]
    assert main(["evaluate", "--model", str(run / MODEL_FILE), *arguments]) == 0
    (row,) = csv.DictReader((results / "scores.csv").open())
    assert row["case"] == HELD_OUT
    table = capsys.readouterr().out.splitlines()
    assert float(table[1].split()[1]) == pytest.approx(float(row["dice_WT"]), abs=6e-4)
    assert table[3].startswith("mean of predicting nothing")


def test_export_adds_card_name_and_rules(run: Path, tmp_path: Path) -> None:
    card = tmp_path / "card.toml"
    card.write_text(
        'name = "mine"\nversion = "2.0"\n[card]\ntitle = "My model"\nlimits = ["Few cases"]\n'
        "[postprocessing]\nmin_component_ml = 0.5\n"
    )
    output = tmp_path / "mine.safetensors"
    assert main(["export", "--run", str(run), "--card", str(card), "--output", str(output)]) == 0
    spec = read_spec(output)
    assert (spec.name, spec.version, spec.card.title, spec.card.limits) == ("mine", "2.0", "My model", ("Few cases",))
    assert spec.postprocessing.min_component_ml == 0.5
    assert spec.training == read_spec(run / MODEL_FILE).training


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "is not TOML"),
        ('name = "a"', "is incomplete or has unknown entries: 'version'"),
        ('name = "a"\nversion = "1"\n[card]\ntitle = "t"\ncolour = "red"', "incomplete or has unknown entries"),
    ],
)
def test_an_unusable_card_is_named(
    run: Path, tmp_path: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    card = tmp_path / "card.toml"
    card.write_text(text)
    assert main(["export", "--run", str(run), "--card", str(card), "--output", str(tmp_path / "o.safetensors")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "o.safetensors").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--recipe", "best"], "There is no recipe best; use one of default, paper, tiny or a .toml file."),
        (["--hold-out", "Synthetic_003"], "There is no case Synthetic_003 in the data folders; check the names."),
        (["--steps", "0"], "The recipe tiny cannot be used: steps must be a whole number from 1, got 0."),
        (["--seed", "-1"], "seed must be a whole number from 0"),
        (["--workers", "-1"], "--workers must not be negative, got -1."),
        (["--hold-out", "Synthetic_0001", "--hold-out", "Synthetic_0002"], "is held out; hold out fewer"),
    ],
)
def test_bad_options_are_sentences(
    coarse_cases: Path, tmp_path: Path, changes: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*_fit(coarse_cases, tmp_path / "run"), *changes]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_rules_that_do_not_fit_the_model_are_refused_before_writing(run: Path, tmp_path: Path) -> None:
    card = tmp_path / "card.toml"
    card.write_text('name = "a"\nversion = "1"\n[card]\ntitle = "t"\n[postprocessing]\nthresholds = [0.5]\n')
    assert main(["export", "--run", str(run), "--card", str(card), "--output", str(tmp_path / "o.safetensors")]) == 3
    assert not (tmp_path / "o.safetensors").exists()


def test_a_run_folder_that_is_a_file_is_refused(
    coarse_cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").write_text("mine")
    assert main(_fit(coarse_cases, tmp_path / "run")) == 2
    assert f"{tmp_path / 'run'} cannot be used as a folder" in capsys.readouterr().err
    assert (tmp_path / "run").read_text() == "mine"


@pytest.mark.parametrize("place", ["nowhere/{}", "folder{}"])
def test_results_that_cannot_be_written_are_refused_before_the_work(
    place: str, coarse_cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Neither the model nor the run exists: the output is checked before they are looked at.
    for command, extension in (
        (["export", "--run", str(tmp_path), "--card", str(tmp_path / "card.toml")], ".safetensors"),
    ):
        (tmp_path / f"folder{extension}").mkdir(exist_ok=True)
        target = tmp_path / place.format(extension)
        assert main([*command, "--output", str(target)]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"tumorseg-train: {target} ")
        assert said.count("\n") == 1


def test_a_failing_disk_is_a_sentence(
    coarse_cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "a.npy")

    monkeypatch.setattr("tumorseg_training.cache._save", full)
    assert main(_fit(coarse_cases, tmp_path / "run")) == 2
    expected = "tumorseg-train: a.npy cannot be used (No space left on device); free space or choose another place.\n"
    assert capsys.readouterr().err == expected


def test_ctrl_c_elsewhere_promises_no_checkpoint(
    run: Path, coarse_cases: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tumorseg.pipeline.segment", interrupted)
    assert main(["evaluate", "--model", str(run / MODEL_FILE), "--data", str(coarse_cases)]) == 130
    assert capsys.readouterr().err.startswith("\ntumorseg-train: Stopped; finished cases are kept")


def test_an_unknown_case_is_named(run: Path, coarse_cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--model", str(run / MODEL_FILE), "--data", str(coarse_cases), "--case", "X"]) == 2
    assert "There is no case X in the data folders" in capsys.readouterr().err
