"""Progress: what the engine reports while it works, and how it learns that the user cancelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

STAGES = ("check", "align", "prepare", "predict", "finish")
"""Stages of a run, in order; each reports fractions from 0 to 1. ``align`` only where a volume lies on another grid."""


@dataclass(frozen=True)
class Progress:
    """One report.

    Attributes:
        stage: one of ``STAGES``.
        fraction: done of this stage, 0-1.
        seconds_left: estimate for the whole run; None before there is one.
        device: where the network runs, once it is known.
    """

    stage: str
    fraction: float
    seconds_left: float | None = None
    device: str | None = None


Report = Callable[[Progress], None]
"""Called with each report; raises ``CancelledError`` to stop the run, which it does within one tile."""


def silent(_: Progress) -> None:
    """A report that goes nowhere."""
