"""The worker in tests: as a process with its pipes, or in this process with a script of requests."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from support.cases import small_case
from tumorseg.volume import Volume

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
            if line.strip():  # the first one is empty
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


def end_of(identifier: str, next_event: Callable[[], Event]) -> Event:
    """The event that ends a request; nothing but its own progress may come before."""
    while (event := next_event())["event"] == "progress":
        assert event["id"] == identifier
    assert event["id"] == identifier
    return event


def worker_request(folder: Path, model: Path, case: dict[str, Volume] | None = None, **changes: Any) -> dict[str, Any]:
    """Write a case into a folder; the request to segment it, with changes."""
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
