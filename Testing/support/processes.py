"""Looking after child processes in tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def gone(process_id: int, seconds: float = 10.0) -> bool:
    """Whether a process ends within some seconds; zombies that only wait for their parent count as gone."""
    return comes_true(lambda: not _alive(process_id), seconds)


def comes_true(condition: Callable[[], object], seconds: float = 20.0) -> bool:
    """Whether a condition is met within some seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _alive(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
