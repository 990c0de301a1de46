"""The worker process through its real pipes: results, cancel within a tile, errors in words, a lost parent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.cases import SMALL, expected_threshold_labels, small_case
from support.models import random_model, saved, threshold_model
from tumorseg.volume import Volume
from tumorseg.worker import Worker

Event = dict[str, Any]


class RunningWorker:
    """``python -m tumorseg.worker`` with its pipes; packages in ``first`` go before the installed ones."""

    def __init__(self, first: Path | None = None) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        if first is not None:
            environment["PYTHONPATH"] = os.pathsep.join([str(first), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tumorseg.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def send(self, **request: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def events(self) -> Iterator[Event]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            yield json.loads(line)

    def wait_for(self, *kinds: str) -> Event:
        return next(event for event in self.events() if event["event"] in kinds)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def worker() -> Iterator[RunningWorker]:
    running = RunningWorker()
    yield running
    running.close()


@pytest.fixture
def worker_with_broken_torch(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RunningWorker]:
    """A torch that cannot be loaded: its file holds only the given line."""
    package = tmp_path / "site" / "torch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(request.param, encoding="utf-8")
    running = RunningWorker(first=package.parent)
    yield running
    running.close()


def _request(folder: Path, model: Path, case: dict[str, Volume] | None = None, **changes: Any) -> dict[str, Any]:
    volumes = {}
    for sequence, volume in (case or small_case()).items():
        np.save(folder / f"{sequence}.npy", volume.array)
        geometry = volume.geometry
        volumes[sequence] = {
            "file": f"{sequence}.npy",
            "name": f"{sequence} node",
            "origin": geometry.origin,
            "spacing": geometry.spacing,
            "direction": geometry.direction,
            "provenance": {"uids": f"1.2.{sequence}"},
        }
    request = {"request": "segment", "id": "1", "folder": str(folder), "volumes": volumes, "model": str(model)}
    return {**request, "device": "cpu", **changes}


def test_a_segmentation_arrives_with_progress_labels_and_provenance(tmp_path: Path, worker: RunningWorker) -> None:
    worker.send(**_request(tmp_path, saved(threshold_model(), tmp_path)))
    events = []
    for event in worker.events():
        events.append(event)
        if event["event"] != "progress":
            break
    *progress, result = events
    assert [event["stage"] for event in progress][:: len(progress) - 1] == ["check", "finish"]
    assert result["event"] == "result"
    assert result["reference"] == "t1ce"
    assert result["provenance"]["input_flair_uids"] == "1.2.flair"
    labels = np.load(tmp_path / result["labels"])
    np.testing.assert_array_equal(labels, expected_threshold_labels(small_case()["t1ce"]))
    assert result["measurements"]["WT"]["volume_ml"] == pytest.approx(np.count_nonzero(labels) / 1000)


def test_the_model_stays_loaded_until_released(tmp_path: Path, worker: RunningWorker) -> None:
    worker.send(request="status")
    assert worker.wait_for("status")["model"] is None
    worker.send(**_request(tmp_path, saved(threshold_model(), tmp_path)))
    worker.wait_for("result")
    worker.send(request="status")
    assert worker.wait_for("status")["model"] == "threshold"
    worker.send(request="release")
    assert worker.wait_for("status")["model"] is None


def test_a_cancel_is_answered_within_one_tile_and_the_worker_goes_on(tmp_path: Path, worker: RunningWorker) -> None:
    worker.send(**_request(tmp_path, saved(random_model(), tmp_path), tta=True))
    while worker.wait_for("progress")["stage"] != "predict":
        pass
    worker.send(request="cancel", id="1")
    sent = time.monotonic()
    error = worker.wait_for("error", "result")
    assert (error["event"], error["kind"]) == ("error", "cancelled")
    assert time.monotonic() - sent < 5  # a tile of this model takes milliseconds
    assert not (tmp_path / "labels.npy").exists()
    worker.send(**_request(tmp_path, saved(threshold_model(), tmp_path), id="2"))
    assert worker.wait_for("result", "error")["event"] == "result"


@pytest.mark.parametrize(
    ("spoil", "kind", "sentence"),
    [
        (lambda request: request.update(model="best"), "model", "There is no model best"),
        (lambda request: request.update(device="gpu"), "bad-input", "There is no device gpu"),
        (lambda request: request["volumes"]["t1"].update(file="gone.npy"), "bad-input", "cannot read the voxels of t1"),
        (lambda request: request["volumes"].pop("t2"), "bad-input", "T2 is missing"),
        (lambda request: request.update(request="dance"), "bad-input", "does not know the request 'dance'"),
        (lambda request: request.pop("folder"), "internal", "unexpected error"),
    ],
)
def test_errors_are_sentences_and_the_worker_survives_them(
    tmp_path: Path, worker: RunningWorker, spoil: Callable[[Event], object], kind: str, sentence: str
) -> None:
    request = _request(tmp_path, saved(threshold_model(), tmp_path))
    spoil(request)
    worker.send(**request)
    error = worker.wait_for("error", "result")
    assert (error["event"], error["kind"]) == ("error", kind)
    assert sentence in " ".join(error["problems"])
    worker.send(request="status")
    assert worker.wait_for("status")


def test_check_returns_all_findings_without_a_run(tmp_path: Path, worker: RunningWorker) -> None:
    case = small_case()
    case["t2"] = Volume(np.zeros(SMALL.shape, np.float32), SMALL, "empty")
    worker.send(**_request(tmp_path, saved(threshold_model(), tmp_path), case, request="check"))
    result = worker.wait_for("result", "error")
    assert "constant" in [finding["code"] for finding in result["findings"]]
    assert "labels" not in result


def test_garbage_on_the_pipe_is_answered_with_a_sentence(worker: RunningWorker) -> None:
    assert worker.process.stdin is not None
    worker.process.stdin.write("not json\n[1, 2]\n")
    worker.process.stdin.flush()
    assert "does not know the request 'not json'" in worker.wait_for("error")["problems"][0]
    assert "does not know the request '[1, 2]'" in worker.wait_for("error")["problems"][0]


def test_shutdown_ends_the_process(worker: RunningWorker) -> None:
    worker.send(request="shutdown")
    assert worker.process.wait(timeout=60) == 0


def test_a_parent_that_goes_away_ends_the_process_even_during_a_run(tmp_path: Path, worker: RunningWorker) -> None:
    worker.send(**_request(tmp_path, saved(random_model(), tmp_path), tta=True))
    worker.wait_for("progress")
    assert worker.process.stdin is not None
    worker.process.stdin.close()
    assert worker.process.wait(timeout=60) == 0


@pytest.mark.parametrize(
    ("worker_with_broken_torch", "reason"),
    [
        ("raise OSError('libtorch.so: cannot open')", "libtorch.so: cannot open"),
        ("raise ImportError('wrong torchgen')", "wrong torchgen"),
        ("", "torch.nn"),
    ],
    indirect=["worker_with_broken_torch"],
)
def test_broken_torch_is_one_sentence_and_status_needs_none(
    tmp_path: Path, worker_with_broken_torch: RunningWorker, reason: str
) -> None:
    worker_with_broken_torch.send(request="status")
    assert worker_with_broken_torch.wait_for("status", "error")["event"] == "status"
    worker_with_broken_torch.send(**_request(tmp_path, saved(threshold_model(), tmp_path)))
    [problem] = worker_with_broken_torch.wait_for("error", "result")["problems"]
    assert problem.startswith("PyTorch cannot be loaded (")
    assert reason in problem
    assert problem.endswith("); reinstall it with the module PyTorch Utils and restart Slicer.")
    worker_with_broken_torch.send(request="release")
    assert worker_with_broken_torch.wait_for("status", "error")["event"] == "status"


def test_what_is_still_queued_when_the_parent_goes_away_is_not_run(tmp_path: Path) -> None:
    worker = Worker(StringIO())
    request = _request(tmp_path, saved(threshold_model(), tmp_path))
    lines = [json.dumps({"request": "status"}), json.dumps(request)]
    worker._read(StringIO("\n".join(lines)))  # the stream has ended before the first request is answered
    worker.run(StringIO())
    assert not (tmp_path / "labels.npy").exists()


def test_check_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = StringIO()
    monkeypatch.setattr("tumorseg.worker.load_model", None)
    request = _request(tmp_path, saved(threshold_model(), tmp_path), request="check")
    Worker(events).run(StringIO(json.dumps(request)))
    assert json.loads(events.getvalue())["event"] == "result"
