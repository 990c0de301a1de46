"""Files from the web: https only, also after a redirect. Importing this costs as much as half the panel does."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from tumorseg.errors import ModelError

TIMEOUT_S = 30.0
"""Of silence, not of the whole transfer."""

_THIS_COMPUTER = {"localhost", "127.0.0.1", "::1"}


class WebStream:
    """The bytes of an answer; whatever goes wrong with reading them is an ``OSError``."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self._answer = answer

    def read(self, size: int) -> bytes:
        """At most so many bytes, as many as are there, waited for if there are none yet; none at the end."""
        try:
            return self._answer.read1(size)
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error


@contextmanager
def open_url(url: str) -> Iterator[tuple[WebStream, int | None]]:
    """The bytes of an address and their number, if the server tells it.

    Raises:
        ModelError: not https (http is allowed from this computer only), or the server answers with an error.
        OSError: the server cannot be reached.
    """
    _refuse_unsafe(url)
    try:
        answer = urllib.request.build_opener(_SafeRedirects).open(url, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        raise ModelError(f"{url} cannot be downloaded: the server answers {error.code} {error.reason}.") from error
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(str(error)) from error
    with answer:
        length = answer.headers.get("Content-Length", "")
        yield WebStream(answer), int(length) if length.isdigit() else None


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
