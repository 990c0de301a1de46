"""The requests that wait for the worker: read while it works, one at a time handed out, cancelled by their ids."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from tumorseg.errors import BadInputError, CancelledError, TumorSegError

Message = dict[str, Any]

Answer = Callable[["str | None", TumorSegError], None]
"""Ends the request of an id (None: a line without one) with an error."""

SHOWN_CHARACTERS = 80
"""Of a line that is no request, in the sentence that answers it."""


class Inbox:
    """A queue of requests; one thread fills it with ``read``, another takes from it.

    An id names one request for ever: a cancel ends the request of its id or nothing, however late it comes.

    Args:
        answer: called from the reading thread for lines that will never be taken out.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._changed = threading.Condition()
        self._waiting: deque[Message] = deque()
        self._known: set[str] = set()
        self._current: str | None = None
        self._current_cancelled = False
        self.closed = threading.Event()

    def read(self, lines: Iterable[str]) -> None:
        """Take in lines until ``shutdown`` or their end, which also stops the request that is being worked on."""
        try:
            for line in lines:
                if line.strip() and not self._file(parse(line)):
                    break
        finally:
            self.close()

    def close(self) -> None:
        """Hand out nothing any more."""
        with self._changed:
            self.closed.set()
            self._changed.notify_all()

    def take(self) -> Message | None:
        """The next request, waited for; None when the inbox is closed. The request taken before counts as ended."""
        with self._changed:
            self._current, self._current_cancelled = None, False
            self._changed.wait_for(lambda: self._waiting or self.closed.is_set())
            if self.closed.is_set():
                return None
            request = self._waiting.popleft()
            self._current = identifier_of(request)
            return request

    def check(self) -> None:
        """Raise ``CancelledError`` when the request taken last is not wanted any more."""
        if self.closed.is_set() or self._current_cancelled:
            raise CancelledError

    def _file(self, request: Message) -> bool:
        """Put a line where it belongs; False for the request to end."""
        kind, identifier = request.get("request"), identifier_of(request)
        if kind == "cancel":
            self._cancel(identifier)
        elif kind != "shutdown":
            self._append(request, identifier)
        return kind != "shutdown"

    def _append(self, request: Message, identifier: str | None) -> None:
        if identifier in self._known:
            problem = f"The id {identifier!r} was used before; give every request its own."
            self._answer(identifier, BadInputError(problem))
            return
        if identifier is not None:
            self._known.add(identifier)
        with self._changed:
            self._waiting.append(request)
            self._changed.notify_all()

    def _cancel(self, identifier: str | None) -> None:
        """Note the cancel of the current request; drop a waiting one. Unknown and ended ones need nothing."""
        if identifier is None:
            return
        with self._changed:
            self._current_cancelled |= identifier == self._current
            dropped = [request for request in self._waiting if identifier_of(request) == identifier]
            for request in dropped:
                self._waiting.remove(request)
        if dropped:
            self._answer(identifier, CancelledError())


def identifier_of(request: Message) -> str | None:
    """The id of a request as text; None where it has none."""
    return None if request.get("id") is None else str(request["id"])


def parse(line: str) -> Message:
    """A line as a request; something else becomes a request that is answered with an error."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return {"request": line.strip()[:SHOWN_CHARACTERS]}
    return request if isinstance(request, dict) else {"request": str(request)[:SHOWN_CHARACTERS]}
