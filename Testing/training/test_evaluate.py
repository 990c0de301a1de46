"""The command evaluate: a model, predictions and a run; what stops one case, what is kept, what is refused."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from support.cases import SMALL, small_case, write_case
from support.models import saved, threshold_model
from tumorseg.images import read_labels, write_labels
from tumorseg.modelfile import ModelCard, ModelSpec, PostProcessing, save_model
from tumorseg.network import UNet3D
from tumorseg.network_config import PRESETS
from tumorseg_training import case_predictions
from tumorseg_training.cli import main
from tumorseg_training.metrics import read_scores
from tumorseg_training.training_notes import training_notes

NAMES = ("A", "B", "C")


def _truth(number: int) -> np.ndarray:
    labels = np.zeros(SMALL.shape, np.uint8)
    labels[5:12, 6:13, 7 + number : 15] = 2
    labels[7:10, 8:11, 10:13] = 1
    if number:
        labels[8, 8:11, 10:13] = 4
    return labels


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three cases, the first of them without enhancing tumor."""
    folder = tmp_path_factory.mktemp("data")
    for number, name in enumerate(NAMES):
        write_case(small_case(seed=number), folder / name)
        write_labels(_truth(number), SMALL, folder / name / "Case_seg.nii.gz")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(threshold_model((0.5, 1.0, 2.0)), tmp_path_factory.mktemp("model"))


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    """The truth in BraTS 2020 numbers, shifted by a voxel."""
    folder = tmp_path / "predictions"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        write_labels(np.roll(_truth(number), 1, axis=2), SMALL, folder / f"{name}.nii.gz")
    return folder


def _evaluate(*arguments: object) -> int:
    return main(["evaluate", "--device", "cpu", *map(str, arguments)])


