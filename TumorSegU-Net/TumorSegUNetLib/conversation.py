"""One request to the worker, and what the worker says about it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from .worker_client import Event

CANCELLED: Event = {"event": "error", "kind": "cancelled", "problems": []}
"""Ends a request that the worker will not answer any more."""


class Switchboard(Protocol):
    """What a conversation needs of the service that holds the worker."""

    def update(self) -> None:
        """Take in what the worker has said."""

    def cancel(self, conversation: Conversation) -> None:
        """Have the request ended."""


class Conversation:
    """Events about one request: any number of ``progress``, then exactly one other.

    Args:
        service: hands the events over.
        message: the request, with its id.
    """

    def __init__(self, service: Switchboard, message: Mapping[str, Any]) -> None:
        self.message = message
        self._service = service
        self._events: deque[Event] = deque()
        self._lock = threading.Lock()
        self._over = False
        self._cancelled = False
        self._whenOver: Callable[[], None] | None = None

    @property
    def identifier(self) -> str:
        """Of the request; unlike that of any other one."""
        return str(self.message["id"])

    @property
    def over(self) -> bool:
        """Whether the last event has come."""
        return self._over

    def poll(self) -> list[Event]:
        """The events since the last call; never waits. None come after ``cancel``."""
        self._service.update()
        with self._lock:
            events = [] if self._cancelled else list(self._events)
            self._events.clear()
        return events

    def cancel(self, whenOver: Callable[[], None] | None = None) -> None:
        """Want no answer any more; the worker is asked to stop, and killed if it does not.

        Args:
            whenOver: called once the worker has let go of the request, possibly from another thread.
        """
        with self._lock:
            self._cancelled = True
            if not self._over:
                self._whenOver, whenOver = whenOver, None
        if whenOver is not None:
            whenOver()
        self._service.cancel(self)

    def take(self, event: Event) -> None:
        """Called by the service with an event."""
        with self._lock:
            self._events.append(event)

    def finish(self, event: Event) -> None:
        """Called by the service with the last event."""
        with self._lock:
            self._events.append(event)
            self._over = True
            whenOver, self._whenOver = self._whenOver, None
        if whenOver is not None:
            whenOver()
