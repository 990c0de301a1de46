"""A folder of cases through the logic: files for every case, resumed, one failure stops nobody, the scene stays."""

from __future__ import annotations

import csv
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import slicer

from support import scripted_worker
from tumorseg.errors import BadInputError, CancelledError
from tumorseg.sequences import SEQUENCES
from TumorSegUNetLib.hierarchy import nodesByClass
from TumorSegUNetLib.logic import TumorSegUNetLogic

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "segment_folder.py"


@pytest.fixture
def logic() -> Iterator[TumorSegUNetLogic]:
    made = TumorSegUNetLogic([sys.executable, scripted_worker.__file__, "segment"])
    yield made
    made.shutdown()


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """Two complete cases, one without FLAIR, one with a damaged file."""
    folder = tmp_path / "cases"
    for case in ("A", "B", "incomplete", "damaged"):
        (folder / case).mkdir(parents=True)
        for seed, sequence in enumerate(SEQUENCES):
            rng = np.random.default_rng(seed)
            image = sitk.GetImageFromArray(rng.normal(100, 20, (4, 5, 6)).astype(np.float32))
            sitk.WriteImage(image, str(folder / case / f"{case}_{sequence}.nii.gz"))
    (folder / "incomplete" / "incomplete_flair.nii.gz").unlink()
    (folder / "damaged" / "damaged_t2.nii.gz").write_bytes(b"nothing")
    return folder


