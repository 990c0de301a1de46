"""Runs, checks and questions in tests: waited for, and what they leave behind."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from support.processes import comes_true
from TumorSegUNetLib.inquiry import Inquiry
from TumorSegUNetLib.run import Run

Polled = TypeVar("Polled", bound="Run | Inquiry")


def finish(run: Polled, seconds: float = 60.0) -> Polled:
    """Poll until the end; fails in words when it does not come."""
    assert comes_true(run.poll, seconds), f"it does not end: {getattr(run, 'progress', '')}"
    return run


def under_way(run: Run) -> Run:
    """Poll until the first progress, or the end."""
    assert comes_true(lambda: run.poll() or run.progress.stage), "it does not begin"
    return run


def run_folders(temporary: Path) -> list[Path]:
    """Folders of runs that are still there."""
    return list(temporary.glob("tumorseg-run-*"))