def test_a_model_is_scored_and_everything_is_saved(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "results"
    assert _evaluate("--model", model, "--data", data, "--output", output) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["Dice", "WT", "TC", "ET"]
    assert [line.split()[0] for line in table[1:5]] == [*NAMES, "mean"]
    assert table[5].startswith("95 % interval of the mean")
    assert table[6].split()[-3:] == ["0.000", "0.000", "0.333"]
    scores = read_scores(output / "scores.csv")
    assert f"{scores['B']['WT']['dice']:.3f}" == table[2].split()[1]
    assert read_scores(output / "scores-nothing.csv")["A"]["ET"]["dice"] == 1
    summary = json.loads((output / "summary.json").read_text())
    dice = [scores[name]["WT"]["dice"] for name in NAMES]
    assert summary["metrics"]["WT"]["dice"]["mean"] == pytest.approx(np.mean(dice), abs=1e-5)
    assert summary["metrics"]["WT"]["dice"]["median"] == pytest.approx(np.median(dice), abs=1e-5)
    assert summary["metrics"]["ET"]["sensitivity"]["cases"] == 2
    assert "## Definitions" in (output / "summary.md").read_text()
    labels, geometry = read_labels(output / "A.nii.gz")
    assert geometry.matches(SMALL)
    assert np.count_nonzero(labels) > 0


def test_what_is_finished_is_not_done_again(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "results"
    run = case_predictions.ModelPredictions.__call__
    done: list[str] = []

    def stopped_at_c(self: object, case: object, show: object) -> object:
        done.append(case.name)
        if case.name == "C" and len(done) == 3:
            raise KeyboardInterrupt
        return run(self, case, show)

    monkeypatch.setattr(case_predictions.ModelPredictions, "__call__", stopped_at_c)
    command = ("--model", model, "--data", data, "--output", output)
    assert _evaluate(*command) == 130
    assert list(read_scores(output / "scores.csv")) == ["A", "B"]
    assert not (output / "summary.json").exists()
    (output / "B.nii.gz").unlink()
    assert _evaluate(*command) == 0
    assert done == ["A", "B", "C", "B", "C"]
    assert list(read_scores(output / "scores.csv")) == ["A", "B", "C"]
    other = saved(threshold_model((0.0, 1.0, 2.0)), tmp_path)
    assert _evaluate("--model", other, "--data", data, "--output", output) == 0
    assert done[5:] == ["A", "B", "C"]


def test_cases_whose_data_changed_are_scored_again(model: Path, data: Path, predictions: Path, tmp_path: Path) -> None:
    """A corrected truth, another volume, another prediction: the case is done anew, and only that one."""
    copy, output = tmp_path / "data", tmp_path / "results"
    shutil.copytree(data, copy)
    kept = tmp_path / "kept"
    for command in (("--model", model, "--output", output), ("--predictions", predictions, "--output", kept)):
        assert _evaluate(*command, "--data", copy) == 0
    first = read_scores(output / "scores.csv"), read_scores(kept / "scores.csv")
    write_labels(_truth(2)[::-1].copy(), SMALL, copy / "B" / "Case_seg.nii.gz")
    write_case({"t1ce": small_case(seed=7)["t1ce"]}, copy / "C")
    write_labels(np.roll(_truth(0), 2, axis=2), SMALL, predictions / "A.nii.gz")
    for command in (("--model", model, "--output", output), ("--predictions", predictions, "--output", kept)):
        assert _evaluate(*command, "--data", copy) == 0
    again = read_scores(output / "scores.csv"), read_scores(kept / "scores.csv")
    changed = [{name for name in NAMES if before[name] != now[name]} for before, now in zip(first, again, strict=True)]
    assert changed == [{"B", "C"}, {"A", "B"}]


def test_a_summary_never_stands_beside_scores_of_another_model(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, command = tmp_path / "results", ("--data", data, "--output", tmp_path / "results")
    assert _evaluate("--model", model, *command) == 0

    def stopped(self: object, case: object, show: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(case_predictions.ModelPredictions, "__call__", stopped)
    other = saved(threshold_model((0.0, 1.0, 2.0)), tmp_path)
    assert _evaluate("--model", other, *command) == 130
    assert not list(output.glob("summary.*"))
    assert read_scores(output / "scores.csv") == {}


def test_one_bad_case_does_not_stop_the_others(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    for number, name in enumerate(("bad", "good")):
        write_case(small_case(), folder / name)
        geometry = SMALL if number else replace(SMALL, origin=(-10.0, 5.0, 33.0))
        write_labels(_truth(1), geometry, folder / name / "Case_seg.nii.gz")
    assert _evaluate("--model", model, "--data", folder, "--output", tmp_path / "results") == 2
    printed = capsys.readouterr()
    assert "bad: Case_t1.nii.gz does not fit the segmentation of bad: shifted by 3 mm." in printed.err
    assert printed.out.splitlines()[1].startswith("good")
    summary = json.loads((tmp_path / "results" / "summary.json").read_text())
    assert (summary["cases"], len(summary["problems"])) == (1, 1)


def test_regions_that_the_model_lacks_are_absent(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = replace(PRESETS["tiny"], in_channels=1, out_channels=1)
    rules, card = PostProcessing(thresholds=(0.5,)), ModelCard(title="Whole tumor")
    spec = ModelSpec("whole", "0", config.to_dict(), ("t1ce",), card, regions=("WT",), patch_size=(16, 16, 16))
    save_model(tmp_path / "whole.safetensors", replace(spec, postprocessing=rules), UNet3D(config).state_dict())
    command = ("--model", tmp_path / "whole.safetensors", "--data", data, "--case", "B")
    assert _evaluate(*command, "--output", tmp_path / "results") == 0
    (row,) = csv.DictReader((tmp_path / "results" / "scores.csv").open())
    assert {column.rsplit("_", 1)[1] for column in row if column != "case"} == {"WT"}


def test_predictions_are_scored_in_their_own_numbering(
    predictions: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("--predictions", predictions, "--data", data)
    assert _evaluate(*command, "--output", tmp_path / "results") == 0
    out = capsys.readouterr().out
    assert "Numbering of the predictions: BraTS 2020 (identified)." in out
    scores = read_scores(tmp_path / "results" / "scores.csv")
    assert scores["B"]["ET"]["hd95"] == 1
    assert scores["B"]["ET"]["dice"] == pytest.approx(2 / 3, abs=1e-5)
    assert scores["A"]["ET"]["dice"] == 1
    assert _evaluate(*command, "--labels", "2020") == 0
    assert "BraTS 2020 (stated)" in capsys.readouterr().out
    assert _evaluate(*command, "--labels", "2023") == 2
    assert f"B: {predictions / 'B.nii.gz'} cannot be used: labels [4] do not occur" in capsys.readouterr().err


def test_a_case_that_lies_in_the_data_twice_is_said(
    predictions: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(data, tmp_path / "data")
    shutil.copytree(data / "B", tmp_path / "data" / "again" / "B")
    assert _evaluate("--predictions", predictions, "--data", tmp_path / "data") == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[1:5]] == [*NAMES, "mean"]
    assert printed[-1].startswith("B is also in ")


def test_problems_of_predictions_are_told_together(
    predictions: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (predictions / "A.nii.gz").unlink()
    write_labels(_truth(1)[1:], replace(SMALL, shape=(19, 22, 24)), predictions / "B.nii.gz")
    assert _evaluate("--predictions", predictions, "--data", data) == 2
    printed = capsys.readouterr()
    assert f"A: {predictions} has no prediction of it; add A.nii.gz." in printed.err
    assert "does not fit the segmentation of the case: size 24 x 22 x 19" in printed.err
    assert [line.split()[0] for line in printed.out.splitlines()[1:2]] == ["C"]


def test_predictions_that_mix_numberings_are_refused(
    predictions: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_labels(np.where(_truth(1) == 4, 3, _truth(1)).astype(np.uint8), SMALL, predictions / "C.nii.gz")
    assert _evaluate("--predictions", predictions, "--data", data) == 2
    assert "hold both 3 and 4, so their numbering cannot be identified; state it with" in capsys.readouterr().err


def _write_shells(folder: Path, core: int, edema: int, names: tuple[str, ...]) -> None:
    """Predictions with a core of 116 voxels inside of edema, and 9 voxels of enhancing tumor, which are 3."""
    labels = np.zeros(SMALL.shape, np.uint8)
    labels[5:12, 6:13, 7:15] = edema
    labels[6:11, 7:12, 9:14] = core
    labels[8, 8:11, 10:13] = 3
    for name in names:
        write_labels(labels, SMALL, folder / f"{name}.nii.gz")


def test_predictions_with_edema_as_1_are_refused_until_it_is_stated(
    predictions: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("--predictions", predictions, "--data", data)
    _write_shells(predictions, core=1, edema=2, names=NAMES)
    assert _evaluate(*command, "--output", tmp_path / "known") == 0
    assert "Numbering of the predictions: BraTS 2023 (identified)." in capsys.readouterr().out
    _write_shells(predictions, core=2, edema=1, names=NAMES)
    assert _evaluate(*command) == 2
    assert (
        f"In most predictions in {predictions} label 1 lies outside label 2, so 1 is probably edema, as in the "
        "Decathlon; state their numbering with --labels decathlon (1 is edema) or --labels 2023 (1 is core)."
    ) in capsys.readouterr().err
    assert _evaluate(*command, "--labels", "2023") == 0
    assert _evaluate(*command, "--labels", "decathlon", "--output", tmp_path / "stated") == 0
    assert "Numbering of the predictions: Decathlon (stated)." in capsys.readouterr().out
    known, stated = (read_scores(tmp_path / name / "scores.csv") for name in ("known", "stated"))
    assert stated == known


def test_bad_predictions_of_single_cases_are_scored(
    predictions: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """C alone has its core outside of its edema, as a bad network may do it."""
    _write_shells(predictions, core=1, edema=2, names=("A", "B"))
    _write_shells(predictions, core=2, edema=1, names=("C",))
    assert _evaluate("--predictions", predictions, "--data", data) == 0
    assert "Numbering of the predictions: BraTS 2023 (identified)." in capsys.readouterr().out


def test_a_folder_with_other_files_is_left_alone(
    predictions: Path, data: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in predictions.iterdir()}
    assert _evaluate("--model", model, "--data", data, "--output", predictions) == 2
    assert "holds files that are not of an evaluation; name an empty or new folder" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in predictions.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--model", "glioma"), "Name the labelled cases with --data"),
        (("--run", "r", "--data", "d"), "leave --data away"),
        (("--model", "m", "--data", "d", "--split", "test"), "--split and --calibrate belong to a run"),
        (("--run", "r", "--calibrate", "--split", "test"), "fitted on the validation cases"),
        (("--run", "r", "--labels", "2020"), "--labels states the numbering of --predictions"),
        (("--run", "nowhere"), "nowhere is not the folder of a run, it has no split.json"),
        (("--predictions", "nowhere", "--data", "{data}"), "The folder of predictions nowhere does not exist"),
        (("--predictions", "{data}", "--data", "{data}"), "holds no prediction of any case; name them by case, like A"),
        (
            ("--predictions", "{data}", "--data", "{data}", "--data", "{data}"),
            "A, B, C is in more than one data folder",
        ),
        (("--predictions", "{data}", "--data", "{data}", "--case", "X"), "There is no case X"),
    ],
)
def test_refusals(arguments: tuple[str, ...], reason: str, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _evaluate(*(argument.format(data=data) for argument in arguments)) == 2
    assert reason in capsys.readouterr().err


def test_definitions_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--definitions"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["column", "unit", "best"]
    assert len(lines) == 16


def test_cases_that_the_model_has_seen_are_told() -> None:
    assert training_notes({}, ["A"]) == []
    assert training_notes({"cases": ["A", "B"]}, ["A", "C"]) == [
        "1 of the 2 cases trained this model: their scores say nothing about new patients."
    ]
    split = {"train": ["A"], "validation": ["B"], "test": ["C"]}
    assert training_notes({"split": split}, ["C"]) == []
    notes = training_notes({"split": split, "calibration": {"cases": ["B"]}}, ["B"])
    assert ["chose its weights" in notes[0], "fitted its calibration" in notes[1]] == [True, True]


def test_patients_count_not_their_time_points_and_years() -> None:
    told = ["1 of the 1 cases trained this model: their scores say nothing about new patients."]
    assert training_notes({"split": {"train": ["BraTS-GLI-00005-100"]}}, ["BraTS-GLI-00005-101"]) == told
    assert training_notes({"split": {"train": ["Brats17_TCIA_131_1"]}}, ["Brats18_TCIA_131_1"]) == told
    split = {"train": ["BraTS-GLI-00005-100"], "validation": ["BraTS-GLI-00005-102", "BraTS-GLI-00006-100"]}
    notes = training_notes({"split": split}, ["BraTS-GLI-00005-101", "BraTS-GLI-00006-101"])
    assert [note.split(":")[0] for note in notes] == [
        "1 of the 2 cases trained this model",
        "1 of the 2 cases chose its weights by validation",
    ]
    assert training_notes({"split": {"train": ["BraTS-GLI-00005-100"]}}, ["BraTS-GLI-00050-100"]) == []


def test_cases_of_the_model_that_a_training_started_from_are_told() -> None:
    first = {"split": {"train": ["A"]}}
    second = {"split": {"train": ["B"]}, "initial": first}
    joined = {"split": {"train": ["C"]}, "members": [{"split": {"train": ["C"]}, "initial": second}]}
    assert training_notes(joined, ["A", "B", "C", "D"]) == [
        "3 of the 4 cases trained this model: their scores say nothing about new patients."
    ]
