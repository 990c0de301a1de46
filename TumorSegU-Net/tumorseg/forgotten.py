"""Temporary folders that nobody removed, because their process was killed, go with a later one."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

FORGOTTEN_SECONDS = 2 * 24 * 3600.0
"""No run and no download takes this long."""


def remove_forgotten(parent: Path, prefix: str) -> None:
    """Remove old folders; what cannot be removed stays.

    Args:
        parent: where the temporary folders are made.
        prefix: of their names, and of nobody else's.
    """
    now = time.time()
    for folder in parent.glob(f"{prefix}*"):
        if _age(folder, now) > FORGOTTEN_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _age(folder: Path, now: float) -> float:
    """Seconds since anything was written into it; 0 for one that has gone or cannot be seen."""
    try:
        return now - folder.lstat().st_mtime
    except OSError:
        return 0.0
