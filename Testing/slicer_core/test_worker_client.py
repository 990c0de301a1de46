"""The client against real child processes: events, cancel, death, garbage, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support import scripted_worker
from support.processes import gone
from TumorSegUNetLib import child_process
from TumorSegUNetLib.worker_client import WorkerClient, defaultCommand

Start = Callable[[str], WorkerClient]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts clients and stops them after the test."""
    clients: list[WorkerClient] = []

    def begin(scenario: str) -> WorkerClient:
        clients.append(WorkerClient([sys.executable, scripted_worker.__file__, scenario]))
        return clients[-1]

    yield begin
    for client in clients:
        client.stop(grace=0.0)


def events_until(client: WorkerClient, kind: str, seconds: float = 20.0) -> list[dict[str, Any]]:
    """Polls until an event of a kind arrives; fails in words when it does not."""
    events: list[dict[str, Any]] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        events += client.poll()
        if any(event["event"] == kind for event in events):
            return events
        time.sleep(0.01)
    raise AssertionError(f"no {kind} event in {seconds} s; got {events}; log: {client.details}")


def request(tmp_path: Path) -> dict[str, Any]:
    import numpy as np

    np.save(tmp_path / "t1ce.npy", np.full((2, 2, 2), 110, np.float32))
    volumes = {"t1ce": {"file": "t1ce.npy", "name": "T1ce"}}
    return {"request": "segment", "id": "1", "folder": str(tmp_path), "volumes": volumes}


def test_progress_and_result_arrive_in_order(start: Start, tmp_path: Path) -> None:
    client = start("segment")
    client.send(request(tmp_path))
    events = events_until(client, "result")
    assert [event["event"] for event in events] == ["progress", "progress", "result"]
    assert [event["fraction"] for event in events[:2]] == [0.25, 0.75]
    assert client.poll() == []


def test_poll_and_send_do_not_wait_for_the_process(start: Start) -> None:
    client = start("stubborn_at_once")
    started = time.monotonic()
    assert client.poll() == []
    client.send({"request": "segment", "padding": "x" * 1_000_000})  # far more than a pipe takes
    assert time.monotonic() - started < 0.5


def test_cancel_is_answered(start: Start, tmp_path: Path) -> None:
    client = start("until_cancel")
    client.send(request(tmp_path))
    events_until(client, "progress")
    client.cancel("1")
    assert events_until(client, "error")[-1]["kind"] == "cancelled"


def test_garbage_is_kept_as_log_and_does_no_harm(start: Start, tmp_path: Path) -> None:
    client = start("garbage")
    client.send(request(tmp_path))
    events_until(client, "result")
    for line in ("Intel MKL WARNING: not JSON", '{"half":', "[1, 2]", "\ufffd\ufffd broken bytes", "gr\ufffd\ufffde"):
        assert line in client.details


def test_death_is_an_error_in_words_with_details(start: Start, tmp_path: Path) -> None:
    client = start("death")
    client.send(request(tmp_path))
    error = events_until(client, "error")[-1]
    assert error["kind"] == "internal"
    assert error["problems"] == [
        "The segmentation process ended unexpectedly (exit code 7); "
        "see the details, and try again or choose another device."
    ]
    assert "Fatal: out of luck" in client.details
    assert not client.running


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on Windows")
def test_kill_by_the_system_is_explained(start: Start) -> None:
    client = start("stubborn_at_once")
    processes = events_until(client, "status")[0]["processes"]
    os.kill(client.processId, signal.SIGKILL)
    os.kill(processes[1], signal.SIGKILL)  # the pipe stays open as long as its child lives
    assert "memory ran out" in events_until(client, "error")[-1]["problems"][0]


def test_kill_behind_slicers_launcher_is_explained(start: Start) -> None:
    client = start("launcher")
    client.send({"request": "segment"})
    assert "memory ran out" in events_until(client, "error")[-1]["problems"][0]


