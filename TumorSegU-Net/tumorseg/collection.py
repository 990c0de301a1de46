"""Python's search for garbage, put off while modules are imported: they stay, and looking at them takes its time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """Look for no garbage in the body, and never again among what it leaves."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
