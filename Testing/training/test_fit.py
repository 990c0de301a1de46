"""fit, evaluate and export end to end on tiny cases, and what they refuse."""

import csv
import json
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from support.prepared import TINY, prepared_folder
from tumorseg.modelfile import load_model, read_spec, save_model
from tumorseg.network import build_network
from tumorseg_training.cli import main
from tumorseg_training.hardware import Hardware
from tumorseg_training.initial import FIRST_LAYER, mixed_with_initial
from tumorseg_training.module import SegmentationModule
from tumorseg_training.run_folder import BEST_CHECKPOINT, LAST_CHECKPOINT, MODEL_FILE, PREVIOUS_CHECKPOINT
from tumorseg_training.split import load_split
from tumorseg_training.validation import CaseRow, validate

HELD_OUT = "Synthetic_0003"

Interrupt = Callable[[int, BaseException], None]

PLATEAU = """
patch_size = [16, 16, 16]
epochs = 12
steps_per_epoch = 2
schedule = "plateau"
plateau_patience = 0
early_stopping = 3
optimizer = "sgd"
momentum = 0.0
learning_rate = 1e-9
ema_decay = 0.0
precision = "32-true"
[network]
preset = "tiny"
"""

PAPER = """
channels = ["t1ce"]
regions = ["WT"]
normalisation = "minmax-brain"
resized = true
patch_size = [32, 32, 32]
batch_size = 1
epochs = 2
steps_per_epoch = 0
loss = "bce"
optimizer = "adam"
schedule = "plateau"
early_stopping = 5
gradient_clip = 0.0
ema_decay = 0.0
precision = "32-true"
[network]
preset = "paper"
features = [2, 4, 8, 16]
[augmentation]
mirror = 0.5
rotation = 0.5
scaling = 0.5
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_folder(tmp_path_factory.mktemp("data") / "prepared", train=3, validation=2).folder


@pytest.fixture(scope="module")
def run(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert main(_fit(prepared, folder)) == 0
    return folder


def _fit(prepared: Path, run: Path, *more: str) -> list[str]:
    place = ["--prepared", str(prepared), "--run", str(run)]
    return ["fit", *place, "--accelerator", "cpu", "--recipe", TINY, *more]


def _rows(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open() as stream:
        return list(csv.DictReader(stream))


def _json(path: Path) -> Any:
    return json.loads(path.read_text())


def _weights(run: Path) -> dict[str, torch.Tensor]:
    return load_model(run / MODEL_FILE).network.state_dict()


def _same_weights(first: Path, second: Path) -> bool:
    weights, others = _weights(first), _weights(second)
    return all(torch.equal(weights[name], others[name]) for name in weights)


def test_a_run_folder_says_what_was_done(run: Path, prepared: Path) -> None:
    split = load_split(prepared, 0)
    said = _json(run / "split.json")
    assert (said["prepared"], said["fold"], said["sha256"]) == (str(prepared.resolve()), 0, split.sha256)
    assert (said["train"], said["validation"]) == (["Head_0", "Head_1", "Head_2"], ["Head_3", "Head_4"])
    assert _json(run / "recipe.json")["name"] == "tiny"
    assert _json(run / "environment.json")["torch"] == torch.__version__
    assert _json(run / "environment.json")["precision"] == "32-true"
    assert _json(run / "plan.json")["training_cases"] == 3
    assert list((run / "tensorboard").glob("events.*"))


def test_every_epoch_has_a_row_with_honest_figures_beside_the_papers(run: Path) -> None:
    rows = _rows(run)
    assert [(row["epoch"], row["step"]) for row in rows] == [("0", "4"), ("1", "8")]
    for row in rows:
        assert float(row["train_loss"]) > 0
        assert 0 <= float(row["dice_mean"]) <= 1
        assert float(row["nothing_dice_mean"]) == 0
        assert 0 < float(row["accuracy"]) < 1
        assert float(row["samples_per_second"]) > 0
        assert 0 <= float(row["data_wait_share"]) <= 1


def test_the_model_file_names_its_split_and_recipe(run: Path) -> None:
    spec = read_spec(run / MODEL_FILE)
    split = _json(run / "split.json")
    del split["prepared"]  # a path of this computer; weights are passed on
    assert spec.training["split"] == split
    assert spec.training["recipe"]["epochs"] == 2
    assert spec.training["environment"]["processes"] == 1
    assert spec.patch_size == (16, 16, 16)


def test_the_best_epoch_is_exported(run: Path) -> None:
    best = max(_rows(run), key=lambda row: float(row["dice_mean"]))
    assert read_spec(run / MODEL_FILE).training["epoch"] == int(best["epoch"])
    averaged = torch.load(run / BEST_CHECKPOINT, weights_only=True)["state_dict"]["network.heads.0.weight"]
    torch.testing.assert_close(_weights(run)["heads.0.weight"], averaged, atol=1e-3, rtol=1e-3)  # float16


def test_a_best_checkpoint_that_is_gone_is_told(run: Path, prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / BEST_CHECKPOINT).write_bytes(b"damaged")
    (run / MODEL_FILE).unlink()
    assert main(_fit(prepared, run)) == 2
    problem = f"{run / BEST_CHECKPOINT} is damaged; restore it, or delete it to keep the last weights."
    assert problem in capsys.readouterr().err
    (run / BEST_CHECKPOINT).unlink()
    assert main(_fit(prepared, run)) == 0
    told = "best.ckpt is not there, so these are the last weights, not the best ones."
    assert f"Warning: {told}" in capsys.readouterr().out
    training = read_spec(run / MODEL_FILE).training
    assert (training["notes"], training["epoch"]) == ([told], 1)


def _seldom(folder: Path, epochs: int, every: int) -> list[str]:
    """Arguments of a training that is validated after each so many epochs."""
    path = folder / "seldom.toml"
    path.write_text(f"validate_every = {every}\n{Path(TINY).read_text()}")
    return ["--recipe", str(path), "--epochs", str(epochs)]


@pytest.mark.parametrize(("epochs", "every", "validated"), [(3, 2, ["1", "2"]), (2, 5, ["1"])])
def test_the_last_epoch_is_validated_also_over_a_restart(
    epochs: int, every: int, validated: list[str], prepared: Path, tmp_path: Path, stop_at: Interrupt
) -> None:
    arguments = _seldom(tmp_path, epochs, every)
    assert main(_fit(prepared, tmp_path / "whole", *arguments)) == 0
    rows = _rows(tmp_path / "whole")
    assert [row["epoch"] for row in rows if row["dice_mean"]] == validated
    best = torch.load(tmp_path / "whole" / BEST_CHECKPOINT, weights_only=True)
    dice = [float(row["dice_mean"]) for row in rows if row["dice_mean"]]
    assert best["epoch"] == int(validated[dice.index(max(dice))])
    stop_at(4 * (epochs - 1) + 1, OSError(5, "Input/output error", "a.npy"))  # in the last epoch
    assert main(_fit(prepared, tmp_path / "stopped", *arguments)) == 2
    assert main(_fit(prepared, tmp_path / "stopped", *arguments)) == 0
    assert [row["validation_loss"] for row in _rows(tmp_path / "stopped")] == [row["validation_loss"] for row in rows]
    assert _same_weights(tmp_path / "whole", tmp_path / "stopped")


def test_a_training_that_finds_nothing_says_so_and_keeps_the_lowest_loss(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def blind(*arguments: Any) -> CaseRow:
        row = validate(*arguments)
        dice = {name: 0.0 for name in row.values if name.startswith("dice_")}
        return replace(row, values={**row.values, **dice})

    monkeypatch.setattr("tumorseg_training.module.validate", blind)
    assert main(_fit(prepared, tmp_path / "run", "--epochs", "3")) == 0
    told = (
        "No validation scored above predicting nothing (mean Dice 0.000 at best, predicting nothing 0.000): the model "
        "has not learned to find tumors. Train longer, or check the data with tumorseg-train audit."
    )
    assert f"Warning: {told}" in capsys.readouterr().out.splitlines()
    training = read_spec(tmp_path / "run" / MODEL_FILE).training
    assert training["notes"][-1] == told
    lowest = min(_rows(tmp_path / "run"), key=lambda row: float(row["validation_loss"]))
    assert training["epoch"] == int(lowest["epoch"]) > 0


def test_training_lowers_the_loss_and_another_seed_gives_other_weights(
    run: Path, prepared: Path, tmp_path: Path
) -> None:
    assert main(_fit(prepared, tmp_path / "run", *_seldom(tmp_path, epochs=20, every=20), "--seed", "5")) == 0
    losses = [float(row["train_loss"]) for row in _rows(tmp_path / "run")]
    assert np.mean(losses[-3:]) < losses[0] - 0.15
    assert not _same_weights(run, tmp_path / "run")


def test_brains_without_a_tumor_are_trained_on(tmp_path: Path) -> None:
    healthy = prepared_folder(tmp_path / "prepared", train=2, validation=1)
    for case in healthy.cases[:2]:
        np.save(case.cached.labels, np.zeros_like(case.cached.load()[1]))
    assert main(_fit(healthy.folder, tmp_path / "run")) == 0
    losses = [float(row["train_loss"]) for row in _rows(tmp_path / "run")]
    assert losses[-1] < losses[0]


def test_training_starts_from_a_model(run: Path, prepared: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "still.toml"
    short = "patch_size = [16, 16, 16]\nepochs = 1\nsteps_per_epoch = 1\nlearning_rate = 1e-9\n"
    recipe.write_text(f'{short}[network]\npreset = "tiny"\n')
    start = ["--initial", str(run / MODEL_FILE), "--recipe", str(recipe)]
    assert main(_fit(prepared, tmp_path / "run", *start)) == 0
    assert _same_weights(run, tmp_path / "run")
    assert _json(tmp_path / "run" / "recipe.json")["initial"] == str(run / MODEL_FILE)
    training = read_spec(tmp_path / "run" / MODEL_FILE).training
    assert training["recipe"]["initial"] == MODEL_FILE  # the name alone, no path of this computer
    assert training["initial"]["split"] == read_spec(run / MODEL_FILE).training["split"]


def _between(run: Path, prepared: Path, folder: Path, share: float) -> dict[str, torch.Tensor]:
    """State dict of a short training from a run, with a share of that run's weights."""
    folder.mkdir()
    recipe = folder / "mixed.toml"
    short = "patch_size = [16, 16, 16]\nepochs = 1\nsteps_per_epoch = 3\nema_decay = 0.0\n"
    recipe.write_text(f'{short}initial_share = {share}\n[network]\npreset = "tiny"\n')
    start = ["--initial", str(run / MODEL_FILE), "--recipe", str(recipe)]
    assert main(_fit(prepared, folder / "run", *start)) == 0
    return load_model(folder / "run" / MODEL_FILE).network.state_dict()


