"""Libraries written in C print to the process's own stderr, past Python."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep away what the MetaImage library prints about a damaged file; the user gets our sentence."""
    with _lock, open(os.devnull, "wb") as sink:
        try:
            saved = os.dup(2)
        except OSError:  # a program without a console, as Slicer on Windows
            yield
            return
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
