"""Whatever goes wrong in the worker is a sentence, and the worker survives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.models import saved, threshold_model
from support.worker import Event, RunningWorker, Script, end_of, worker_request


@pytest.mark.parametrize(
    ("spoil", "kind", "sentence"),
    [
        (lambda request: request.update(model="best"), "model", "There is no model best"),
        (lambda request: request.update(device="gpu"), "bad-input", "There is no device gpu"),
        (lambda request: request["volumes"]["t1"].update(file="gone.npy"), "bad-input", "cannot read the voxels of t1"),
        (lambda request: request["volumes"].pop("t2"), "bad-input", "T2 is missing"),
        (lambda request: request.update(request="dance"), "bad-input", "does not know the request 'dance'"),
        (lambda request: request.pop("folder"), "bad-input", "needs a folder"),
        (lambda request: request.update(folder="/nowhere"), "bad-input", "'/nowhere' is none"),
        (lambda request: request.update(volumes=[1]), "bad-input", "names no volumes"),
        (lambda request: request["volumes"].update(t1=3), "bad-input", "cannot read the voxels of t1"),
        (lambda request: request["volumes"]["t1"].pop("origin"), "bad-input", "has no 'origin'"),
        (lambda request: request["volumes"]["t1"].update(spacing=[1, 1]), "bad-input", "spacing and direction"),
    ],
)
def test_errors_are_sentences_and_the_worker_survives_them(
    tmp_path: Path,
    inside: tuple[Script, Callable[[], Event]],
    spoil: Callable[[Event], object],
    kind: str,
    sentence: str,
) -> None:
    script, next_event = inside
    request = worker_request(tmp_path, saved(threshold_model(), tmp_path))
    spoil(request)
    script.send(**request)
    error = end_of("1", next_event)
    assert (error["event"], error["kind"]) == ("error", kind)
    assert sentence in " ".join(error["problems"])
    script.send(request="release", id="2")
    assert end_of("2", next_event)["event"] == "status"


def test_an_unexpected_error_is_a_sentence_too(
    tmp_path: Path, inside: tuple[Script, Callable[[], Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    script, next_event = inside
    monkeypatch.setattr("tumorseg.worker.read_volumes", lambda _: 1 / 0)
    script.send(**worker_request(tmp_path, saved(threshold_model(), tmp_path)))
    error = end_of("1", next_event)
    assert (error["event"], error["kind"]) == ("error", "internal")
    assert "unexpected error (ZeroDivisionError" in error["problems"][0]


def _full(*_: object, **__: object) -> None:
    raise OSError("1000 requested and 0 written")  # what numpy says of a full disk


@pytest.mark.parametrize("writer", ["numpy.save", "pathlib.Path.write_text"])
def test_a_temporary_folder_that_fills_up_is_a_sentence(
    tmp_path: Path,
    inside: tuple[Script, Callable[[], Event]],
    monkeypatch: pytest.MonkeyPatch,
    writer: str,
) -> None:
    script, next_event = inside
    request = worker_request(tmp_path, saved(threshold_model(), tmp_path))
    monkeypatch.setattr(writer, _full)
    script.send(**request, report=True)
    error = end_of("1", next_event)
    assert (error["event"], error["kind"]) == ("error", "internal")
    assert error["problems"] == [
        f"The result does not fit into the temporary folder {tmp_path} (1000 requested and 0 written); "
        "free disk space and try again."
    ]


def test_want_of_memory_has_a_kind_of_its_own(
    tmp_path: Path, inside: tuple[Script, Callable[[], Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise MemoryError

    script, next_event = inside
    monkeypatch.setattr("tumorseg.worker.read_volumes", fail)
    script.send(**worker_request(tmp_path, saved(threshold_model(), tmp_path)))
    error = end_of("1", next_event)
    assert (error["event"], error["kind"]) == ("error", "out-of-memory")
    assert error["problems"] == ["There is not enough memory; close other programs and try again."]


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


def test_an_id_names_one_request_only(tmp_path: Path, inside: tuple[Script, Callable[[], Event]]) -> None:
    script, next_event = inside
    script.send(request="release", id="7")
    assert end_of("7", next_event)["event"] == "status"
    script.send(request="release", id=7)
    error = end_of("7", next_event)
    assert error["problems"] == ["The id '7' was used before; give every request its own."]


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


def test_words_without_a_line_end_do_not_spoil_the_first_event(tmp_path: Path) -> None:
    """Whatever is loaded with Python may print before the worker is up."""
    (tmp_path / "sitecustomize.py").write_text("import os; os.write(1, b'hello')", encoding="utf-8")
    running = RunningWorker(first=tmp_path)
    try:
        running.send(request="dance", id="1")
        assert running.process.stdout is not None
        assert running.process.stdout.readline() == "hello\n"
        assert running.wait_for("error")["id"] == "1"
    finally:
        running.close()


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
    worker_with_broken_torch.send(**worker_request(tmp_path, saved(threshold_model(), tmp_path)))
    [problem] = worker_with_broken_torch.wait_for("error", "result")["problems"]
    assert problem.startswith("PyTorch cannot be loaded (")
    assert reason in problem
    assert problem.endswith("); reinstall it with the module PyTorch Utils and restart Slicer.")
    worker_with_broken_torch.send(request="release")
    assert worker_with_broken_torch.wait_for("status", "error")["event"] == "status"
