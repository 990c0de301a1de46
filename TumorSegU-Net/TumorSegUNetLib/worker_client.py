"""The worker process as its parent sees it: requests go in, events come out, and nothing is ever left behind.

A plain child process with pipes and reader threads: the caller asks ``poll()`` from time to time and never waits.
"""

from __future__ import annotations

import contextlib
import json
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .child_process import killTree, pythonCommand, startProcess

Event = dict[str, Any]

KEPT_LOG_LINES = 2000
"""Of what the process prints; enough for any traceback, bounded for a process that never stops printing."""

LAUNCHER_WORDS = "exit abnormally"
"""Slicer's Python is started by a launcher, which turns the death of the real process by a signal into exit code 1 and
these words (they are quoted in github.com/Slicer/SlicerJupyter/issues/29)."""

EXIT_GRACE_SECONDS = 2.0
"""For a process that was asked to end; after that it is killed."""


def defaultCommand() -> list[str]:
    """Command line of the engine's worker."""
    return pythonCommand("tumorseg.worker")


class WorkerClient:
    """One worker process, started on construction.

    Args:
        command: command line; the engine's worker by default.

    Raises:
        OSError: the process cannot be started.
    """

    def __init__(self, command: Sequence[str] | None = None) -> None:
        self._requests: queue.Queue[str | None] = queue.Queue()
        self._events: queue.Queue[Event] = queue.Queue()
        self._log: deque[str] = deque(maxlen=KEPT_LOG_LINES)
        self._stopping = False
        self._process = startProcess(list(command or defaultCommand()))
        _startThread(self._write)
        self._stderrReader = _startThread(self._readStderr)
        self._stdoutReader = _startThread(self._readStdout)

    @property
    def processId(self) -> int:
        """Of the worker itself; it leads its own process group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process.poll() is None

    @property
    def details(self) -> str:
        """The last lines that the process printed beside its events, for a person who wants to know more."""
        return "\n".join(self._log)

    def send(self, request: Mapping[str, Any]) -> None:
        """Hand over a request; never waits, and a process that has gone says so through its event, not here."""
        self._requests.put(json.dumps(request) + "\n")

    def cancel(self, identifier: str) -> None:
        """Ask for the end of one request; its error event of kind ``cancelled`` follows."""
        self.send({"request": "cancel", "id": identifier})

    def poll(self) -> list[Event]:
        """The events that have arrived since the last call; never waits."""
        events = []
        while True:
            try:
                events.append(self._events.get_nowait())
            except queue.Empty:
                return events

    def stop(self, grace: float = EXIT_GRACE_SECONDS) -> None:
        """End the process and everything that it started; waits for at most ``grace`` seconds before it kills.

        Events that have arrived can still be polled; the end itself makes no event.
        """
        self._stopping = True
        self.send({"request": "shutdown"})
        self._requests.put(None)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace)
        killTree(self._process)
        self._process.wait()
        for reader in (self._stdoutReader, self._stderrReader):
            reader.join(EXIT_GRACE_SECONDS)

    def _write(self) -> None:
        # In a thread of its own: a pipe takes a few kilobytes, more waits for the process to read.
        with contextlib.suppress(OSError):
            while (line := self._requests.get()) is not None:
                self._process.stdin.write(line)
                self._process.stdin.flush()
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _readStderr(self) -> None:
        with self._process.stderr as stream:
            for line in stream:
                self._log.append(line.rstrip())

    def _readStdout(self) -> None:
        with self._process.stdout as stream:
            for line in stream:
                self._onLine(line.rstrip())
        self._onEnd()

    def _onLine(self, line: str) -> None:
        """Events are JSON objects with an ``event``; anything else is something that a library printed."""
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if isinstance(event, dict) and "event" in event:
            self._events.put(event)
        elif line:
            self._log.append(line)

    def _onEnd(self) -> None:
        """Nothing more will come; a process that has merely closed its pipe is of no use any more, either."""
        try:
            exitCode = self._process.wait(EXIT_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            killTree(self._process)
            exitCode = self._process.wait()
        self._stderrReader.join(EXIT_GRACE_SECONDS)
        if not self._stopping:
            problems = [self._deathSentence(exitCode)]
            self._events.put({"event": "error", "id": None, "kind": "internal", "problems": problems, "ended": True})

    def _deathSentence(self, exitCode: int) -> str:
        if self._wasKilled(exitCode):
            return (
                "The segmentation process was ended by the system, most likely because memory ran out; "
                "close other programs and try again."
            )
        return (
            f"The segmentation process ended unexpectedly (exit code {exitCode}); "
            "see the details, and try again or choose another device."
        )

    def _wasKilled(self, exitCode: int) -> bool:
        details = self.details
        behindLauncher = LAUNCHER_WORDS in details and "Traceback (most recent call last)" not in details
        return exitCode == -getattr(signal, "SIGKILL", 9) or (exitCode != 0 and behindLauncher)


def _startThread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
