"""Files from a path or from the web: https only, limited in size, with their SHA-256."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import unquote, urlsplit

from tumorseg.errors import ModelError

MAX_BYTES = 4_000_000_000
TIMEOUT_S = 30.0
"""Of silence, not of the whole transfer."""

Transfer = Callable[[int, "int | None"], None]
"""Is told the bytes so far and in all (None when the server does not say); may raise to stop."""

_CHUNK = 1 << 18
_THIS_COMPUTER = {"localhost", "127.0.0.1", "::1"}


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
def _opened(source: str) -> Iterator[tuple[BinaryIO, int | None]]:
    """The bytes of a source and their number, if known."""
    if not is_url(source):
        with _opened_file(source) as stream:
            yield stream, os.fstat(stream.fileno()).st_size
        return
    _refuse_unsafe(source)
    try:
        answer = urllib.request.build_opener(_SafeRedirects).open(source, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        raise ModelError(f"{source} cannot be downloaded: the server answers {error.code} {error.reason}.") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _failed(source, error) from error
    with answer:
        length = answer.headers.get("Content-Length", "")
        yield cast(BinaryIO, answer), int(length) if length.isdigit() else None


def _opened_file(source: str) -> BinaryIO:
    path = Path(source)
    if not path.is_file():
        raise ModelError(f"The model file {source} does not exist; check the path.")
    try:
        return path.open("rb")
    except OSError as error:
        raise _failed(source, error) from error


def _chunks(source: str, stream: BinaryIO) -> Iterator[bytes]:
    while True:
        try:
            chunk = stream.read(_CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise _failed(source, error) from error
        if not chunk:
            return
        yield chunk


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never to an address that could not have been given."""

    def redirect_request(self, *arguments: Any) -> urllib.request.Request | None:
        """Called with the request, its answer and, last, the new address."""
        _refuse_unsafe(arguments[-1])
        return super().redirect_request(*arguments)


def _refuse_unsafe(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_COMPUTER):
        return
    raise ModelError(f"{url} is not an https address; models are only downloaded over https.")


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
