"""Where the engine keeps what can be made again."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER_VARIABLE = "TUMORSEG_CACHE"
"""Environment variable with the folder; it can be deleted at any time."""


def cache_folder() -> Path:
    """``TUMORSEG_CACHE`` or ``~/.tumorseg/cache``; need not exist."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named).expanduser() if named else Path.home() / ".tumorseg" / "cache"
