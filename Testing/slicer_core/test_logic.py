"""From volume nodes to a segmentation node, with a scripted worker and with the real one."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer

from support import scripted_worker
from support.models import saved, threshold_model
from support.moved import HEAD, head_model, head_patient, moved
from support.mrml import GEOMETRIES, random_volume
from support.processes import comes_true
from support.runs import finish, run_folders
from tumorseg.errors import BadInputError, CancelledError, ModelError, TumorSegError
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Geometry, Volume
from TumorSegUNetLib import result
from TumorSegUNetLib.logic import TumorSegUNetLogic
from TumorSegUNetLib.run import Run, RunState
from TumorSegUNetLib.run_files import RunFiles
from TumorSegUNetLib.segmentations import labelsFromNode, provenanceOf
from TumorSegUNetLib.volumes import geometryOfNode, nodeFromVolume

Nodes = dict[str, slicer.vtkMRMLScalarVolumeNode]


logics: list[TumorSegUNetLogic] = []
"""Started by the test that runs; ended after it."""


def scripted(scenario: str) -> TumorSegUNetLogic:
    logics.append(TumorSegUNetLogic([sys.executable, scripted_worker.__file__, scenario], cancelGrace=0.1))
    return logics[-1]


@pytest.fixture(scope="module")
def real() -> Iterator[TumorSegUNetLogic]:
    """One warm worker for all tests of this file: it loads PyTorch once."""
    logic = TumorSegUNetLogic()
    yield logic
    logic.shutdown()


@pytest.fixture(autouse=True)
def no_worker_outlives_its_test() -> Iterator[None]:
    yield
    while logics:
        logics.pop().shutdown()


@pytest.fixture
def nodes(scene: slicer.vtkMRMLScene) -> Nodes:
    geometry = GEOMETRIES["oblique"]
    return {name: nodeFromVolume(scene, random_volume(geometry, name, seed)) for seed, name in enumerate(SEQUENCES)}


pytestmark = pytest.mark.usefixtures("temporary")


def test_segmentation_holds_the_workers_labels(nodes: Nodes, temporary: Path) -> None:
    array = slicer.util.arrayFromVolume(nodes["t1ce"])
    node = scripted("segment").segment(nodes)
    np.testing.assert_array_equal(labelsFromNode(node), np.where(array > 130, 3, np.where(array > 100, 2, 0)))
    assert re.fullmatch(r"tumor \d{4}-\d\d-\d\d \d\d:\d\d", node.GetName())
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is nodes["t1ce"]
    assert provenanceOf(node)["input_t1ce"] == "t1ce"
    assert run_folders(temporary) == []


def test_algorithm_name_tells_software_and_model(nodes: Nodes) -> None:
    import vtk

    node = scripted("segment").segment(nodes)
    value = vtk.mutable("")
    node.GetSegmentation().GetNthSegment(0).GetTag("DICOM.SegmentAlgorithmName", value)
    assert value.get() == "TumorSegU-Net 0.1.0 scripted 1.0"


def test_run_reports_progress_measurements_and_findings(nodes: Nodes) -> None:
    run = finish(scripted("segment").startSegmentation(nodes))
    assert run.state is RunState.DONE
    assert (run.progress.stage, run.progress.fraction, run.progress.device) == ("predict", 0.75, "cpu")
    assert run.outcome.measurements["WT"]["volume_ml"] == 12.5
    assert run.outcome.findings[0]["message"] == "T1 is dark."


def test_nodes_on_other_grids_are_registered_and_the_result_lies_on_the_t1ce(
    scene: slicer.vtkMRMLScene, real: TumorSegUNetLogic, tmp_path: Path
) -> None:
    case = head_patient()
    case["flair"], motion = moved(case["flair"], (2.0, 0.0, -3.0), (4.0, 2.0, 0.0))
    case["flair"] = replace(case["flair"], geometry=replace(HEAD, origin=(-117.0, -118.0, -76.0)))
    nodes = {name: nodeFromVolume(scene, volume) for name, volume in case.items()}
    path = saved(head_model(), tmp_path)
    check = real.startCheck(nodes, path)
    assert comes_true(check.poll)
    assert [(found["code"], found["severity"]) for found in check.findings] == [("different-grid", "note")]
    outcome = real.run(nodes, path, "cpu").outcome
    stored = result.resultOf(outcome.segmentation)
    assert stored.registration["volumes"] == ["flair"]
    assert stored.reference is nodes["t1ce"]
    kept = np.fromstring(stored.provenance["input_flair_motion"], sep=" ").reshape(3, 4)
    expected = np.add(motion.TransformPoint((0.0, 0.0, 0.0)), (1.0, 0.0, 0.0))
    np.testing.assert_allclose(kept[:, 3], expected, atol=0.8)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(nodes["flair"]), case["flair"].array)  # as it was
    assert geometryOfNode(nodes["flair"]).matches(case["flair"].geometry)


def test_two_runs_give_two_segmentations(nodes: Nodes) -> None:
    first = scripted("segment").segment(nodes)
    first.GetSegmentation().GetSegment("ED").SetName("edited")
    second = scripted("segment").segment(nodes)
    assert first.GetName() != second.GetName()
    assert first.GetSegmentation().GetSegment("ED").GetName() == "edited"


def test_problems_come_as_sentences_with_details(nodes: Nodes, temporary: Path) -> None:
    run = finish(scripted("error").startSegmentation(nodes))
    assert run.state is RunState.FAILED
    assert run.outcome.problems == ("T1 and T2 differ.", "FLAIR is constant.")
    assert "Traceback: somewhere" in run.outcome.details
    assert run_folders(temporary) == []
    with pytest.raises(BadInputError, match="FLAIR is constant"):
        scripted("error").segment(nodes)


@pytest.mark.parametrize(
    ("scenario", "words"),
    [("death", "exit code 7"), ("damaged_result", "cannot be read"), ("damaged_uncertainty", "grid")],
)
def test_failure_of_the_worker_adds_nothing(
    scene: slicer.vtkMRMLScene, nodes: Nodes, temporary: Path, scenario: str, words: str
) -> None:
    before = scene.GetNumberOfNodes()
    with pytest.raises(TumorSegError, match=words):
        scripted(scenario).segment(nodes)
    assert scene.GetNumberOfNodes() == before
    assert run_folders(temporary) == []


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("vtk said no")])
def test_unexpected_error_ends_the_run_in_words(
    nodes: Nodes, temporary: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(result, "createSegmentationNode", fail)
    run = finish(scripted("segment").startSegmentation(nodes))
    assert run.state is RunState.FAILED
    [problem] = run.outcome.problems
    assert type(error).__name__ in problem
    assert str(error) in problem
    assert "Traceback (most recent call last)" in run.outcome.details
    assert run_folders(temporary) == []


def test_labels_keep_no_file_open() -> None:
    files = RunFiles()
    np.save(files.folder / "labels.npy", np.zeros((2, 3, 4), np.uint8))
    labels = files.array("labels.npy")
    assert not isinstance(labels, np.memmap)
    files.remove()


def test_script_gets_the_ended_run(nodes: Nodes) -> None:
    seen: list[Run] = []
    run = scripted("segment").run(nodes, onPoll=seen.append)
    assert run.state is RunState.DONE
    assert run.outcome.measurements["WT"]["volume_ml"] == 12.5
    assert set(seen) <= {run}


def test_relative_model_file_is_that_of_the_caller(
    scene: slicer.vtkMRMLScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, real: TumorSegUNetLogic
) -> None:
    path = saved(threshold_model((2.0, 3.0, 4.0), (48, 48, 48)), tmp_path)
    monkeypatch.chdir(tmp_path)
    run = real.run(head(scene), model=path.name, device="cpu")
    assert run.outcome.provenance["model"] == "threshold 1.0"


def test_cancel_ends_at_once_and_leaves_nothing(scene: slicer.vtkMRMLScene, nodes: Nodes, temporary: Path) -> None:
    run = scripted("stubborn").startSegmentation(nodes)
    while not run.progress.stage:
        run.poll()
    started = time.monotonic()
    run.cancel()
    assert time.monotonic() - started < 3
    assert run.state is RunState.CANCELLED
    assert run.poll()
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert comes_true(lambda: not run_folders(temporary))


def test_script_can_cancel(nodes: Nodes, temporary: Path) -> None:
    with pytest.raises(CancelledError):
        scripted("stubborn").segment(nodes, onPoll=lambda run: run.cancel())
    assert comes_true(lambda: not run_folders(temporary))


def test_volume_removed_during_the_run(scene: slicer.vtkMRMLScene, nodes: Nodes) -> None:
    run = scripted("segment").startSegmentation(nodes)
    scene.RemoveNode(nodes["t1ce"])
    node = finish(run).outcome.segmentation
    assert node.GetScene() is scene
    assert labelsFromNode(node).shape == GEOMETRIES["oblique"].shape


def test_volume_replaced_during_the_run(scene: slicer.vtkMRMLScene, nodes: Nodes) -> None:
    """The result keeps the grid that was segmented when the user has cropped the volume meanwhile."""
    run = scripted("segment").startSegmentation(nodes)
    grid = geometryOfNode(nodes["t1ce"])
    slicer.util.updateVolumeFromArray(nodes["t1ce"], np.ones((3, 4, 5), np.float32))
    labels = labelsFromNode(finish(run).outcome.segmentation)
    assert labels.shape == grid.shape


def test_relative_store_folder_is_that_of_the_caller(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store").mkdir()
    saved(threshold_model(), tmp_path / "store")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUMORSEG_MODELS", "store")
    logics.append(TumorSegUNetLogic())
    assert "threshold" in [model.name for model in logics[-1].models()]
    assert finish(logics[-1].startCheck(nodes, "threshold")).problems == ()


def test_unusable_node_starts_no_process(scene: slicer.vtkMRMLScene, nodes: Nodes, temporary: Path) -> None:
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "hollow")
    with pytest.raises(BadInputError, match=r'"hollow" \(FLAIR\) holds no voxels'):
        scripted("segment").startSegmentation({**nodes, "flair": empty})
    assert run_folders(temporary) == []


def test_no_volumes_at_all_get_a_sentence() -> None:
    with pytest.raises(BadInputError, match="No volume is chosen"):
        scripted("segment").startSegmentation({})


def test_missing_python_gets_a_sentence(nodes: Nodes, temporary: Path) -> None:
    with pytest.raises(TumorSegError, match=r"cannot be started .*no-such-python"):
        TumorSegUNetLogic(["/no-such-python"]).startSegmentation(nodes)
    assert run_folders(temporary) == []


def head(scene: slicer.vtkMRMLScene) -> Nodes:
    """64 mm cubes of "brain" with a bright ball in T1ce, one grid, 2 mm voxels."""
    geometry = Geometry((32, 32, 32), origin=(5, 6, 7), spacing=(2, 2, 2), direction=(-1, 0, 0, 0, -1, 0, 0, 0, 1))
    z, y, x = np.indices(geometry.shape) - 16
    rng = np.random.default_rng(0)
    nodes = {}
    for name in SEQUENCES:
        array = np.where(np.maximum.reduce(np.abs([z, y, x])) < 12, 100 + rng.normal(0, 5, geometry.shape), 0)
        array[(z**2 + y**2 + x**2 < 25) & (name == "t1ce")] = 400
        nodes[name] = nodeFromVolume(scene, Volume(array.astype(np.float32), geometry, name))
    return nodes


def test_real_worker_finds_the_bright_ball(scene: slicer.vtkMRMLScene, tmp_path: Path, real: TumorSegUNetLogic) -> None:
    model = saved(threshold_model((2.0, 3.0, 4.0), (48, 48, 48)), tmp_path)
    nodes = head(scene)
    node = real.segment(nodes, model=str(model), device="cpu")
    found = labelsFromNode(node) > 0
    bright = slicer.util.arrayFromVolume(nodes["t1ce"]) == 400
    # The network is a threshold; only resampling between 2 mm and 1 mm voxels blurs the ball's edge.
    assert (found & bright).sum() >= 0.9 * bright.sum()
    assert found.sum() <= 1.3 * bright.sum()
    assert provenanceOf(node)["model"] == "threshold 1.0"


def test_real_worker_says_what_is_wrong_with_the_inputs(
    scene: slicer.vtkMRMLScene, tmp_path: Path, real: TumorSegUNetLogic
) -> None:
    model = saved(threshold_model(), tmp_path)
    nodes = head(scene)
    nodes["t2"] = nodes["t1"]
    with pytest.raises(BadInputError, match=r"T1 .*T2|T2 .*T1"):
        real.segment(nodes, model=str(model), device="cpu")


def test_real_worker_names_an_unknown_model(nodes: Nodes, real: TumorSegUNetLogic) -> None:
    with pytest.raises(ModelError, match="no-such-model"):
        real.segment(nodes, model="no-such-model", device="cpu")
