"""Work in a thread that never keeps the process alive, as those of an executor do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Outcome = TypeVar("Outcome")


def in_background(work: Callable[[], Outcome]) -> Future[Outcome]:
    """Start work; its result, or what it raises, is in the future."""
    future: Future[Outcome] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # whoever waits for the future gets it
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
