"""Timers: one that waits until things are quiet, one that repeats."""

from __future__ import annotations

from collections.abc import Callable

import qt


def delayed(milliseconds: int, action: Callable[[], None]) -> qt.QTimer:
    """A timer that acts once, so long after it was last started."""
    timer = repeating(milliseconds, action)
    timer.setSingleShot(True)
    return timer


def repeating(milliseconds: int, action: Callable[[], None]) -> qt.QTimer:
    """A timer that acts again and again while it is started."""
    timer = qt.QTimer()
    timer.setInterval(milliseconds)
    timer.connect("timeout()", action)
    return timer
