"""Private temporary folders; those of a session that crashed hold images of patients and are removed by a later one."""

from __future__ import annotations

import shutil
import tempfile
import time
from functools import cache
from pathlib import Path

RUN_PREFIX = "tumorseg-run-"
REPORT_PREFIX = "tumorseg-report-"

FORGOTTEN_SECONDS = 2 * 24 * 3600.0
"""No run takes this long; a report that another session still has is written again when it is opened."""


@cache
def removeForgotten(parent: Path) -> None:
    """Remove our old folders, once per session.

    Args:
        parent: where temporary folders are made.
    """
    now = time.time()
    for prefix in (RUN_PREFIX, REPORT_PREFIX):
        for folder in parent.glob(f"{prefix}*"):
            if _age(folder, now) > FORGOTTEN_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def temporaryParent() -> Path:
    """Where temporary folders are made."""
    return Path(tempfile.gettempdir())


def _age(folder: Path, now: float) -> float:
    """Seconds since anything was written into it; 0 for one that has gone or cannot be seen."""
    try:
        return now - folder.lstat().st_mtime
    except OSError:
        return 0.0
