"""Files from a path or from the web: https only, limited in size, with their SHA-256.

What the web needs is in ``tumorseg.web`` and imported when something comes from there: a list of models needs it not.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from tumorseg.errors import ModelError

MAX_BYTES = 4_000_000_000
Transfer = Callable[[int, "int | None"], None]
"""Is told the bytes so far and in all (None when the server does not say); may raise to stop."""

_CHUNK = 1 << 18


class _Readable(Protocol):
    """A file, or an answer from the web."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


def is_url(source: str) -> bool:
    """Whether a source is an address on the web; ``C:/x`` is a path."""
    return "://" in source


def file_name(source: str) -> str:
    """The last part of a path or of an address."""
    return Path(unquote(urlsplit(source).path) if is_url(source) else source).name


def fetch(source: str, target: Path, progress: Transfer | None = None, max_bytes: int = MAX_BYTES) -> str:
    """Copy a file or download it.

    Args:
        source: a path, or an https address; http is allowed from this computer only, also after a redirect.
        target: where to write; what is there after an error is the caller's to remove.
        progress: see ``Transfer``.
        max_bytes: more is refused.

    Returns:
        Hexadecimal SHA-256 of the bytes.

    Raises:
        ModelError: one sentence on why it could not be had.
    """
    with _opened(source) as (stream, size), target.open("wb") as output:
        digest, received = hashlib.sha256(), 0
        for chunk in _chunks(source, stream):
            received += len(chunk)
            if max(received, size or 0) > max_bytes:
                raise ModelError(f"{source} is larger than {max_bytes / 1e9:.3g} GB, too large for a model.")
            digest.update(chunk)
            output.write(chunk)
            if progress:
                progress(received, size)
    if size is not None and received != size:
        raise ModelError(f"{source} ended after {received} of {size} bytes; try again.")
    return digest.hexdigest()


@contextmanager
def _opened(source: str) -> Iterator[tuple[_Readable, int | None]]:
    """The bytes of a source and their number, if known."""
    if not is_url(source):
        with _opened_file(source) as stream:
            yield stream, os.fstat(stream.fileno()).st_size
        return
    from tumorseg.web import open_url

    with ExitStack() as opened:
        try:
            answer = opened.enter_context(open_url(source))
        except OSError as error:
            raise _failed(source, error) from error
        yield answer


def _opened_file(source: str) -> BinaryIO:
    path = Path(source)
    if not path.is_file():
        raise ModelError(f"The model file {source} does not exist; check the path.")
    try:
        return path.open("rb")
    except OSError as error:
        raise _failed(source, error) from error


def _chunks(source: str, stream: _Readable) -> Iterator[bytes]:
    while True:
        try:
            chunk = stream.read(_CHUNK)
        except OSError as error:
            raise _failed(source, error) from error
        if not chunk:
            return
        yield chunk


def _failed(source: str, error: Exception) -> ModelError:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    if not is_url(source):
        return ModelError(
            f"The model file {source} cannot be read ({reason}); check its access rights, or copy it again."
        )
    return ModelError(
        f"{source} cannot be downloaded ({reason}); check the address and the network, "
        "or download it elsewhere and install the file."
    )
