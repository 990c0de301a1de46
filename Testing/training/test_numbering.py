"""Predictions for BraTS 2024, in which 4 is a resection cavity and never enhancing tumor."""

from pathlib import Path

import numpy as np
import pytest

from support.cases import SMALL, small_case, write_case
from tumorseg.errors import BadInputError
from tumorseg.images import write_labels
from tumorseg_training.cli import main
from tumorseg_training.conventions import Convention
from tumorseg_training.metrics import read_scores
from tumorseg_training.numbering import Numbering, identify

WITH_ET, WITHOUT_ET, OF_2021 = "BraTS-GLI-00005-100", "BraTS-GLI-00005-101", "BraTS2021_00001"


def _labels(*numbers: int) -> np.ndarray:
    """Edema with a row of 9 voxels for each further number."""
    labels = np.zeros(SMALL.shape, np.uint8)
    labels[5:12, 6:13, 8:15] = 2
    for row, number in enumerate(numbers):
        labels[6 + row, 8:11, 10:13] = number
    return labels


def _folders(folder: Path, cases: dict[str, np.ndarray], predictions: dict[str, np.ndarray]) -> tuple[str, ...]:
    """Write both and give the arguments that name them."""
    for name, labels in cases.items():
        write_case(small_case(), folder / "data" / name)
        write_labels(labels, SMALL, folder / "data" / name / "Case_seg.nii.gz")
    (folder / "predictions").mkdir()
    for name, labels in predictions.items():
        write_labels(labels, SMALL, folder / "predictions" / f"{name}.nii.gz")
    return "--predictions", str(folder / "predictions"), "--data", str(folder / "data")


TRUTHS = {WITH_ET: _labels(1, 3, 4), WITHOUT_ET: _labels(1, 1, 4)}


def test_a_cavity_is_no_tumor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = _folders(tmp_path, TRUTHS, TRUTHS)
    assert main(["evaluate", *arguments, "--output", str(tmp_path / "results")]) == 0
    assert "Numbering of the predictions: BraTS 2024 (identified).\n" in capsys.readouterr().out
    scores = read_scores(tmp_path / "results" / "scores.csv")
    assert {scores[name][region]["dice"] for name in TRUTHS for region in ("WT", "TC", "ET")} == {1.0}
    assert main(["evaluate", *arguments, "--labels", "2024"]) == 0
    assert "BraTS 2024 (stated).\n" in capsys.readouterr().out


def test_a_cavity_without_enhancing_tumor_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    only = {WITHOUT_ET: TRUTHS[WITHOUT_ET]}
    arguments = _folders(tmp_path, TRUTHS, only)
    results = tmp_path / "results"
    assert main(["evaluate", *arguments, "--case", WITHOUT_ET, "--output", str(results)]) == 0
    assert read_scores(results / "scores.csv")[WITHOUT_ET]["ET"]["dice"] == 1
    said = "BraTS 2024 (identified). No prediction holds a 3, and 4 counts as resection cavity; if it is enhancing"
    assert said in capsys.readouterr().out
    assert main(["evaluate", *arguments, "--case", WITHOUT_ET, "--labels", "2020"]) == 0
    assert "BraTS 2020 (stated).\n" in capsys.readouterr().out


def test_a_4_for_cases_of_several_years_must_be_stated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truths = {WITH_ET: TRUTHS[WITH_ET], OF_2021: _labels(1, 4)}
    arguments = _folders(tmp_path, truths, {name: _labels(1, 4) for name in truths})
    assert main(["evaluate", *arguments]) == 2
    assert "hold 4, and the cases are of BraTS 2024 and of earlier years, so their" in capsys.readouterr().err
    assert main(["evaluate", *arguments, "--labels", "2024"]) == 0


def test_cases_that_tell_their_year_by_their_labels_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = small_case()
    labels = _labels(1)
    cavity, enhancing = (slice(6, 11), slice(14, 18), slice(9, 14)), (slice(6, 11), slice(14, 18), slice(15, 19))
    for place, number, change in ((cavity, 4, -250.0), (enhancing, 3, 250.0)):
        labels[place] = number
        case["t1ce"].array[place] += change
    arguments = _folders(tmp_path, {"Mine": labels}, {"Mine": labels})
    write_case(case, tmp_path / "data" / "Mine")
    assert main(["evaluate", *arguments]) == 0
    assert "BraTS 2024 (identified).\n" in capsys.readouterr().out


def test_undivided_predictions_may_have_a_cavity() -> None:
    assert Numbering.BRATS_2024.to_engine(np.array([0, 4, 5], np.uint8)).tolist() == [0, 0, 5]
    with pytest.raises(ValueError, match=r"labels \[6\]"):
        Numbering.BRATS_2024.to_engine(np.array([6], np.uint8))


def test_edema_as_1_beside_2024_is_told_with_its_year(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="or --labels 2024"):
        identify(tmp_path, {1, 2, 3}, [-0.5], {Convention.BRATS_2024})
