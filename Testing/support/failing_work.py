"""Work that fails as asked, in a module that other processes can import."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

from tumorseg.errors import BadInputError


def square(item: int, fails: int, how: str) -> int:
    """The square of a number; one number fails: refuse, full, memory, bug or die."""
    if item == fails and how == "refuse":
        raise BadInputError(["one", "two"])
    if item == fails and how == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    if item == fails and how == "memory":
        raise MemoryError
    if item == fails and how == "bug":
        raise ZeroDivisionError("a bug")
    if item == fails and how == "die":
        os._exit(9)  # as when the system takes the memory back
    return item * item


def wait_long(item: int, folder: Path) -> None:
    """Say who works, then wait."""
    (folder / f"{os.getpid()}.pid").touch()
    time.sleep(60 + item)
