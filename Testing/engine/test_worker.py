"""The worker through its real pipes and inside this process: results, the check, the warm model."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from support.cases import SMALL, expected_threshold_labels, small_case
from support.models import saved, threshold_model
from support.worker import Event, RunningWorker, Script, end_of, worker_request
from tumorseg.volume import Geometry, Volume
<<<<<<< HEAD
=======
from tumorseg.worker import Worker
from tumorseg.worker_inbox import Inbox

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
        for event in self.events():
            if event["event"] in kinds:
                return event
        raise AssertionError(self.process.stderr.read())

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
def worker_with_broken_torch(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningWorker]:
    """A torch that cannot be loaded: its file holds only the given line. OpenVINO would do without it."""
    monkeypatch.setenv("TUMORSEG_RUNTIME", "torch")
    package = tmp_path / "site" / "torch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(request.param, encoding="utf-8")
    running = RunningWorker(first=package.parent)
    yield running
    running.close()


class Script:
    """Lines that arrive when the test says so; reading them waits, as reading a pipe does."""

    def __init__(self) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue()

    def send(self, **request: Any) -> None:
        self._lines.put(json.dumps(request))

    def end(self) -> None:
        self._lines.put(None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines.get, None)


@pytest.fixture
def inside() -> Iterator[tuple[Script, Callable[[], Event]]]:
    """A worker in this process: where to send requests, and its events one by one."""
    script, events = Script(), EventQueue()
    worker = threading.Thread(target=Worker(events).run, args=(script,))
    worker.start()
    yield script, events.next
    script.end()
    worker.join(60)
    assert not worker.is_alive()


class EventQueue(StringIO):
    """Takes the events of a worker."""

    def __init__(self) -> None:
        super().__init__()
        self._events: queue.Queue[Event] = queue.Queue()

    def write(self, line: str) -> int:
        self._events.put(json.loads(line))
        return len(line)

    def next(self) -> Event:
        return self._events.get(timeout=60)


def _end_of(identifier: str, next_event: Callable[[], Event]) -> Event:
    """The event that ends a request; nothing but its own progress may come before."""
    while (event := next_event())["event"] == "progress":
        assert event["id"] == identifier
    assert event["id"] == identifier
    return event


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
>>>>>>> benchmark


def test_a_segmentation_arrives_with_progress_labels_and_provenance(tmp_path: Path, worker: RunningWorker) -> None:
    worker.send(**worker_request(tmp_path, saved(threshold_model(), tmp_path)))
    events = []
    for event in worker.events():
        events.append(event)
        if event["event"] != "progress":
            break
    *progress, result = events
    assert list(dict.fromkeys(event["stage"] for event in progress)) == [
        "load",
        "check",
        "prepare",
        "predict",
        "finish",
    ]
    assert {event["id"] for event in events} == {"1"}
    assert result["event"] == "result"
    assert result["reference"] == "t1ce"
    assert result["provenance"]["input_flair_uids"] == "1.2.flair"
    labels = np.load(tmp_path / result["labels"])
    np.testing.assert_array_equal(labels, expected_threshold_labels(small_case()["t1ce"]))
    assert result["measurements"]["WT"]["volume_ml"] == pytest.approx(np.count_nonzero(labels) / 1000)
    uncertainty = np.load(tmp_path / result["uncertainty"])
    assert (uncertainty.dtype, uncertainty.shape) == (np.uint8, labels.shape)
    assert "report" not in result


def test_a_result_tells_lesions_and_quality_and_writes_the_report_when_asked(
    tmp_path: Path, inside: tuple[Script, Callable[[], Event]]
) -> None:
    script, next_event = inside
    model = threshold_model((0.5, 1.0, 2.0))
    geometry = Geometry((20, 22, 24), spacing=(3.0, 3.0, 3.0))
    path = saved(replace(model, spec=replace(model.spec, spacing=geometry.spacing)), tmp_path)
    script.send(**{**worker_request(tmp_path, path, small_case(geometry)), "report": True, "case": "Jane <Doe>"})
    result = end_of("1", next_event)
    assert result["event"] == "result", result
    assert result["foci"] == len(result["lesions"]) > 0
    lesion = result["lesions"][0]
    ends = np.array(lesion["longest"])
    assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(lesion["longest_diameter_mm"], abs=0.01)
    assert np.array(lesion["perpendicular"]).shape == (2, 3)
    assert lesion["side"] in ("left", "right", "midline")
    assert result["side"] in ("left", "right", "midline")
    assert 0 < result["quality"]["score"] <= 1
    assert (result["quality"]["sentence"] is None) == (not result["quality"]["reasons"])
    report = (tmp_path / result["report"]).read_text(encoding="utf-8")
    assert "<h1>Jane &lt;Doe&gt;</h1>" in report


def test_the_model_stays_loaded_until_released(tmp_path: Path, worker: RunningWorker) -> None:
    worker.send(request="status")
    assert worker.wait_for("status")["model"] is None
    worker.send(**worker_request(tmp_path, saved(threshold_model(), tmp_path)))
    worker.wait_for("result")
    worker.send(request="status")
    assert worker.wait_for("status")["model"] == "threshold"
    worker.send(request="release")
    assert worker.wait_for("status")["model"] is None


def test_check_returns_all_findings_without_a_run(tmp_path: Path, worker: RunningWorker) -> None:
    case = small_case()
    case["t2"] = Volume(np.zeros(SMALL.shape, np.float32), SMALL, "empty")
    worker.send(**worker_request(tmp_path, saved(threshold_model(), tmp_path), case, request="check"))
    result = worker.wait_for("result", "error")
    assert "constant" in [finding["code"] for finding in result["findings"]]
    assert "labels" not in result


<<<<<<< HEAD
=======
def test_garbage_on_the_pipe_is_answered_with_a_sentence(worker: RunningWorker) -> None:
    assert worker.process.stdin is not None
    worker.process.stdin.buffer.write(b"not json\n[1, 2]\n\n\xff\xfe\n" + b"[" * 200_000 + b"\n")
    worker.process.stdin.buffer.flush()
    for said in ("'not json'", "'[1, 2]'", "'\ufffd\ufffd'", "'[[["):
        error = worker.wait_for("error")
        assert error["problems"][0].startswith(f"The worker does not know the request {said}")
        assert error["id"] is None
    worker.send(request="status")
    assert worker.wait_for("status", "error")["event"] == "status"


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
    status = worker_with_broken_torch.wait_for("status", "error")
    assert (status["device"], status["torch"], status["cuda"]) == (None, None, False)
    assert status["reason"].startswith("PyTorch cannot be loaded (")
    worker_with_broken_torch.send(request="selfcheck")
    answer = worker_with_broken_torch.wait_for("selfcheck", "error")
    assert (answer["ok"], answer["sentence"]) == (False, status["reason"])
    worker_with_broken_torch.send(**_request(tmp_path, saved(threshold_model(), tmp_path)))
    [problem] = worker_with_broken_torch.wait_for("error", "result")["problems"]
    assert problem.startswith("PyTorch cannot be loaded (")
    assert reason in problem
    assert problem.endswith("); reinstall it with the module PyTorch Utils and restart Slicer.")
    worker_with_broken_torch.send(request="release")
    assert worker_with_broken_torch.wait_for("status", "error")["event"] == "status"


def test_a_late_cancel_stops_no_other_request(tmp_path: Path, inside: tuple[Script, Callable[[], Event]]) -> None:
    script, next_event = inside
    request = _request(tmp_path, saved(threshold_model(), tmp_path))
    script.send(**{**request, "id": "first"})
    assert _end_of("first", next_event)["event"] == "result"
    script.send(request="cancel", id="first")
    script.send(request="cancel", id="never sent")
    script.send(request="cancel")
    script.send(**{**request, "id": "second"})
    assert _end_of("second", next_event)["event"] == "result"


def test_an_id_names_one_request_only(tmp_path: Path, inside: tuple[Script, Callable[[], Event]]) -> None:
    script, next_event = inside
    script.send(request="release", id="7")
    assert _end_of("7", next_event)["event"] == "status"
    script.send(request="release", id=7)
    error = _end_of("7", next_event)
    assert error["problems"] == ["The id '7' was used before; give every request its own."]


def test_a_waiting_request_is_cancelled_at_once(
    tmp_path: Path, inside: tuple[Script, Callable[[], Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    script, next_event = inside
    go_on = threading.Event()
    monkeypatch.setattr("tumorseg.worker.check_case", lambda *_: go_on.wait(60) and [])
    request = _request(tmp_path, saved(threshold_model(), tmp_path))
    script.send(**{**request, "id": "running", "request": "check"})
    script.send(**{**request, "id": "waiting"})
    script.send(request="cancel", id="waiting")
    error = next_event()
    assert (error["id"], error["kind"]) == ("waiting", "cancelled")
    go_on.set()
    assert _end_of("running", next_event)["findings"] == []
    script.send(request="release", id="after")
    assert _end_of("after", next_event)["event"] == "status"


def test_a_cancel_is_heard_while_the_model_loads_and_the_load_is_not_lost(
    tmp_path: Path, inside: tuple[Script, Callable[[], Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    script, next_event = inside
    loads, go_on = [], threading.Event()

    def slow(path: Path) -> Model:
        loads.append(path)
        go_on.wait(60)
        return load_model(path)

    monkeypatch.setattr("tumorseg.model_keeper.open_model", slow)
    request = _request(tmp_path, saved(threshold_model(), tmp_path))
    script.send(**{**request, "id": "unwanted"})
    assert next_event()["stage"] == "load"
    script.send(request="cancel", id="unwanted")
    assert next_event()["kind"] == "cancelled"
    script.send(**{**request, "id": "wanted"})
    go_on.set()
    assert _end_of("wanted", next_event)["event"] == "result"
    assert len(loads) == 1


@pytest.mark.parametrize("stage", ["load", "check", "prepare", "predict", "finish"])
def test_a_cancel_is_heard_in_every_stage(
    tmp_path: Path, inside: tuple[Script, Callable[[], Event]], monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    script, next_event = inside
    check = Inbox.check

    def check_after_the_cancel(inbox: Inbox) -> None:
        if reached.is_set():
            heard.wait(60)
        check(inbox)

    reached, heard = threading.Event(), threading.Event()
    monkeypatch.setattr(Inbox, "check", check_after_the_cancel)
    send = Worker._send

    def send_and_note(worker: Worker, kind: str, request: Event, /, **values: Any) -> None:
        send(worker, kind, request, **values)
        if values.get("stage") == stage:
            reached.set()

    monkeypatch.setattr(Worker, "_send", send_and_note)
    script.send(**_request(tmp_path, saved(threshold_model(), tmp_path), id="x"))
    while next_event()["stage"] != stage:
        pass
    script.send(request="cancel", id="x")
    script.send(request="dance", id="x")  # refused at once: what came before it has been read
    assert "was used before" in next_event()["problems"][0]
    heard.set()
    assert _end_of("x", next_event)["kind"] == "cancelled"
    assert not (tmp_path / "labels.npy").exists()


def test_what_is_still_queued_when_the_parent_goes_away_is_not_run(tmp_path: Path) -> None:
    worker = Worker(StringIO())
    worker.inbox.read(["", json.dumps(_request(tmp_path, saved(threshold_model(), tmp_path)))])
    worker.run(StringIO())
    assert not (tmp_path / "labels.npy").exists()


def test_a_parent_that_closes_only_the_events_ends_the_worker() -> None:
    class Closed(StringIO):
        def write(self, line: str) -> int:
            raise BrokenPipeError

    script = Script()
    script.send(request="status")
    Worker(Closed()).run(script)  # returns though nobody says that the requests have ended


def test_a_lost_parent_does_not_wait_for_a_long_computation(tmp_path: Path) -> None:
    script = tmp_path / "hang.py"
    script.write_text(
        "import time, tumorseg.worker as w\n"
        "def hang(*_):\n"
        "    print('hanging', file=w.sys.stderr, flush=True)\n"
        "    time.sleep(600)\n"
        "w.check_case = hang\n"
        "w.EXIT_SECONDS = 0.2\n"
        "w.main()\n",
        encoding="utf-8",
    )
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        request = _request(tmp_path, saved(threshold_model(), tmp_path), request="check")
        print(json.dumps(request), file=process.stdin, flush=True)
        try:
            assert process.stderr.readline() == "hanging\n"  # only now does the parent go away
            process.stdin.close()
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()


>>>>>>> benchmark
def test_check_needs_no_network(
    tmp_path: Path, inside: tuple[Script, Callable[[], Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    script, next_event = inside
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it now fails
    script.send(**worker_request(tmp_path, saved(threshold_model(), tmp_path), request="check"))
    assert next_event()["event"] == "result"


def test_warm_loads_the_model_before_the_first_run(tmp_path: Path, inside: tuple[Script, Callable[[], Event]]) -> None:
    script, next_event = inside
    script.send(request="warm", model=str(saved(threshold_model(), tmp_path)), device="cpu")
    status = next_event()
    assert (status["event"], status["model"], status["device"]) == ("status", "threshold", "cpu")
    assert (status["reason"], status["torch"]) == ("The CPU was asked for.", torch.__version__)
    assert status["cuda"] == torch.cuda.is_available()
    script.send(request="warm", model="best")
    assert next_event()["kind"] == "model"


def test_voxels_of_any_type_give_the_same_result(tmp_path: Path, inside: tuple[Script, Callable[[], Event]]) -> None:
    """The parent writes what it has, such as the whole numbers of DICOM; the engine computes with float32."""
    script, next_event = inside
    model = saved(threshold_model(), tmp_path)
    whole = {
        name: replace(volume, array=np.rint(volume.array).astype(np.float32)) for name, volume in small_case().items()
    }
    results = []
    for dtype in (np.float32, np.int16):
        case = {name: replace(volume, array=volume.array.astype(dtype)) for name, volume in whole.items()}
        script.send(**worker_request(tmp_path, model, case, id=dtype.__name__))
        event = end_of(dtype.__name__, next_event)
        assert event["event"] == "result", event
        results.append((np.load(tmp_path / event["labels"]), np.load(tmp_path / event["uncertainty"])))
    assert results[0][0].any()
    for expected, found in zip(*results, strict=True):
        np.testing.assert_array_equal(found, expected)
