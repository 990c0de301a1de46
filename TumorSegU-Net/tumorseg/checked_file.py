"""Files that are read only when they are as they were written: whole, and with their SHA-256 in front."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tumorseg.atomic import atomic_path

_DIGEST_BYTES = hashlib.sha256().digest_size


def write_checked(path: Path, content: bytes) -> None:
    """Write a file at once; several processes may write the same one at the same time.

    Raises:
        OSError: it cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(hashlib.sha256(content).digest() + content)


def read_checked(path: Path) -> bytes | None:
    """The content of a file; None where there is none, or where it was damaged since it was written."""
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    digest, content = stored[:_DIGEST_BYTES], stored[_DIGEST_BYTES:]
    return content if hashlib.sha256(content).digest() == digest else None
