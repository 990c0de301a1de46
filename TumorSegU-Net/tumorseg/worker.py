"""The worker process: requests on stdin, events on stdout, one JSON object per line; arrays travel as ``.npy`` files.

3D Slicer starts ``python -m tumorseg.worker`` and never imports torch itself. The last model stays loaded, a cancel
is answered within one tile, and the process ends when its parent goes away (end of stdin). What needs torch is
imported by the requests that need it, so that a PyTorch that cannot be loaded is an error event in words.

Requests: segment, check, warm, status, selfcheck, release, cancel, shutdown. Events: progress, result, error, status,
selfcheck. docs/worker.md describes them.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import IO, Any

from tumorseg import __version__
from tumorseg.allocator import keep_freed_memory, return_freed_memory
from tumorseg.errors import BadInputError, OutOfMemoryError, TumorSegError
from tumorseg.guard import OtherGrids, check_case
from tumorseg.model_keeper import ModelKeeper
from tumorseg.modelfile import read_spec
from tumorseg.modelstore import find_model
from tumorseg.program import leave, open_closed_streams
from tumorseg.progress import Progress
from tumorseg.selfcheck import device_facts, self_check
from tumorseg.worker_files import read_mask, read_volumes, result_event
from tumorseg.worker_inbox import Inbox, Message, identifier_of

LOAD_STAGE = "load"
"""Reported before the stages of the run: PyTorch and the model are loaded, or are ready already."""

EXIT_SECONDS = 3.0
"""From the end of stdin to the end of the process, whatever it is doing: a tile on a slow CPU takes longer."""


class Worker:
    """Answers requests one after the other; cancels are heard while one is being worked on."""

    def __init__(self, events: IO[str]) -> None:
        self._events = events
        self._sending = threading.Lock()
        self._models = ModelKeeper()
        self.inbox = Inbox(self._send_error)
        self._handlers: dict[str, Callable[[Message], None]] = {
            "segment": self._segment,
            "check": self._check,
            "warm": self._warm,
            "status": self._status,
            "selfcheck": self._selfcheck,
            "release": self._release,
        }

    def run(self, requests: IO[str]) -> None:
        """Work until ``shutdown`` or the end of the requests; what waits then is dropped."""
        threading.Thread(target=self.inbox.read, args=(requests,), daemon=True).start()
        while (request := self.inbox.take()) is not None:
            self._answer(request)

    def _answer(self, request: Message) -> None:
        """Work on a request; whatever happens, it ends with exactly one event.

        An error is sent when nothing holds the request's files any more: Windows deletes no file that is mapped.
        """
        if (error := self._tried(request)) is not None:
            self._send_error(identifier_of(request), error)

    def _tried(self, request: Message) -> TumorSegError | None:
        """Work on a request. Returns why it failed, without the frames in which it did."""
        try:
            self._handler(request)(request)
        except TumorSegError as error:
            error.__traceback__ = error.__cause__ = error.__context__ = None
            return error
        except MemoryError:
            return OutOfMemoryError()
        except Exception as error:  # the process must survive whatever a run does; the details go to stderr
            traceback.print_exc(file=sys.stderr)
            return TumorSegError(
                f"The segmentation stopped with an unexpected error ({type(error).__name__}: {error})."
            )
        return None

    def _handler(self, request: Message) -> Callable[[Message], None]:
        handler = self._handlers.get(str(request.get("request")))
        if handler is None:
            raise BadInputError(f"The worker does not know the request {request.get('request')!r}.")
        return handler

    def _segment(self, request: Message) -> None:
        event = self._segmented(request)  # lets go of the volumes' files before the client hears of the end
        self.inbox.check()
        self._send("result", request, **event)
        return_freed_memory()

    def _segmented(self, request: Message) -> Message:
        case, mask = read_volumes(request), read_mask(request)
        self._progress(request, Progress(LOAD_STAGE, 0.0))
        model = self._models.get(request.get("model"), self.inbox.check, request.get("device") or "auto")
        self._progress(request, Progress(LOAD_STAGE, 1.0))
        from tumorseg.pipeline import Options, segment

        device, tta = request.get("device") or "auto", bool(request.get("tta"))
        options = Options(device, tta, mask, _registers(request))
        result = segment(case, model, options, lambda progress: self._progress(request, progress))
        return result_event(request, case, result, model)

    def _check(self, request: Message) -> None:
        required = read_spec(find_model(request.get("model"))).channels
        other_grids: OtherGrids = "registered" if _registers(request) else "resampled"
        findings = check_case(read_volumes(request), required, read_mask(request), other_grids)
        self._send("result", request, findings=[asdict(finding) for finding in findings])

    def _warm(self, request: Message) -> None:
        """Load everything that a run needs, so that the first one finds it ready."""
        from tumorseg import pipeline, report_html  # noqa: F401

        self._models.get(request.get("model"), self.inbox.check, request.get("device") or "auto")
        self._status(request)

    def _status(self, request: Message) -> None:
        facts = device_facts(request.get("device") or "auto")
        self._send("status", request, engine=__version__, model=self._models.name, **asdict(facts))

    def _selfcheck(self, request: Message) -> None:
        self._send("selfcheck", request, **asdict(self_check(request.get("device") or "auto")))

    def _release(self, request: Message) -> None:
        self._models.release()
        return_freed_memory()
        self._status(request)

    def _progress(self, request: Message, progress: Progress) -> None:
        self.inbox.check()
        self._send("progress", request, **asdict(progress))

    def _send_error(self, identifier: str | None, error: TumorSegError) -> None:
        self._send("error", {"id": identifier}, kind=error.kind, problems=list(error.problems))

    def _send(self, event: str, request: Message, /, **values: Any) -> None:
        line = json.dumps({"event": event, "id": identifier_of(request), **values})
        try:
            with self._sending:
                self._events.write(f"{line}\n")
                self._events.flush()
        except OSError:  # nobody listens any more
            self.inbox.close()


def _registers(request: Message) -> bool:
    """Whether volumes on other grids than the reference are registered to it."""
    return request.get("register", True) is not False


def _exit_soon_after(closed: threading.Event) -> None:
    """End the process shortly after its requests have ended, even in the middle of a long computation."""
    closed.wait()
    time.sleep(EXIT_SECONDS)
    os._exit(0)


def main() -> None:
    """Serve stdin and stdout; whatever libraries print goes to stderr so that it cannot disturb the events."""
    open_closed_streams()
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    with suppress(OSError):  # nobody listens any more, which the end of the requests will tell
        print(file=events, flush=True)  # ends a line that was begun before, so that it does not spoil the first event
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    requests = os.fdopen(os.dup(sys.stdin.fileno()), "r", encoding="utf-8", errors="replace")
    keep_freed_memory()
    worker = Worker(events)
    threading.Thread(target=_exit_soon_after, args=(worker.inbox.closed,), daemon=True).start()
    worker.run(requests)
    leave(0)  # a thread may still be loading a network, which Python cannot take apart


if __name__ == "__main__":
    main()
