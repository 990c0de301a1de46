"""The worker of a test: a process of its own, or a thread of this one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from support.worker import Event, EventQueue, RunningWorker, Script
from tumorseg.worker import Worker


@pytest.fixture
def worker() -> Iterator[RunningWorker]:
    running = RunningWorker()
    yield running
    running.close()


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
