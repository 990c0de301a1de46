"""Scores of a model: against a truth on the same grid, and only of the regions that the model has."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from support.cases import SMALL, small_case, write_case
from tumorseg.errors import BadInputError
from tumorseg.images import write_labels
from tumorseg.modelfile import ModelCard, ModelSpec, PostProcessing, save_model
from tumorseg.network import UNet3D
from tumorseg.network_config import PRESETS
from tumorseg.volume import Geometry
from tumorseg_training.cases import find_labelled_cases
from tumorseg_training.evaluate import CaseScore, evaluate, summary_table, write_scores


@pytest.fixture
def whole_tumor_model(tmp_path: Path) -> Path:
    """A network of the T1ce alone with one output, random weights."""
    torch.manual_seed(0)
    config = replace(PRESETS["tiny"], in_channels=1, out_channels=1)
    spec = ModelSpec(
        name="whole",
        version="0",
        architecture=config.to_dict(),
        channels=("t1ce",),
        regions=("WT",),
        patch_size=(16, 16, 16),
        postprocessing=PostProcessing(thresholds=(0.5,)),
        card=ModelCard(title="Whole tumor"),
    )
    save_model(tmp_path / "whole.safetensors", spec, UNet3D(config).state_dict())
    return tmp_path / "whole.safetensors"


def _case(folder: Path, geometry: Geometry) -> Path:
    write_case(small_case(), folder)
    labels = np.zeros(geometry.shape, np.uint8)
    labels[5:10, 5:10, 5:10] = 1
    write_labels(labels, geometry, folder / "Case_seg.nii.gz")
    return folder


def test_regions_that_the_model_lacks_are_absent(whole_tumor_model: Path, tmp_path: Path) -> None:
    cases = find_labelled_cases(_case(tmp_path / "Case", SMALL))
    (score,) = evaluate(whole_tumor_model, cases, "cpu")
    assert list(score.dice) == list(score.nothing) == ["WT"]
    assert 0 < score.dice["WT"] < 1
    assert summary_table([score]).splitlines()[0].split() == ["Dice", "WT"]
    write_scores([score], tmp_path / "scores.csv")
    (row,) = csv.DictReader((tmp_path / "scores.csv").open())
    assert list(row) == ["case", "dice_WT", "nothing_WT"]


def test_a_truth_on_another_grid_is_refused(whole_tumor_model: Path, tmp_path: Path) -> None:
    shifted = replace(SMALL, origin=(-10.0, 5.0, 33.0))
    cases = find_labelled_cases(_case(tmp_path / "Case", shifted))
    with pytest.raises(BadInputError, match="does not fit the segmentation of Case: shifted by 3 mm"):
        evaluate(whole_tumor_model, cases, "cpu")


def test_the_table_shows_cases_their_mean_and_the_baseline() -> None:
    scores = [
        CaseScore("a", {"WT": 0.5, "TC": 1.0, "ET": 0.0}, {"WT": 0.0, "TC": 0.0, "ET": 1.0}),
        CaseScore("b", {"WT": 0.7, "TC": 0.0, "ET": 1.0}, {"WT": 0.0, "TC": 0.0, "ET": 1.0}),
    ]
    lines = [line.split() for line in summary_table(scores).splitlines()]
    assert lines[3] == ["mean", "0.600", "0.500", "0.500"]
    assert lines[4][-3:] == ["0.000", "0.000", "1.000"]
