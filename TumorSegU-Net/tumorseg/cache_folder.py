"""Where the engine keeps what can be made again."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

FOLDER_VARIABLE = "TUMORSEG_CACHE"
"""Environment variable with the folder; it can be deleted at any time."""


def cache_folder() -> Path | None:
    """``TUMORSEG_CACHE`` or ``~/.tumorseg/cache``; need not exist. None for an account without a home folder."""
    named = os.environ.get(FOLDER_VARIABLE)
    try:
        return Path(named).expanduser() if named else Path.home() / ".tumorseg" / "cache"
    except RuntimeError:
        return None


def drop_oldest(folder: Path, kept_bytes: int) -> None:
    """Delete the files of a folder that were not used for longest, until the others have at most so many bytes.

    A file that cannot be deleted stays; one that another process deletes meanwhile is no error.
    """
    used: list[tuple[float, int, Path]] = []
    for path in folder.iterdir():
        with suppress(OSError):
            facts = path.stat()
            used.append((max(facts.st_atime, facts.st_mtime), facts.st_size, path))
    total = 0
    for _, size, path in sorted(used, reverse=True):
        total += size
        if total > kept_bytes:
            with suppress(OSError):
                path.unlink()
