"""Names that ITK can open: in Python on Windows it takes UTF-8 for the code page, so only ASCII names are found.

See ITK's issue 6739. Files with other names are read from, and written to, a temporary copy whose path is ASCII.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tumorseg.errors import BadInputError

_LONGEST = 32768
"""Characters of a path on Windows."""


def needs_copy(path: Path) -> bool:
    """Whether ITK would not find a file under its own name."""
    return sys.platform == "win32" and not str(path).isascii()


def check_copies(path: Path) -> None:
    """Make sure that a file that needs a copy can have one.

    Raises:
        BadInputError: there is no place with an ASCII path.
    """
    if needs_copy(path) and ascii_place() is None:
        raise BadInputError(
            f"{path} cannot be used: on Windows its name and folders, or those of the temporary folder (TEMP), "
            "must have no letters other than a to z; choose another place."
        )


def copy_folder() -> tempfile.TemporaryDirectory[str]:
    """A private temporary folder in which ITK finds files."""
    return tempfile.TemporaryDirectory(dir=ascii_place() if sys.platform == "win32" else None)


@contextmanager
def readable_name(path: Path) -> Iterator[str]:
    """A name under which ITK reads a file: its own, or that of a copy."""
    if not needs_copy(path):
        yield str(path)
        return
    with copy_folder() as folder:
        yield shutil.copyfile(path, _ascii_name(path, folder))


@contextmanager
def writable_name(path: Path) -> Iterator[str]:
    """A name under which ITK writes a file, which is at ``path`` in the end."""
    if not needs_copy(path):
        yield str(path)
        return
    with copy_folder() as folder:
        name = _ascii_name(path, folder)
        yield name
        shutil.copyfile(name, path)


def ascii_place() -> str | None:
    """An existing folder with an ASCII path in which temporary folders can be made, if there is one."""
    return next((place for place in _places() if place and place.isascii() and _usable(place)), None)


def _places() -> Iterator[str]:
    """The temporary folder, which lies below the user's name; its short name; the folder of all users."""
    yield tempfile.gettempdir()
    yield _short_name(tempfile.gettempdir())
    yield os.environ.get("PROGRAMDATA", "")


def _short_name(folder: str) -> str:
    """The name in 8.3 form, as ``MLLER~1``; none where the disk keeps no such names."""
    if sys.platform != "win32":
        return ""
    import ctypes

    buffer = ctypes.create_unicode_buffer(_LONGEST)
    ctypes.windll.kernel32.GetShortPathNameW(folder, buffer, _LONGEST)
    return buffer.value


def _usable(place: str) -> bool:
    try:
        tempfile.TemporaryDirectory(dir=place).cleanup()
    except OSError:
        return False
    return True


def _ascii_name(path: Path, folder: str) -> str:
    """A file in a folder, with the extensions of another one."""
    return os.path.join(folder, "".join(letter if letter.isascii() else "_" for letter in path.name))
