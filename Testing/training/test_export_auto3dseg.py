"""The zip for the MONAIAuto3DSeg extension: its way of running a model, with our file, gives our labels."""

import csv
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from support.auto3dseg import run_extension
from support.cases import small_case, write_case
from support.trained_runs import three_level_model, write_card, write_run
from tumorseg.calibration import with_calibration
from tumorseg.modelfile import Model, PostProcessing, load_model
from tumorseg.pipeline import Options, segment
from tumorseg.regions import SEGMENTS
from tumorseg_training.cli import main

NAME = "brats-mine-v2.0.0.zip"


def _export(folder: Path, *models: Model) -> tuple[int, Path]:
    runs = [write_run(folder / f"run{number}", model) for number, model in enumerate(models)]
    named = [word for run in runs for word in ("--run", str(run))]
    arguments = ["--card", str(write_card(folder)), "--to", "auto3dseg", "--output", str(folder / NAME)]
    return main(["export", *named, *arguments]), folder / NAME


def _unpacked(archive: Path, models: Path) -> Path:
    """The folder of the model, where the extension unpacks it."""
    folder = models / archive.stem
    zipfile.ZipFile(archive).extractall(folder)
    return folder


def test_the_extension_finds_what_the_engine_finds(tmp_path: Path) -> None:
    # The volumes differ from 0 in the same voxels and one tile covers them, so the extension's own ways of cropping and
    # overlapping make no difference.
    rules = with_calibration(PostProcessing((0.4, 0.5, 0.55)), (2.0, 1.5, 0.5), (0.4, 0.0, -0.3))
    model = three_level_model(rules=rules)
    spec = replace(model.spec, channels=("t1", "t2", "t1ce", "flair"), patch_size=(32, 32, 32))
    code, archive = _export(tmp_path, Model(spec, model.network, ""))
    assert code == 0
    case = small_case()
    files = write_case(case, tmp_path / "data")
    expected = segment(case, load_model(tmp_path / "run0" / "model.safetensors"), Options(device="cpu")).labels
    images = [files[name] for name in ("flair", "t1ce", "t1", "t2")]
    found = run_extension(_unpacked(archive, tmp_path / "models") / "model.pt", images).transpose(2, 1, 0)
    assert set(np.unique(expected)) == {0, 1, 2, 3}
    inside = case["t1ce"].array != 0  # the engine answers in the brain alone
    assert np.count_nonzero(found[inside] != expected[inside]) <= 2  # within float rounding of a threshold


def test_the_zip_holds_weights_that_need_no_unpickling_and_the_terms_of_the_segments(tmp_path: Path) -> None:
    model = three_level_model()
    run = write_run(tmp_path / "run", model)
    (run / "metrics.csv").write_text("epoch,dice_mean\n2,0.5\n3,0.625\n4,0.5\n")
    arguments = ["--card", str(write_card(tmp_path)), "--to", "auto3dseg", "--output", str(tmp_path / NAME)]
    assert main(["export", "--run", str(run), *arguments]) == 0
    with zipfile.ZipFile(tmp_path / NAME) as archive:
        assert sorted(archive.namelist()) == ["labels.csv", "model.pt"]
        checkpoint = torch.load(io.BytesIO(archive.read("model.pt")), weights_only=True)
        rows = list(csv.DictReader(io.StringIO(archive.read("labels.csv").decode())))
    assert (checkpoint["epoch"], checkpoint["best_metric"]) == (3, 0.625)
    assert checkpoint["config"]["roi_size"] == [16, 12, 8]
    terms = {
        int(row["LabelValue"]): tuple(
            row[f"SegmentedPropertyTypeCodeSequence.{part}"]
            for part in ("CodingSchemeDesignator", "CodeValue", "CodeMeaning")
        )
        for row in rows
    }
    assert terms == {label: SEGMENTS[label].code for label in (1, 2, 3)}
    assert {row["AnatomicRegionSequence.CodeMeaning"] for row in rows} == {"Brain"}


def test_models_that_the_extension_cannot_run_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = three_level_model()
    single = three_level_model(in_channels=1)
    whole = three_level_model(out_channels=1)
    refused = {
        "holds one network, not an ensemble; name one --run": [model, three_level_model(1)],
        "gives a network flair, t1ce, t1, t2, not t1ce": [
            Model(replace(single.spec, channels=("t1ce",)), single.network, "")
        ],
        "needs the regions WT, TC and ET": [
            Model(
                replace(whole.spec, regions=("WT",), postprocessing=PostProcessing(thresholds=(0.5,))),
                whole.network,
                "",
            )
        ],
        "normalises to zero mean and unit variance only": [
            Model(replace(model.spec, normalisation="minmax-brain"), model.network, "")
        ],
    }
    for number, (words, models) in enumerate(refused.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        code, output = _export(folder, *models)
        assert code == 2
        assert f"This model cannot be written for MONAIAuto3DSeg: its format {words}." in capsys.readouterr().err
        assert not output.exists()


@pytest.mark.parametrize("name", ["mine-v1.0.0.zip", "brats-mine.zip", "brats-mine-v1.zip", "brats-v1.0.0.tar.zip"])
def test_a_name_that_the_extension_does_not_recognise_is_refused(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--run", "missing", "--card", "missing", "--to", "auto3dseg", "--output", str(tmp_path / name)]
    assert main(["export", *arguments]) == 2
    assert f"does not recognise a file called {name}; call it like brats-NAME-v1.0.0.zip." in capsys.readouterr().err