def test_python_error_behind_slicers_launcher_is_no_kill(start: Start) -> None:
    client = start("launcher_after_traceback")
    client.send({"request": "segment"})
    assert "exit code 1" in events_until(client, "error")[-1]["problems"][0]


def test_files_in_the_users_folder_do_not_shadow_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('the wrong numpy')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    client = WorkerClient()
    client.send({"request": "status"})
    try:
        assert events_until(client, "status")[-1]["engine"]
    finally:
        client.stop()


def test_a_model_folder_that_does_not_exist_anywhere_keeps_no_child_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TUMORSEG_MODELS", "~nobody-of-this-name/models")
    command = [sys.executable, "-c", "from tumorseg.modelstore import find_model; print(find_model().name)"]
    assert child_process.startProcess(command).communicate()[0].strip() == "glioma.safetensors"


def test_folders_are_those_of_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUMORSEG_MODELS", "models")
    monkeypatch.setenv("TUMORSEG_CACHE", "cache")
    code = "import os; print(os.environ['TUMORSEG_MODELS'], os.environ['TUMORSEG_CACHE'], sep='|')"
    said = child_process.startProcess([sys.executable, "-c", code]).communicate()[0]
    assert said.strip().split("|") == [str(tmp_path / "models"), str(tmp_path / "cache")]


def test_children_leave_a_core_to_slicer_and_need_no_threads_for_numpy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ("TUMORSEG_SPARE_CORES", "OPENBLAS_NUM_THREADS")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    command = [sys.executable, "-c", f"import os; print(*[os.environ[name] for name in {names}])"]
    assert child_process.startProcess(command).communicate()[0].split() == ["1", "1"]
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "4")
    assert child_process.startProcess(command).communicate()[0].split() == ["1", "4"]


def test_windows_tool_opens_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(subprocess, "CREATE_NO_WINDOW", 0x08000000, raising=False)
    monkeypatch.setattr(subprocess, "run", lambda command, **options: calls.append({"command": command, **options}))
    child_process.killTree(SimpleNamespace(pid=1))
    assert calls[0]["command"][0] == "taskkill"
    assert calls[0]["creationflags"] == 0x08000000


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks the processes up in /proc")
def test_stop_ends_a_stubborn_process_and_its_children(start: Start) -> None:
    client = start("stubborn_at_once")
    processes = events_until(client, "status")[0]["processes"]
    started = time.monotonic()
    client.stop(grace=0.2)
    assert time.monotonic() - started < 3
    assert all(gone(process_id) for process_id in processes)
    assert not [event for event in client.poll() if event["event"] == "error"]


def test_stop_lets_a_willing_process_end_by_itself(start: Start, tmp_path: Path) -> None:
    client = start("segment")
    client.send(request(tmp_path))
    events_until(client, "result")
    started = time.monotonic()
    client.stop(grace=10.0)
    assert time.monotonic() - started < 5
    assert not client.running
    client.stop()  # once more does no harm


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks the processes up in /proc")
def test_worker_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from TumorSegUNetLib.worker_client import WorkerClient;"
            f"c = WorkerClient([sys.executable, {scripted_worker.__file__!r}, 'until_cancel']);"
            "print(c.processId, flush=True); time.sleep(600)",
        ],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
    )
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    assert gone(worker)


def test_missing_interpreter_is_an_os_error() -> None:
    with pytest.raises(OSError, match="no-such-python"):
        WorkerClient(["/no-such-python", "-m", "tumorseg.worker"])


def test_default_command_prefers_slicers_python(monkeypatch: pytest.MonkeyPatch) -> None:
    assert defaultCommand() == [sys.executable, "-m", "tumorseg.worker"]
    monkeypatch.setattr("shutil.which", lambda name: f"/slicer/bin/{name}")
    assert defaultCommand() == ["/slicer/bin/PythonSlicer", "-m", "tumorseg.worker"]
