"""A cancel ends its own request, soon, in whatever stage it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.models import random_model, saved, threshold_model
from support.worker import Event, RunningWorker, Script, end_of, worker_request
from tumorseg.modelfile import Model, load_model
from tumorseg.worker import Worker
from tumorseg.worker_inbox import Inbox


def test_a_cancel_is_answered_within_one_tile_and_the_worker_goes_on(tmp_path: Path, worker: RunningWorker) -> None:
    worker.send(**worker_request(tmp_path, saved(random_model(), tmp_path), tta=True))
    while worker.wait_for("progress")["stage"] != "predict":
        pass
    worker.send(request="cancel", id="1")
    sent = time.monotonic()
    error = worker.wait_for("error", "result")
    assert (error["event"], error["kind"]) == ("error", "cancelled")
    assert time.monotonic() - sent < 5  # a tile of this model takes milliseconds
    assert not (tmp_path / "labels.npy").exists()
    worker.send(**worker_request(tmp_path, saved(threshold_model(), tmp_path), id="2"))
    assert worker.wait_for("result", "error")["event"] == "result"


def test_a_late_cancel_stops_no_otherworker_request(tmp_path: Path, inside: tuple[Script, Callable[[], Event]]) -> None:
    script, next_event = inside
    request = worker_request(tmp_path, saved(threshold_model(), tmp_path))
    script.send(**{**request, "id": "first"})
    assert end_of("first", next_event)["event"] == "result"
    script.send(request="cancel", id="first")
    script.send(request="cancel", id="never sent")
    script.send(request="cancel")
    script.send(**{**request, "id": "second"})
    assert end_of("second", next_event)["event"] == "result"


def test_a_waiting_request_is_cancelled_at_once(
    tmp_path: Path, inside: tuple[Script, Callable[[], Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    script, next_event = inside
    go_on = threading.Event()
    monkeypatch.setattr("tumorseg.worker.check_case", lambda *_, **__: go_on.wait(60) and [])
    request = worker_request(tmp_path, saved(threshold_model(), tmp_path))
    script.send(**{**request, "id": "running", "request": "check"})
    script.send(**{**request, "id": "waiting"})
    script.send(request="cancel", id="waiting")
    error = next_event()
    assert (error["id"], error["kind"]) == ("waiting", "cancelled")
    go_on.set()
    assert end_of("running", next_event)["findings"] == []
    script.send(request="release", id="after")
    assert end_of("after", next_event)["event"] == "status"


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
    request = worker_request(tmp_path, saved(threshold_model(), tmp_path))
    script.send(**{**request, "id": "unwanted"})
    assert next_event()["stage"] == "load"
    script.send(request="cancel", id="unwanted")
    assert next_event()["kind"] == "cancelled"
    script.send(**{**request, "id": "wanted"})
    go_on.set()
    assert end_of("wanted", next_event)["event"] == "result"
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
    script.send(**worker_request(tmp_path, saved(threshold_model(), tmp_path), id="x"))
    while next_event()["stage"] != stage:
        pass
    script.send(request="cancel", id="x")
    script.send(request="dance", id="x")  # refused at once: what came before it has been read
    assert "was used before" in next_event()["problems"][0]
    heard.set()
    assert end_of("x", next_event)["kind"] == "cancelled"
    assert not (tmp_path / "labels.npy").exists()