def test_every_case_gets_its_files(
    scene: slicer.vtkMRMLScene, logic: TumorSegUNetLogic, cases: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    before = scene.GetNumberOfNodes()
    seen = []
    results = logic.segmentFolder(cases, output, scene=scene, onCase=seen.append)
    assert seen == results
    assert {result.name: result.state for result in results} == {
        "A": "done",
        "B": "done",
        "damaged": "failed",
        "incomplete": "failed",
    }
    assert "damaged_t2" in results[2].problems[0]
    assert "FLAIR" in results[3].problems[0]
    assert sorted(path.name for path in output.iterdir()) == sorted(
        f"{case}{end}" for case in "AB" for end in (".seg.nrrd", ".csv", ".html")
    )
    assert scene.GetNumberOfNodes() == before
    with open(output / "A.csv", encoding="utf-8", newline="") as file:
        assert {row["Item"] for row in csv.DictReader(file)} >= {"Whole tumor", "Lesion 1"}
    labels = sitk.ReadImage(str(output / "B.seg.nrrd"))
    assert labels.GetSize() == (6, 5, 4)


@pytest.mark.parametrize("name", ["A_flair.nii.gz", "A_t1.nii"])
def test_a_file_that_was_cut_off_fails_its_case(
    scene: slicer.vtkMRMLScene, logic: TumorSegUNetLogic, cases: Path, tmp_path: Path, name: str
) -> None:
    """Slicer's reader fills the rest with zeros without a word."""
    whole = cases / "A" / f"{name.split('.')[0]}.nii.gz"
    sitk.WriteImage(sitk.ReadImage(str(whole)), str(cases / "A" / name))
    if whole.name != name:
        whole.unlink()
    content = (cases / "A" / name).read_bytes()
    (cases / "A" / name).write_bytes(content[: int(0.6 * len(content))])
    first = logic.segmentFolder(cases, tmp_path / "out", scene=scene)[0]
    assert (first.name, first.state) == ("A", "failed")
    assert f"{name} is incomplete or damaged; copy or export it again." in first.problems[0]
    assert not list((tmp_path / "out").glob("A.*"))


def test_a_segmentation_that_the_disk_had_no_room_for_is_told(
    scene: slicer.vtkMRMLScene, logic: TumorSegUNetLogic, cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slicer's writer says that all is well."""

    class Cramped(slicer.vtkMRMLSegmentationStorageNode):
        def WriteData(self, node: slicer.vtkMRMLSegmentationNode) -> int:  # noqa: N802
            written = super().WriteData(node)
            path = Path(self.GetFileName())
            path.write_bytes(path.read_bytes()[:-1])
            return written

    monkeypatch.setattr("TumorSegUNetLib.batch.slicer.vtkMRMLSegmentationStorageNode", Cramped)
    first = logic.segmentFolder(cases, tmp_path / "out", scene=scene)[0]
    assert first.state == "failed"
    assert first.problems == ("The results of A cannot be written (the file is damaged); check the disk.",)
    assert not (tmp_path / "out" / "A.seg.nrrd").exists()


def test_what_should_be_looked_at_is_told_of_cases_that_are_done(
    scene: slicer.vtkMRMLScene, logic: TumorSegUNetLogic, cases: Path, tmp_path: Path
) -> None:
    first = logic.segmentFolder(cases, tmp_path / "out", scene=scene)[0]
    assert first.remarks == ("T1 is dark. Look.", "Look at this result with care: it is scripted.")


def test_second_run_keeps_what_is_there(
    scene: slicer.vtkMRMLScene, logic: TumorSegUNetLogic, cases: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "A.seg.nrrd").write_text("edited by hand")
    states = {result.name: result.state for result in logic.segmentFolder(cases, output, scene=scene)}
    assert (states["A"], states["B"]) == ("skipped", "done")
    assert (output / "A.seg.nrrd").read_text() == "edited by hand"


def test_cancel_ends_the_batch(
    scene: slicer.vtkMRMLScene, logic: TumorSegUNetLogic, cases: Path, tmp_path: Path
) -> None:
    before = scene.GetNumberOfNodes()
    with pytest.raises(CancelledError):
        logic.segmentFolder(cases, tmp_path / "out", scene=scene, onPoll=lambda run: run.cancel())
    assert scene.GetNumberOfNodes() == before
    assert list((tmp_path / "out").iterdir()) == []


def test_cases_of_the_same_name_below_a_relative_folder(
    scene: slicer.vtkMRMLScene, logic: TumorSegUNetLogic, cases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for case in ("A", "B"):
        (cases / f"site{case}").mkdir()
        (cases / case).rename(cases / f"site{case}" / "visit")
    monkeypatch.chdir(cases.parent)
    done = [case.name for case in logic.segmentFolder("cases", "out", scene=scene) if case.state == "done"]
    assert done == ["siteA_visit", "siteB_visit"]
    assert (cases.parent / "out" / "siteB_visit.seg.nrrd").is_file()


def test_patient_whose_name_has_points_keeps_it(
    scene: slicer.vtkMRMLScene, logic: TumorSegUNetLogic, cases: Path, tmp_path: Path
) -> None:
    for path in (cases / "A").iterdir():
        path.rename(path.with_name(f"1.2.840_{path.name}"))
    names = []
    logic.segmentFolder(cases, tmp_path / "out", scene=scene, onPoll=lambda run: names.extend(volume_names(scene)))
    assert "1.2.840_A_t1ce" in names


def volume_names(scene: slicer.vtkMRMLScene) -> list[str]:
    return [node.GetName() for node in nodesByClass(scene, "vtkMRMLScalarVolumeNode")]


def test_folder_without_cases_is_a_sentence(
    scene: slicer.vtkMRMLScene, logic: TumorSegUNetLogic, tmp_path: Path
) -> None:
    with pytest.raises(BadInputError, match="holds no volumes"):
        logic.segmentFolder(tmp_path, tmp_path / "out", scene=scene)


def test_example_of_the_documentation(
    scene: slicer.vtkMRMLScene,
    cases: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The script as it ships, with a worker that runs no network and a scene of the test's."""
    monkeypatch.setattr(slicer, "mrmlScene", scene, raising=False)
    monkeypatch.setattr(
        "TumorSegUNetLib.worker_client.defaultCommand", lambda: [sys.executable, scripted_worker.__file__, "segment"]
    )
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), str(cases), str(tmp_path / "out")])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert end.value.code == 1
    text = capsys.readouterr().out
    assert "A: done, whole tumor 12.5 mL" in text
    assert "incomplete: failed" in text
    assert (tmp_path / "out" / "B.seg.nrrd").is_file()
