"""Private temporary folders; those of a session that crashed hold images of patients and are removed by a later one."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from tumorseg.forgotten import remove_forgotten

RUN_PREFIX = "tumorseg-run-"
REPORT_PREFIX = "tumorseg-report-"


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
