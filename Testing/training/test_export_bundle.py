"""MONAI bundles: MONAI's own tools accept them, and its evaluator gives the engine's voxels."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow, verify_metadata, verify_net_in_out
from scipy import ndimage

from support.bundle_schema import METADATA_SCHEMA
from support.cases import SMALL, small_case, write_case
from support.models import random_model
from support.trained_runs import three_level_model, write_card, write_run
from tumorseg.calibration import with_calibration
from tumorseg.images import read_labels
from tumorseg.modelfile import Model, PostProcessing, load_model
from tumorseg.pipeline import Options, segment
from tumorseg.sequences import Case
from tumorseg.volume import Geometry, LabelArray
from tumorseg_training.cli import main

LPS = SMALL
RAS = replace(SMALL, direction=(-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0))
SAGITTAL = replace(SMALL, direction=(0.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0))

COARSE = Geometry((16, 18, 20), (-10.0, 5.0, 30.0), (2.0, 2.0, 2.0))

# Written so that neither temperature nor bias nor one of the thresholds can be forgotten without notice.
RULES = with_calibration(PostProcessing((0.4, 0.5, 0.55)), (2.0, 1.5, 0.5), (0.4, 0.0, -0.3))


def _bundle(folder: Path, *models: Model) -> Path:
    """Export the models as a bundle."""
    runs = [write_run(folder / f"run{number}", model) for number, model in enumerate(models)]
    named = [word for run in runs for word in ("--run", str(run))]
    output = folder / "bundle"
    arguments = ["--card", str(write_card(folder)), "--to", "monai-bundle", "--output", str(output)]
    assert main(["export", *named, *arguments]) == 0
    return output


def _run(bundle: Path, cases: Path, output: Path) -> LabelArray:
    """Labels of the only case, by MONAI's bundle workflow."""
    workflow = ConfigWorkflow(
        config_file=str(bundle / "configs/inference.json"),
        meta_file=str(bundle / "configs/metadata.json"),
        logging_file=False,
        workflow_type="inference",
        bundle_root=str(bundle),
        dataset_dir=str(cases),
        output_dir=str(output),
        device="$torch.device('cpu')",
    )
    workflow.initialize()
    assert workflow.check_properties() in (None, [])
    workflow.run()
    (written,) = output.iterdir()
    return read_labels(written)[0]


def _same_labels(tmp_path: Path, geometry: Geometry, *models: Model) -> LabelArray:
    """MONAI's labels are those of the engine, for the same weights; returns them."""
    return _same_labels_of(small_case(geometry), tmp_path, *models)


def _same_labels_of(case: Case, tmp_path: Path, *models: Model) -> LabelArray:
    write_case(case, tmp_path / "data" / "Case")
    bundle = _bundle(tmp_path, *models)
    assert main(_native(tmp_path, len(models))) == 0
    expected = segment(case, load_model(tmp_path / "native.safetensors"), Options(device="cpu")).labels
    found = _run(bundle, tmp_path / "data", tmp_path / "labels")
    assert np.count_nonzero(found != expected) <= 2  # a probability within float rounding of its threshold
    return expected


def _native(folder: Path, count: int) -> list[str]:
    named = [word for number in range(count) for word in ("--run", str(folder / f"run{number}"))]
    return ["export", *named, "--card", str(folder / "card.toml"), "--output", str(folder / "native.safetensors")]


@pytest.mark.parametrize("geometry", [LPS, RAS, SAGITTAL, COARSE], ids=["lps", "ras", "sagittal", "2 mm"])
def test_monai_gives_the_voxels_of_the_engine(tmp_path: Path, geometry: Geometry) -> None:
    labels = _same_labels(tmp_path, geometry, three_level_model(rules=RULES))
    assert set(np.unique(labels)) == {0, 1, 2, 3}


def test_monai_applies_the_rules_after_the_thresholds(tmp_path: Path) -> None:
    strict = PostProcessing((0.9, 0.93, 0.95))
    plain = _same_labels(tmp_path / "plain", LPS, three_level_model(2, strict))
    parts, count = ndimage.label(plain, np.ones((3, 3, 3)))
    sizes = sorted(np.bincount(parts.ravel())[1:].tolist())
    assert count > 1
    rules = replace(strict, min_component_ml=(sizes[-1] - 0.5) / 1000)
    largest = _same_labels(tmp_path / "largest", LPS, three_level_model(2, rules))
    assert np.count_nonzero(largest) == sizes[-1]
    enhancing = np.count_nonzero(largest == 3)
    for change, name in ((0.5, "turned"), (-0.5, "kept")):
        both = replace(rules, min_enhancing_ml=(enhancing + change) / 1000)
        labels = _same_labels(tmp_path / name, LPS, three_level_model(2, both))
        assert np.count_nonzero(labels == 3) == (0 if name == "turned" else enhancing)


