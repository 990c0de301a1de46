"""Private temporary folders; those of a session that crashed hold images of patients and are removed by a later one."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from tumorseg.forgotten import remove_forgotten

RUN_PREFIX = "tumorseg-run-"
REPORT_PREFIX = "tumorseg-report-"

_left: set[Path] = set()
"""Files and folders with patients' volumes that could not be deleted yet."""


def remove(path: Path) -> None:
    """Delete a file or a folder; if the system does not let go of it yet, with a later one, at the latest at exit."""
    _left.add(path)
    _removeLeft()


def _removeLeft() -> None:
    for path in sorted(_left):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()
        if not path.exists():
            _left.discard(path)


atexit.register(_removeLeft)


@cache
def removeForgotten(parent: Path) -> None:
    """Remove our old folders, once per session.

    Args:
        parent: where temporary folders are made.
    """
    for prefix in (RUN_PREFIX, REPORT_PREFIX):
        remove_forgotten(parent, prefix)


def temporaryParent() -> Path:
    """Where temporary folders are made."""
    return Path(tempfile.gettempdir())
