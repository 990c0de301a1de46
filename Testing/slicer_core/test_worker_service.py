"""One warm worker for all requests: kept, replaced, cancelled, killed, ended when idle; nothing is left behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import slicer

from support import scripted_worker
from support.models import saved, threshold_model
from support.mrml import GEOMETRIES, random_volume
from support.processes import comes_true, gone
from support.runs import finish, run_folders, under_way
from tumorseg.sequences import SEQUENCES
from TumorSegUNetLib.logic import TumorSegUNetLogic
from TumorSegUNetLib.run import RunState
from TumorSegUNetLib.volumes import nodeFromVolume

Nodes = dict[str, slicer.vtkMRMLScalarVolumeNode]
Start = Callable[..., TumorSegUNetLogic]

needs_proc = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks the processes up in /proc")


@pytest.fixture
def nodes(scene: slicer.vtkMRMLScene) -> Nodes:
    return {
        name: nodeFromVolume(scene, random_volume(GEOMETRIES["plain"], name, i)) for i, name in enumerate(SEQUENCES)
    }


@pytest.fixture
def start() -> Iterator[Start]:
    """Makes logics with a scripted worker, or the real one, and shuts them down after the test."""
    logics: list[TumorSegUNetLogic] = []

    def begin(scenario: str | None, **limits: float) -> TumorSegUNetLogic:
        command = [sys.executable, scripted_worker.__file__, scenario] if scenario else None
        logics.append(TumorSegUNetLogic(command, **limits))
        return logics[-1]

    yield begin
    for logic in logics:
        logic.shutdown()


pytestmark = pytest.mark.usefixtures("temporary")


def test_second_run_finds_the_same_process(start: Start, nodes: Nodes) -> None:
    logic = start("segment")
    finish(logic.startSegmentation(nodes))
    first = logic.workerProcessId
    assert finish(logic.startSegmentation(nodes)).state is RunState.DONE
    assert first is not None
    assert logic.workerProcessId == first


def test_warm_worker_loads_the_model_once(start: Start, nodes: Nodes, tmp_path: Path) -> None:
    """With the real worker: what it tells about itself after a run, and the same process in the next."""
    model = str(saved(threshold_model(), tmp_path))
    logic = start(None)
    logic.warmUp(model, "cpu")
    answer = finish(logic.startStatus("cpu")).answer
    assert answer is not None
    assert answer["model"] == "threshold"
    assert answer["device"] == "cpu"
    process = logic.workerProcessId
    assert finish(logic.startCheck(nodes, model)).problems == ()
    assert logic.workerProcessId == process


def test_real_worker_tells_all_findings_at_once(start: Start, nodes: Nodes, tmp_path: Path, temporary: Path) -> None:
    model = str(saved(threshold_model(), tmp_path))
    logic = start(None)
    check = finish(logic.startCheck({**nodes, "t2": nodes["t1"]}, model))
    codes = [finding["code"] for finding in check.findings]
    assert codes[0] == "same-volume"
    assert len(codes) > 1
    assert all(finding["remedy"] for finding in check.findings)
    [kept] = run_folders(temporary)  # for the run
    assert len(list(kept.iterdir())) == 3
    logic.forgetVolumes()
    assert run_folders(temporary) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on Windows")
@pytest.mark.parametrize("stage", ["", *scripted_worker.STAGES])
def test_kill_in_any_stage_is_a_sentence_and_the_next_run_works(
    start: Start, scene: slicer.vtkMRMLScene, nodes: Nodes, temporary: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    monkeypatch.setenv("TUMORSEG_TEST_STAGE", stage)
    logic = start("killed_in_stage_once")
    nodes_before = scene.GetNumberOfNodes()
    run = finish(logic.startSegmentation(nodes))
    assert run.state is RunState.FAILED
    assert "memory ran out" in run.outcome.problems[0]
    assert run.progress.stage == stage
    assert scene.GetNumberOfNodes() == nodes_before
    assert run_folders(temporary) == []
    assert finish(logic.startSegmentation(nodes)).state is RunState.DONE


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on Windows")
def test_kill_of_the_real_worker(start: Start, nodes: Nodes, temporary: Path, tmp_path: Path) -> None:
    logic = start(None)
    run = logic.startSegmentation(nodes, model=str(saved(threshold_model(), tmp_path)), device="cpu")
    process = logic.workerProcessId
    under_way(run)
    os.kill(process, signal.SIGKILL)
    finish(run)
    assert run.state is RunState.FAILED
    assert "memory ran out" in run.outcome.problems[0]
    assert run_folders(temporary) == []
    assert finish(logic.startStatus("cpu")).answer["device"] == "cpu"
    assert logic.workerProcessId != process


def test_death_hits_only_the_request_that_was_worked_on(start: Start, nodes: Nodes) -> None:
    logic = start("death_once")
    victim = logic.startSegmentation(nodes)
    waiting = logic.startSegmentation(nodes)
    assert finish(victim).state is RunState.FAILED
    assert "exit code 7" in victim.outcome.problems[0]
    assert "out of luck" in victim.outcome.details
    assert finish(waiting).state is RunState.DONE


def test_garbage_on_the_pipe_harms_no_run(start: Start, nodes: Nodes) -> None:
    assert finish(start("garbage").startSegmentation(nodes)).state is RunState.DONE


def test_strange_events_harm_no_run(start: Start, nodes: Nodes) -> None:
    assert finish(start("strange_events").startSegmentation(nodes)).state is RunState.DONE


@needs_proc
def test_process_that_closes_its_pipe_is_replaced(start: Start, nodes: Nodes) -> None:
    logic = start("mute")
    run = logic.startSegmentation(nodes)
    process = logic.workerProcessId
    finish(run)
    assert run.state is RunState.FAILED
    assert gone(process)


@needs_proc
def test_cancel_is_heard_and_the_worker_stays_warm(start: Start, nodes: Nodes, temporary: Path) -> None:
    logic = start("until_cancel")
    run = logic.startSegmentation(nodes)
    under_way(run)
    process = logic.workerProcessId
    run.cancel()
    assert run.state is RunState.CANCELLED
    assert run.poll()
    assert comes_true(lambda: not run_folders(temporary))
    assert finish(logic.startSegmentation(nodes)).state is RunState.DONE
    assert logic.workerProcessId == process


@needs_proc
def test_deaf_worker_is_killed_with_its_children(
    start: Start, nodes: Nodes, temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = tmp_path / "processes"
    monkeypatch.setenv("TUMORSEG_TEST_NOTE", str(note))
    logic = start("stubborn", cancelGrace=0.1)
    run = logic.startSegmentation(nodes)
    under_way(run)
    run.cancel()
    assert run.state is RunState.CANCELLED
    assert all(gone(int(process)) for process in note.read_text().split())
    assert comes_true(lambda: not run_folders(temporary))


def test_run_behind_a_deaf_one_gets_a_new_worker(start: Start, nodes: Nodes) -> None:
    logic = start("deaf_once", cancelGrace=0.1)
    deaf = logic.startSegmentation(nodes)
    under_way(deaf)
    waiting = logic.startSegmentation(nodes)
    deaf.cancel()
    assert finish(waiting).state is RunState.DONE


@needs_proc
def test_real_worker_hears_a_cancel_in_its_first_stage(
    start: Start, nodes: Nodes, temporary: Path, tmp_path: Path
) -> None:
    logic = start(None)
    run = logic.startSegmentation(nodes, model=str(saved(threshold_model(), tmp_path)), device="cpu")
    process = logic.workerProcessId
    under_way(run)
    run.cancel()
    assert comes_true(lambda: not run_folders(temporary))
    assert finish(logic.startStatus("cpu")).answer["device"] == "cpu"
    assert logic.workerProcessId == process


@needs_proc
def test_idle_worker_ends_by_itself_and_comes_back(start: Start, nodes: Nodes) -> None:
    logic = start("segment", idleSeconds=1.0)  # a busy computer looks at it late
    finish(logic.startSegmentation(nodes))
    process = logic.workerProcessId
    assert process is not None
    assert gone(process)
    assert comes_true(lambda: logic.workerProcessId is None)
    assert finish(logic.startSegmentation(nodes)).state is RunState.DONE


@needs_proc
def test_worker_idles_from_the_end_of_its_last_request_on(start: Start, nodes: Nodes) -> None:
    """However busy the computer is, it cannot make the process end too early."""
    logic = start("until_cancel", idleSeconds=1.5)
    run = logic.startSegmentation(nodes)
    process = logic.workerProcessId
    time.sleep(1.0)
    cancelled = time.monotonic()
    run.cancel()
    assert gone(process)
    assert time.monotonic() - cancelled > 1.5


@needs_proc
def test_worker_that_nobody_asks_again_ends_after_its_warm_up(start: Start) -> None:
    logic = start("segment", idleSeconds=0.2)
    logic.warmUp()
    process = logic.workerProcessId
    assert process is not None
    assert gone(process)


def test_busy_worker_is_not_released(start: Start, nodes: Nodes) -> None:
    logic = start("until_cancel", idleSeconds=0.05)
    run = logic.startSegmentation(nodes)
    under_way(run)
    assert not logic.release()
    assert logic.workerProcessId is not None
    run.cancel()


@needs_proc
def test_shutdown_ends_runs_and_process(start: Start, nodes: Nodes, temporary: Path) -> None:
    logic = start("stubborn")
    run = logic.startSegmentation(nodes)
    under_way(run)
    process = logic.workerProcessId
    logic.shutdown()
    assert gone(process)
    assert finish(run).state is RunState.CANCELLED
    assert run_folders(temporary) == []


def test_worker_that_cannot_start_is_a_sentence(nodes: Nodes, temporary: Path) -> None:
    logic = TumorSegUNetLogic(["/no-such-python"])
    logic.warmUp()
    with pytest.raises(Exception, match="cannot be started"):
        logic.startCheck(nodes)
    with pytest.raises(Exception, match="cannot be started"):
        logic.startStatus()
    logic.shutdown()
    assert run_folders(temporary) == []


def test_failed_question_is_answered_in_words(start: Start) -> None:
    answer = finish(start("death").startSelfCheck()).answer
    assert answer is not None
    assert not answer["ok"]
    assert "exit code 7" in answer["sentence"]


def test_real_self_check_computes_a_convolution(start: Start) -> None:
    answer = finish(start(None).startSelfCheck("cpu")).answer
    assert answer is not None
    assert answer["ok"], answer["sentence"]


def test_labels_are_those_of_the_request(start: Start, nodes: Nodes) -> None:
    """Runs that wait for each other do not mix their results."""
    from TumorSegUNetLib.segmentations import labelsFromNode

    logic = start("segment")
    bright = nodeFromVolume(nodes["t1"].GetScene(), random_volume(GEOMETRIES["plain"], "other", 9))
    runs = [logic.startSegmentation(nodes), logic.startSegmentation({**nodes, "t1ce": bright})]
    for run, node in zip(runs, (nodes["t1ce"], bright), strict=True):
        array = slicer.util.arrayFromVolume(node)
        labels = labelsFromNode(finish(run).outcome.segmentation)
        np.testing.assert_array_equal(labels > 0, array > 100)
