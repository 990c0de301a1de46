"""The synthetic patient as sample data: registered, made once, loaded, replaced when damaged."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import slicer

from tumorseg.errors import TumorSegError
from tumorseg.phantom import make_patient, write_patient
from tumorseg.sequences import SEQUENCES
from TumorSegUNetLib import sample_data, sample_source
from TumorSegUNetLib.recognition import suggestInputs
from TumorSegUNetLib.sample_maker import NAME, SEED


@pytest.fixture(scope="module")
def small_patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The patient with coarse voxels, as the maker would have written it."""
    folder = tmp_path_factory.mktemp("sample")
    write_patient(make_patient(SEED, (20, 30, 30), 8.0), folder, NAME)
    return folder


@pytest.fixture
def cache(scene: slicer.vtkMRMLScene) -> Path:
    return Path(scene.GetCacheManager().GetRemoteCacheDirectory()) / sample_data.CACHE_FOLDER


def pretend_maker(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(sample_data, "pythonCommand", lambda module: [sys.executable, "-c", code])


def copy_command(small_patient: Path) -> str:
    return f"import shutil, sys; shutil.copytree({str(small_patient)!r}, sys.argv[1], dirs_exist_ok=True)"


def test_patient_is_made_once_and_recognized(
    scene: slicer.vtkMRMLScene, cache: Path, small_patient: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    pretend_maker(monkeypatch, copy_command(small_patient))
    fractions: list[float] = []
    nodes = sample_data.loadSamplePatient(scene, fractions.append)
    assert list(nodes) == list(SEQUENCES)
    assert fractions[-1] == 1.0
    assert fractions == sorted(fractions)
    assert composite.GetBackgroundVolumeID() == nodes["flair"].GetID()
    assert {name: found.node for name, found in suggestInputs(scene, {}).items()} == nodes
    pretend_maker(monkeypatch, "raise SystemExit('made again')")
    again = sample_data.loadSamplePatient(scene)
    assert again["t1"].GetName() != nodes["t1"].GetName()
    assert (cache / NAME).is_dir()


def test_damaged_cache_is_made_anew(
    scene: slicer.vtkMRMLScene, cache: Path, small_patient: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_maker(monkeypatch, copy_command(small_patient))
    files = sample_data.makeSamplePatient(cache)
    files["t2"].write_bytes(b"not an image")
    assert set(sample_data.loadSamplePatient(scene)) == set(SEQUENCES)
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 4


def test_maker_that_fails_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_maker(monkeypatch, "raise SystemExit('No space left on device')")
    with pytest.raises(TumorSegError, match="No space left on device"):
        sample_data.makeSamplePatient(tmp_path / "cache")


def test_a_maker_that_says_a_lot_is_not_waited_for_in_vain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe holds 64 kilobytes; who writes more waits for a reader."""
    much = "import sys; sys.stdout.write('o' * 1_000_000); sys.stderr.write('e' * 1_000_000)"
    pretend_maker(monkeypatch, f"{much}; raise SystemExit('\\nand the reason')")
    deadline = time.monotonic() + 20

    def patient(fraction: float) -> None:
        assert time.monotonic() < deadline

    with pytest.raises(TumorSegError, match=r"\(and the reason\)"):
        sample_data.makeSamplePatient(tmp_path / "cache", patient)


def test_maker_ends_when_nobody_waits_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_maker(monkeypatch, "import time; time.sleep(600)")

    def stop(fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample_data.makeSamplePatient(tmp_path / "cache", stop)


def test_real_maker_is_the_module_that_ships(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The true command line, on a patient with coarse voxels."""
    from TumorSegUNetLib import sample_maker

    monkeypatch.setattr("tumorseg.phantom.make_patient", lambda seed: make_patient(seed, (20, 30, 30), 8.0))
    sample_maker.main(tmp_path)
    names = {path.name for path in (tmp_path / NAME).iterdir()}
    assert names == {f"{NAME}_{kind}.nii.gz" for kind in (*SEQUENCES, "seg")}
    assert sample_data.pythonCommand("TumorSegUNetLib.sample_maker")[1:] == ["-m", "TumorSegUNetLib.sample_maker"]


def test_module_sample_data_gets_a_thumbnail_and_a_button(module_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[dict[str, Any]] = []
    module = ModuleType("SampleData")
    module.SampleDataLogic = SimpleNamespace(  # type: ignore[attr-defined]
        registerCustomSampleDataSource=lambda **values: registered.append(values)
    )
    monkeypatch.setitem(sys.modules, "SampleData", module)
    sample_source.registerSampleData(module_folder / "Resources")
    [source] = registered
    assert Path(source["thumbnailFileName"]).read_bytes()[:4] == b"\x89PNG"
    assert source["sampleName"] == "TumorSegU-Net synthetic patient"
    monkeypatch.setattr(sample_data, "loadSamplePatient", lambda: {"t1": "node"})
    monkeypatch.setattr(
        slicer.util, "tryWithErrorDisplay", lambda *texts, **options: contextlib.nullcontext(), raising=False
    )
    assert source["customDownloader"](source) == ["node"]
