"""Files that are either written completely or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ENDING = 16
"""Characters at the end of a name that hold its extensions; a name that is as long as allowed has no room for more."""


def link_target(path: Path) -> Path:
    """The file that a symbolic link names, which need not exist; another path as it is."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A short name beside ``path`` to write to; it takes the place of ``path`` at the end.

    It has the same extensions in lower case, since ITK does not write ``.Nii`` and ``.NII.GZ``.

    A link stays: the file that it names is written.

    When the body raises, what it wrote is removed and a file that was at ``path`` before is untouched.

    Raises:
        OSError: the file cannot be written or replaced; it names ``path``, which the user knows.
    """
    target = link_target(path)
    temporary = target.with_name(f".tmp-{secrets.token_hex(4)}-{path.name[-_ENDING:].lower()}")
    try:
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        if str(error.filename) != str(temporary):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