def test_a_start_from_a_model_that_saw_the_scored_cases_is_told(
    run: Path, prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known, path = load_model(run / MODEL_FILE), tmp_path / "start.safetensors"
    validation = load_split(prepared, 0).validation
    training = {"split": {"train": [validation[0], "Somebody else"]}}
    save_model(path, replace(known.spec, training=training), known.network.state_dict())
    assert main(_fit(prepared, tmp_path / "run", "--initial", str(path), "--epochs", "1")) == 0
    told = (
        f"The model start.safetensors was trained on the patients of 1 of the 2 validation cases ({validation[0]}): "
        "their scores will say nothing about new patients. Start from a model that has not seen them, or do not score "
        "them."
    )
    assert f"Warning: {told}" in capsys.readouterr().out.splitlines()
    assert _json(tmp_path / "run" / "plan.json")["warnings"][0] == told
    assert read_spec(tmp_path / "run" / MODEL_FILE).training["notes"] == [told]


def test_a_share_of_the_initial_weights_stays(run: Path, prepared: Path, tmp_path: Path) -> None:
    initial = load_model(run / MODEL_FILE).network.state_dict()
    trained = _between(run, prepared, tmp_path / "none", 0.0)
    mixed = _between(run, prepared, tmp_path / "quarter", 0.25)
    assert any(not torch.equal(trained[name], weights) for name, weights in initial.items())
    for name, weights in mixed.items():
        expected = 0.75 * trained[name] + 0.25 * initial[name]
        torch.testing.assert_close(weights, expected, rtol=2e-3, atol=1e-4)  # model files are float16
    untouched = _between(run, prepared, tmp_path / "all", 1.0)
    assert all(torch.equal(untouched[name], weights) for name, weights in initial.items())


def test_a_share_of_nothing_is_refused(prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.toml").write_text('patch_size = [16, 16, 16]\ninitial_share = 0.5\n[network]\npreset = "tiny"\n')
    assert main(_fit(prepared, tmp_path / "run", "--recipe", str(tmp_path / "mine.toml"))) == 2
    assert "The recipe mine keeps a part of the weights that it starts from; name them" in capsys.readouterr().err


def test_counters_are_those_of_the_training() -> None:
    trained = {"weight": torch.tensor([1.0, 3.0]), "count": torch.tensor(7)}
    initial = {"weight": torch.tensor([5.0, 3.0]), "count": torch.tensor(1)}
    mixed = mixed_with_initial(trained, initial, 0.5)
    assert mixed["weight"].tolist() == [3.0, 3.0]
    assert mixed["count"].item() == 7
    assert mixed_with_initial(trained, {}, 0.0) is trained


def test_a_model_of_another_network_is_no_start(
    run: Path, prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wide.toml").write_text('patch_size = [16, 16, 16]\n[network]\npreset = "tiny"\nfeatures = [6, 8]')
    start = ["--initial", str(run / MODEL_FILE), "--recipe", str(tmp_path / "wide.toml")]
    assert main(_fit(prepared, tmp_path / "run", *start)) == 2
    assert "another network than the recipe wide: features is (4, 8), not (6, 8)" in capsys.readouterr().err


def test_a_network_that_compares_both_halves_starts_as_the_one_that_does_not(
    run: Path, prepared: Path, tmp_path: Path
) -> None:
    still = "patch_size = [16, 16, 16]\nepochs = 1\nsteps_per_epoch = 1\nlearning_rate = 1e-9\nother_half = true\n"
    (tmp_path / "both.toml").write_text(f'{still}[network]\npreset = "tiny"\nin_channels = 8\n')
    start = ["--initial", str(run / MODEL_FILE), "--recipe", str(tmp_path / "both.toml")]
    assert main(_fit(prepared, tmp_path / "run", *start)) == 0
    before, after = load_model(run / MODEL_FILE), load_model(tmp_path / "run" / MODEL_FILE)
    assert (before.spec.inputs, after.spec.inputs) == (4, 8)
    x = torch.randn(1, 8, 16, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(after.network(x), before.network(x[:, :4]), atol=2e-2, rtol=0)


def test_a_start_that_compares_both_halves_keeps_what_it_knows_of_the_other(
    run: Path, prepared: Path, tmp_path: Path
) -> None:
    before = load_model(run / MODEL_FILE)
    architecture = {**before.spec.architecture, "in_channels": 8}
    weights = before.network.state_dict()
    weights[FIRST_LAYER] = torch.randn(len(weights[FIRST_LAYER]), 8, 3, 3, 3)
    save_model(tmp_path / "both.safetensors", replace(before.spec, architecture=architecture, other_half=True), weights)
    still = "patch_size = [16, 16, 16]\nepochs = 1\nsteps_per_epoch = 1\nlearning_rate = 1e-9\nother_half = true\n"
    (tmp_path / "both.toml").write_text(f'{still}[network]\npreset = "tiny"\nin_channels = 8\n')
    start = ["--initial", str(tmp_path / "both.safetensors"), "--recipe", str(tmp_path / "both.toml")]
    assert main(_fit(prepared, tmp_path / "run", *start)) == 0
    after = load_model(tmp_path / "run" / MODEL_FILE).network.state_dict()
    torch.testing.assert_close(after[FIRST_LAYER], weights[FIRST_LAYER], rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"other_half": True}, "it compares both halves of the brain; give the recipe other_half = true."),
        ({"channels": ("t1", "t2")}, "it sees t1, t2, not t1, t1ce, t2, flair; give channels the same values."),
        ({"members": 2}, "it is an ensemble of 2 networks; name the model of one run."),
    ],
)
def test_a_model_with_other_inputs_or_several_networks_is_no_start(
    changes: dict[str, Any],
    sentence: str,
    run: Path,
    prepared: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = read_spec(run / MODEL_FILE)
    spec = replace(before, **changes)
    config = replace(before.network_config, in_channels=spec.inputs)
    network = build_network(config, spec.members)
    path = tmp_path / "other.safetensors"
    save_model(path, replace(spec, architecture=config.to_dict()), network.state_dict())
    (tmp_path / "mine.toml").write_text('patch_size = [16, 16, 16]\n[network]\npreset = "tiny"\n')
    start = ["--initial", str(path), "--recipe", str(tmp_path / "mine.toml")]
    assert main(_fit(prepared, tmp_path / "run", *start)) == 2
    assert f"cannot start from the model {path}: {sentence}" in capsys.readouterr().err


def test_a_finished_run_is_not_trained_again(run: Path, prepared: Path) -> None:
    before = (run / MODEL_FILE).stat().st_mtime_ns
    assert main(_fit(prepared, run)) == 0
    assert (run / MODEL_FILE).stat().st_mtime_ns == before


def test_a_lost_model_file_is_written_again_from_the_checkpoint(run: Path, prepared: Path, tmp_path: Path) -> None:
    again = Path(shutil.copytree(run, tmp_path / "again"))
    (again / MODEL_FILE).unlink()
    assert main(_fit(prepared, again)) == 0
    assert _same_weights(run, again)


@pytest.fixture
def restored_ctrl_c() -> Iterator[None]:
    """Lightning switches Ctrl-C off when it stops."""
    handler = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    """Makes the step of a number raise, once."""
    step = SegmentationModule.training_step

    def arrange(number: int, error: BaseException) -> None:
        def interrupted(self: SegmentationModule, *batch: Any) -> torch.Tensor:
            if self.global_step == number:
                monkeypatch.setattr(SegmentationModule, "training_step", step)
                raise error
            return step(self, *batch)

        monkeypatch.setattr(SegmentationModule, "training_step", interrupted)

    return arrange


@pytest.mark.usefixtures("restored_ctrl_c")
def test_a_run_stopped_by_ctrl_c_goes_on_as_if_nothing_had_happened(
    run: Path, prepared: Path, tmp_path: Path, stop_at: Interrupt, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    stop_at(6, KeyboardInterrupt())  # the checkpoint is of step 4
    assert main(_fit(prepared, folder)) == 130
    sentence = "tumorseg-train: Stopped; the same command goes on from the last checkpoint."
    assert capsys.readouterr().err.splitlines()[-1] == sentence
    assert not (folder / MODEL_FILE).exists()
    assert torch.load(folder / LAST_CHECKPOINT, weights_only=True)["global_step"] == 4
    assert main(_fit(prepared, folder)) == 0
    assert [row["step"] for row in _rows(folder)] == ["4", "8"]
    assert _same_weights(run, folder)


def test_the_plateau_lowers_the_rate_also_over_a_restart_and_training_stops_early(
    prepared: Path, tmp_path: Path, stop_at: Interrupt, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "plateau.toml"
    recipe.write_text(PLATEAU)
    arguments = ["--recipe", str(recipe)]
    assert main(_fit(prepared, tmp_path / "whole", *arguments)) == 0
    rows = _rows(tmp_path / "whole")
    assert len(rows) == 4  # with steps that are too small to matter no validation is better than the first
    assert "Ended early: 3 validations in a row did not lower the validation loss." in capsys.readouterr().out
    rates = [float(row["learning_rate"]) for row in rows]
    assert rates == pytest.approx([1e-9, 0.5e-9, 0.25e-9, 0.125e-9])
    stop_at(2 * (len(rows) - 1) + 1, OSError(5, "Input/output error", "a.npy"))  # in the last epoch
    assert main(_fit(prepared, tmp_path / "stopped", *arguments)) == 2
    assert main(_fit(prepared, tmp_path / "stopped", *arguments)) == 0
    columns = ("step", "train_loss", "validation_loss", "learning_rate")
    assert [[row[name] for name in columns] for row in _rows(tmp_path / "stopped")] == [
        [row[name] for name in columns] for row in rows
    ]
    assert _same_weights(tmp_path / "whole", tmp_path / "stopped")
    (tmp_path / "stopped" / MODEL_FILE).unlink()
    assert main(_fit(prepared, tmp_path / "stopped", *arguments)) == 0
    assert len(_rows(tmp_path / "stopped")) == len(rows)  # an early stop is an end


def test_the_papers_recipe_runs_and_its_model_runs_in_the_engine(
    prepared: Path, coarse_cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "small-paper.toml"
    recipe.write_text(PAPER)
    assert main(_fit(prepared, tmp_path / "run", "--recipe", str(recipe))) == 0
    (*_, row) = _rows(tmp_path / "run")
    for name in ("accuracy", "paper_dice", "mean_iou", "precision", "sensitivity", "specificity", "validation_loss"):
        assert np.isfinite(float(row[name]))
    assert (row["dice_TC"], row["dice_ET"], row["step"]) == ("", "", "6")
    assert float(row["dice_mean"]) == float(row["dice_WT"])
    spec = read_spec(tmp_path / "run" / MODEL_FILE)
    assert (spec.normalisation, spec.resized, spec.postprocessing.thresholds) == ("minmax-brain", True, (0.5,))
    capsys.readouterr()
    data = ["--data", str(coarse_cases), "--case", HELD_OUT]
    assert main(["evaluate", "--model", str(tmp_path / "run" / MODEL_FILE), *data]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["Dice", "WT"]


def test_another_recipe_or_fold_in_the_same_folder_is_refused(
    run: Path, prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(_fit(prepared, run, "--epochs", "9")) == 2
    expected = f"{run} holds a run with another recipe (epochs was 2, now 9); name a new folder with --run.\n"
    assert capsys.readouterr().err == f"tumorseg-train: {expected}"
    shutil.copytree(run, run.with_name("other"))
    split = _json(run / "split.json")
    (run.with_name("other") / "split.json").write_text(json.dumps({**split, "fold": 1, "train": []}))
    assert main(_fit(prepared, run.with_name("other"))) == 2
    assert "another split (fold was 1, now 0, train); name a new folder" in capsys.readouterr().err


def test_a_plateau_needs_validation_cases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = prepared_folder(tmp_path / "prepared", train=2, validation=0).folder
    (tmp_path / "plateau.toml").write_text(PLATEAU)
    assert main(_fit(alone, tmp_path / "run", "--recipe", str(tmp_path / "plateau.toml"))) == 2
    assert "has no validation cases, but the recipe plateau has a plateau schedule" in capsys.readouterr().err
    assert main(_fit(alone, tmp_path / "run")) == 0  # others do without, and keep the last weights
    (*_, row) = _rows(tmp_path / "run")
    assert (row["step"], row["dice_mean"], row["validation_loss"]) == ("8", "", "")
    assert read_spec(tmp_path / "run" / MODEL_FILE).training["step"] == 8


def test_data_that_was_moved_is_the_same_data(run: Path, prepared: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(prepared, tmp_path / "moved"))
    again = Path(shutil.copytree(run, tmp_path / "again"))
    assert main(_fit(moved, again)) == 0
    assert _json(again / "split.json")["prepared"] == str(moved.resolve())


def test_a_run_that_goes_on_keeps_its_precision(
    run: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    again = Path(shutil.copytree(run, tmp_path / "again"))
    monkeypatch.setattr("tumorseg_training.fit._announce", lambda *_: None)  # times steps, here in imitated bfloat16
    monkeypatch.setattr(Hardware, "_precision", lambda *_: "bf16-mixed")
    assert main(_fit(prepared, again, "--precision", "auto")) == 0
    assert _json(again / "recipe.json")["precision"] == "32-true"
    assert main(_fit(prepared, again, "--precision", "bf16-mixed")) == 2
    monkeypatch.setattr("tumorseg_training.fit._train", stopped)
    assert main(_fit(prepared, tmp_path / "new", "--precision", "auto")) == 130
    assert _json(tmp_path / "new" / "recipe.json")["precision"] == "bf16-mixed"


def test_a_damaged_description_is_named(run: Path, prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = Path(shutil.copytree(run, run.with_name("damaged")))
    (other / "recipe.json").write_text("{")
    assert main(_fit(prepared, other)) == 2
    assert (
        f"{other / 'recipe.json'} is damaged or was changed by hand; restore it or name a new folder"
        in capsys.readouterr().err
    )


def test_a_loss_that_is_no_number_ends_the_run_in_words(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = SegmentationModule.training_step

    def poisoned(self: SegmentationModule, *batch: Any) -> torch.Tensor:
        return step(self, *batch) * (float("nan") if self.global_step == 5 else 1)

    monkeypatch.setattr(SegmentationModule, "training_step", poisoned)
    assert main(_fit(prepared, tmp_path / "run")) == 2
    assert "The loss became infinite or not a number around step 6; train with a lower" in capsys.readouterr().err
    assert torch.load(tmp_path / "run" / LAST_CHECKPOINT, weights_only=True)["global_step"] == 4


def test_a_damaged_checkpoint_without_another_is_a_sentence(
    run: Path, prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = Path(shutil.copytree(run, tmp_path / "again"))
    (again / MODEL_FILE).unlink()
    (again / PREVIOUS_CHECKPOINT).unlink()
    (again / LAST_CHECKPOINT).write_bytes(b"damaged")
    assert main(_fit(prepared, again)) == 2
    assert f"The checkpoint {again / LAST_CHECKPOINT} is damaged; restore it" in capsys.readouterr().err


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
        (["--fold", "3"], "has the folds 0 to 0, not 3; choose one of them."),
        (["--epochs", "0"], "tiny.toml cannot be used: epochs must be a whole number from 1, got 0."),
        (["--seed", "-1"], "seed must be a whole number from 0"),
        (["--workers", "-1"], "--workers must be 0 or more, got -1."),
        (["--devices", "3"], "A batch_size of 2 cannot be shared by 3 processes"),
        (["--prepared", "nowhere"], "There is no cases.json in nowhere; run tumorseg-train prepare"),
    ],
)
def test_bad_options_are_sentences(
    prepared: Path, tmp_path: Path, changes: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*_fit(prepared, tmp_path / "run"), *changes]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_rules_that_do_not_fit_the_model_are_refused_before_writing(run: Path, tmp_path: Path) -> None:
    card = tmp_path / "card.toml"
    card.write_text('name = "a"\nversion = "1"\n[card]\ntitle = "t"\n[postprocessing]\nthresholds = [0.5]\n')
    assert main(["export", "--run", str(run), "--card", str(card), "--output", str(tmp_path / "o.safetensors")]) == 3
    assert not (tmp_path / "o.safetensors").exists()


def test_a_run_folder_that_is_a_file_is_refused(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").write_text("mine")
    assert main(_fit(prepared, tmp_path / "run")) == 2
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


def test_a_full_disk_is_a_sentence(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "last.ckpt")

    monkeypatch.setattr("tumorseg_training.checkpoint_file.os.fsync", full)
    assert main(_fit(prepared, tmp_path / "run")) == 2
    expected = "tumorseg-train: last.ckpt cannot be used (No space left on device); free space or choose another place."
    assert capsys.readouterr().err.splitlines()[-1] == expected


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