def test_so_does_an_ensemble(tmp_path: Path) -> None:
    _same_labels(tmp_path, LPS, three_level_model(0, RULES), three_level_model(1, RULES))


def test_and_a_model_with_other_channels_and_scaling(tmp_path: Path) -> None:
    model = three_level_model()
    spec = replace(model.spec, channels=("flair", "t1", "t1ce", "t2"), normalisation="minmax-brain")
    _same_labels(tmp_path, LPS, Model(spec, model.network, ""))


@pytest.mark.parametrize("normalisation", ["zscore-brain", "minmax-brain"])
def test_and_volumes_that_show_a_part_of_the_brain(tmp_path: Path, normalisation: str) -> None:
    case = small_case(LPS)
    array = case["flair"].array.copy()
    array[:, :, : array.shape[2] // 2] = 0
    model = three_level_model()
    model = Model(replace(model.spec, normalisation=normalisation), model.network, "")
    _same_labels_of({**case, "flair": replace(case["flair"], array=array)}, tmp_path, model)


def test_metadata_is_valid_and_fits_the_network(tmp_path: Path) -> None:
    bundle = _bundle(tmp_path, three_level_model())
    schema = tmp_path / "schema.json"  # verify_metadata downloads it only where there is none
    schema.write_text(json.dumps(METADATA_SCHEMA))
    metadata = str(bundle / "configs/metadata.json")
    verify_metadata(meta_file=metadata, filepath=str(schema))
    inference = str(bundle / "configs/inference.json")
    verify_net_in_out(net_id="network_def", meta_file=metadata, config_file=inference, device="cpu")
    broken = json.loads(Path(metadata).read_text())
    del broken["network_data_format"]["outputs"]
    Path(metadata).write_text(json.dumps(broken))
    with pytest.raises(ValueError, match="Failed validating"):
        verify_metadata(meta_file=metadata, filepath=str(schema))


def test_a_zip_holds_the_same_files_below_its_name(tmp_path: Path) -> None:
    folder = _bundle(tmp_path, three_level_model())
    arguments = ["--card", str(tmp_path / "card.toml"), "--to", "monai-bundle", "--output", str(tmp_path / "mine.zip")]
    assert main(["export", "--run", str(tmp_path / "run0"), *arguments]) == 0
    with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
        names = {f"mine/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*") if path.is_file()}
        assert set(archive.namelist()) == names
        for name in ("LICENSE", "configs/metadata.json", "configs/inference.json", "docs/README.md"):
            assert archive.read(f"mine/{name}") == (folder / name).read_bytes()
    assert names == {
        f"mine/{name}"
        for name in (
            "LICENSE",
            "configs/metadata.json",
            "configs/inference.json",
            "docs/README.md",
            "models/model.pt",
        )
    }


def test_weights_load_without_unpickling_and_texts_come_from_the_card(tmp_path: Path) -> None:
    bundle = _bundle(tmp_path, three_level_model())
    state = torch.load(bundle / "models/model.pt", weights_only=True)
    assert all(tensor.dtype == torch.float32 for tensor in state.values())
    text = (bundle / "docs/README.md").read_text()
    for words in ("# My model", "- three heads", "CC BY 4.0", "`*_t1ce.nii.gz`"):
        assert words in text
    assert (bundle / "LICENSE").read_text().startswith("CC BY 4.0")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("there", "there exists already; name a new folder, or remove it first."),
        ("file/bundle", "cannot be used as a folder"),
        (
            "mine.safetensors",
            "A MONAI bundle is a folder or a .zip, not mine.safetensors; name one, or leave out --to.",
        ),
        ("nowhere/bundle.zip", "cannot be written: the folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, place: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("mine")
    arguments = ["--run", "missing", "--card", "missing", "--to", "monai-bundle", "--output", str(tmp_path / place)]
    assert main(["export", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_network_that_monai_does_not_have_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run", random_model())
    arguments = ["--card", str(write_card(tmp_path)), "--to", "monai-bundle", "--output", str(tmp_path / "bundle")]
    assert main(["export", "--run", str(run), *arguments]) == 2
    said = capsys.readouterr().err
    assert "This model cannot be written for MONAI: MONAI's DynUNet needs at least three levels" in said
    assert said.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.toml", "run"]
