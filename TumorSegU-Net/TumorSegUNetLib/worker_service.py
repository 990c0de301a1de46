"""One warm worker process for all requests: started when needed, replaced when it dies, ended when it idles.

Every request is a conversation with an id of its own. The owner polls its conversations; nothing here ever waits for
the worker except ``shutdown`` and ``release``, and those only for moments.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from .conversation import CANCELLED, Conversation
from .worker_client import Event, WorkerClient

IDLE_SECONDS = 300.0
"""Without a request for this long, the process ends: only that gives back all memory of a GPU."""

CANCEL_GRACE_SECONDS = 10.0
"""A worker hears a cancel within one tile; one that does not answer for this long is replaced."""

SHUTDOWN_GRACE_SECONDS = 1.0

WATCH_SECONDS = 0.05
"""How often a cancelled request that nobody polls any more is looked after."""


class WorkerService:
    """Keeps at most one worker process; can be used from one thread, its own timers are taken care of.

    Args:
        command: command line of the worker; the engine's own by default.
        idleSeconds: the process ends after this time without a request.
        cancelGrace: seconds after which a worker that does not answer a cancel is killed, with its children.
    """

    def __init__(
        self,
        command: Sequence[str] | None = None,
        idleSeconds: float = IDLE_SECONDS,
        cancelGrace: float = CANCEL_GRACE_SECONDS,
    ) -> None:
        self._command = command
        self._idleSeconds = idleSeconds
        self._cancelGrace = cancelGrace
        self._lock = threading.RLock()
        self._client: WorkerClient | None = None
        self._open: dict[str, Conversation] = {}
        self._numbers = itertools.count(1)
        self._idleTimer: threading.Timer | None = None

    @property
    def processId(self) -> int | None:
        """Of the worker; None when there is none."""
        client = self._client
        return client.processId if client is not None and client.running else None

    def ask(self, message: Mapping[str, Any]) -> Conversation:
        """Send a request and return at once; a worker is started when there is none.

        Args:
            message: the request without its id.

        Raises:
            OSError: the process cannot be started.
        """
        with self._lock:
            self._pump()
            self._startIdling()
            identifier = str(next(self._numbers))
            conversation = Conversation(self, {**message, "id": identifier})
            self._running().send(conversation.message)
            self._open[identifier] = conversation
        return conversation

    def update(self) -> None:
        """Hand the events that have arrived to their conversations; called by their ``poll``."""
        with self._lock:
            self._pump()

    def cancel(self, conversation: Conversation) -> None:
        """Ask the worker to end a request, and see to it that it does; called by ``Conversation.cancel``."""
        with self._lock:
            if self._client is not None and conversation.identifier in self._open:
                self._client.cancel(conversation.identifier)
                threading.Thread(target=self._seeOff, args=(conversation,), daemon=True).start()

    def release(self) -> bool:
        """End the process if it has nothing to do. Returns whether there is none now."""
        with self._lock:
            self._pump()
            if self._open:
                return False
            client, self._client = self._client, None
            self._stopIdling()
        if client is not None:
            client.stop()
        return True

    def shutdown(self) -> None:
        """End the process now, whatever it is doing; its requests end as cancelled."""
        with self._lock:
            client, self._client = self._client, None
            self._stopIdling()
            cancelled = list(self._open.values())
        if client is not None:  # before the files of its requests are deleted
            client.stop(SHUTDOWN_GRACE_SECONDS)
        with self._lock:
            for conversation in cancelled:
                self._end(conversation, CANCELLED)

    def _running(self) -> WorkerClient:
        if self._client is None:
            self._client = WorkerClient(self._command)
        return self._client

    def _pump(self) -> None:
        client = self._client
        for event in client.poll() if client is not None else []:
            if event.get("ended"):
                self._onDeath(client, event)
                return
            conversation = self._open.get(str(event.get("id")))
            # Events of nobody are garbage, or the answer to a request of ours that the worker could not read.
            if conversation is not None:
                self._hand(conversation, event)

    def _hand(self, conversation: Conversation, event: Event) -> None:
        if event["event"] == "progress":
            conversation.take(event)
        else:
            self._end(conversation, event)

    def _onDeath(self, client: WorkerClient, event: Event) -> None:
        """The request that was being worked on fails; those that waited go to a new process."""
        client.stop(grace=0.0)  # its children may have outlived it
        self._client = None
        victim = next(iter(self._open.values()), None)
        if victim is not None:
            self._end(victim, {**event, "details": client.details})
        self._sendAgain()

    def _sendAgain(self) -> None:
        for conversation in list(self._open.values()):
            try:
                self._running().send(conversation.message)
            except OSError as error:
                self._end(conversation, {"event": "error", "kind": "internal", "problems": [f"{error}."]})

    def _end(self, conversation: Conversation, event: Event) -> None:
        self._open.pop(conversation.identifier, None)
        details = self._client.details if self._client is not None else ""
        conversation.finish({"details": details, **event})
        if not self._open and self._client is not None:
            self._startIdling()

    def _seeOff(self, conversation: Conversation) -> None:
        """Wait for the end of a cancelled request; replace the worker when it takes too long."""
        deadline = time.monotonic() + self._cancelGrace
        while not conversation.over and time.monotonic() < deadline:
            time.sleep(WATCH_SECONDS)
            self.update()
        with self._lock:
            client = self._client
            if conversation.over or client is None:
                return
            client.stop(grace=0.0)
            self._client = None
            self._end(conversation, CANCELLED)
            self._sendAgain()

    def _startIdling(self) -> None:
        self._stopIdling()
        self._idleTimer = threading.Timer(self._idleSeconds, self._onIdle)
        self._idleTimer.daemon = True
        self._idleTimer.start()

    def _onIdle(self) -> None:
        """Nobody may have polled the last answer: a warm-up, a question that was given up."""
        if not self.release():
            with self._lock:
                self._startIdling()

    def _stopIdling(self) -> None:
        if self._idleTimer is not None:
            self._idleTimer.cancel()
            self._idleTimer = None
