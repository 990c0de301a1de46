"""``make demo`` on a patient that is on disk already: what it writes and what it prints."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import SimpleITK as sitk

from support.models import saved, threshold_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def demo() -> ModuleType:
    specification = importlib.util.spec_from_file_location("run_demo", ROOT / "Testing" / "demo" / "run_demo.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_demo_writes_everything_and_says_what_it_found(
    demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tumorseg.phantom import make_patient

    small = make_patient(demo.SEED, (39, 60, 60), 4.0)
    monkeypatch.setattr(demo, "make_patient", lambda seed: small)
    coarse = threshold_model(patch_size=(32, 32, 32))
    model = str(saved(replace(coarse, spec=replace(coarse.spec, spacing=small.spacing)), tmp_path))
    dice = demo.demonstrate(tmp_path / "demo", model)
    made = {path.name for path in (tmp_path / "demo").iterdir()}
    assert made == {demo.PATIENT, "segmentation.seg.nrrd", "segmentation.nii.gz", "report.json", "views.png"}
    report = json.loads((tmp_path / "demo" / "report.json").read_text())
    assert report["dice_against_truth"] == pytest.approx(dice, abs=1e-4)
    assert sitk.ReadImage(tmp_path / "demo" / "views.png").GetSize() == (1600, 1280)
    printed = capsys.readouterr().out
    assert f"{report['measurements']['WT']['volume_ml']:.1f}" in printed
    assert "Making the synthetic patient" in printed
    demo.demonstrate(tmp_path / "demo", model)
    assert "Making the synthetic patient" not in capsys.readouterr().out
