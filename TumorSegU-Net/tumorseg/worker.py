"""The worker process: requests on stdin, events on stdout, one JSON object per line; arrays travel as ``.npy`` files.

3D Slicer starts ``python -m tumorseg.worker`` and never imports torch itself. The last model stays loaded, a cancel
is answered within one tile, and the process ends when its parent goes away (end of stdin). What needs torch is
imported by the requests that need it, so that a PyTorch that cannot be loaded is an error event in words.

Requests: segment, check, cancel, status, release, shutdown. Events: progress, result, error, status.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from tumorseg import __version__
from tumorseg.errors import BadInputError, CancelledError, TumorSegError
from tumorseg.guard import check_case
from tumorseg.modelfile import Model, load_model, read_spec
from tumorseg.modelstore import find_model
from tumorseg.progress import Progress
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Geometry, Volume

if TYPE_CHECKING:
    from tumorseg.pipeline import Result

LABELS_FILE = "labels.npy"
"""Written into the request's folder: labels (z, y, x) uint8 on the grid of the reference volume."""

Message = dict[str, Any]


class Worker:
    """Answers requests one after the other; cancels are heard while one is being worked on."""

    def __init__(self, events: IO[str]) -> None:
        self._events = events
        self._requests: queue.Queue[Message | None] = queue.Queue()
        self._cancelled: set[str] = set()
        self._closing = threading.Event()
        self._model: tuple[Path, float, Model] | None = None

    def run(self, requests: IO[str]) -> None:
        """Work until ``shutdown`` or the end of the requests."""
        threading.Thread(target=self._read, args=(requests,), daemon=True).start()
        while (request := self._requests.get()) is not None:
            self._answer(request)

    def _read(self, requests: IO[str]) -> None:
        """Queue requests; note cancels at once. The end of the stream stops a run that is under way, too."""
        for line in requests:
            request = _parse(line)
            if request.get("request") == "cancel":
                self._cancelled.add(str(request.get("id")))
            elif request.get("request") == "shutdown":
                break
            else:
                self._requests.put(request)
        self._closing.set()
        self._requests.put(None)

    def _answer(self, request: Message) -> None:
        handlers = {
            "segment": self._segment,
            "check": self._check,
            "status": self._status,
            "release": self._release,
        }
        identifier = str(request.get("id", ""))
        try:
            handler = handlers.get(str(request.get("request")))
            if handler is None:
                raise BadInputError(f"The worker does not know the request {request.get('request')!r}.")
            handler(request)
        except TumorSegError as error:
            self._send({"event": "error", "id": identifier, "kind": error.kind, "problems": list(error.problems)})
        except Exception as error:  # the process must survive whatever a run does; the details go to stderr
            traceback.print_exc(file=sys.stderr)
            problem = f"The segmentation stopped with an unexpected error ({type(error).__name__}: {error})."
            self._send({"event": "error", "id": identifier, "kind": "internal", "problems": [problem]})
        finally:
            self._cancelled.discard(identifier)

    def _segment(self, request: Message) -> None:
        identifier, folder = str(request["id"]), Path(request["folder"])
        model = self._load(request.get("model"))
        from tumorseg.pipeline import Options, reference_sequence, segment

        options = Options(device=request.get("device") or "auto", tta=bool(request.get("tta")))
        result = segment(read_volumes(request), model, options, lambda progress: self._progress(identifier, progress))
        np.save(folder / LABELS_FILE, result.labels)
        self._send(_result_event(identifier, result, reference_sequence(model)))

    def _check(self, request: Message) -> None:
        required = read_spec(find_model(request.get("model"))).channels
        found = [asdict(finding) for finding in check_case(read_volumes(request), required)]
        self._send({"event": "result", "id": str(request.get("id", "")), "findings": found})

    def _status(self, request: Message) -> None:
        loaded = self._model[2].spec.name if self._model else None
        self._send({"event": "status", "id": request.get("id"), "engine": __version__, "model": loaded})

    def _release(self, request: Message) -> None:
        """Let go of the model and of the GPU's memory."""
        if self._model is not None:
            import torch

            self._model = None
            torch.cuda.empty_cache()  # does nothing where there is no CUDA
        self._status(request)

    def _load(self, name: str | None) -> Model:
        """The model, kept from the last run if its file has not changed."""
        _require_torch()
        path = find_model(name)
        changed = path.stat().st_mtime
        if self._model is None or self._model[:2] != (path, changed):
            self._model = (path, changed, load_model(path))
        return self._model[2]

    def _progress(self, identifier: str, progress: Progress) -> None:
        if self._closing.is_set() or identifier in self._cancelled:
            raise CancelledError
        self._send({"event": "progress", "id": identifier, **asdict(progress)})

    def _send(self, event: Message) -> None:
        self._events.write(json.dumps(event) + "\n")
        self._events.flush()


def _require_torch() -> None:
    try:
        import torch.nn  # noqa: F401 - a left-over folder can be imported as torch, but holds nothing
    except (ImportError, OSError) as error:
        traceback.print_exc(file=sys.stderr)
        raise TumorSegError(
            f"PyTorch cannot be loaded ({error}); reinstall it with the module PyTorch Utils and restart Slicer."
        ) from error


def read_volumes(request: Message) -> dict[str, Volume]:
    """The volumes of a request, memory-mapped from its folder.

    Raises:
        BadInputError: an entry or file that cannot be used.
    """
    folder = Path(request["folder"])
    return {name: _volume(folder, name, entry) for name, entry in request["volumes"].items()}


def _volume(folder: Path, sequence: str, entry: Mapping[str, Any]) -> Volume:
    if sequence not in SEQUENCES:
        raise BadInputError(f"The worker does not know the sequence {sequence!r}; use {', '.join(SEQUENCES)}.")
    try:
        array = np.load(folder / entry["file"], mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BadInputError(f"The worker cannot read the voxels of {entry.get('name', sequence)}: {error}.") from error
    origin, spacing, direction = (tuple(map(float, entry[key])) for key in ("origin", "spacing", "direction"))
    geometry = Geometry(array.shape, origin, spacing, direction)  # type: ignore[arg-type]
    return Volume(array.astype(np.float32, copy=False), geometry, entry["name"], dict(entry.get("provenance", {})))


def _result_event(identifier: str, result: Result, reference: str) -> Message:
    from tumorseg.report import report_document

    return {
        "event": "result",
        "id": identifier,
        "labels": LABELS_FILE,
        "reference": reference,
        **report_document(result),
    }


def _parse(line: str) -> Message:
    """A line as a request; something else becomes a request that is answered with an error."""
    try:
        request = json.loads(line)
    except ValueError:
        return {"request": line.strip()[:80]}
    return request if isinstance(request, dict) else {"request": str(request)[:80]}


def main() -> None:
    """Serve stdin and stdout; whatever libraries print goes to stderr so that it cannot disturb the events."""
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    Worker(events).run(sys.stdin)


if __name__ == "__main__":
    main()
