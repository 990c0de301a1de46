"""The model that stays loaded between runs; whoever waits for it can be cancelled."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path

from tumorseg.modelfile import Model, open_model
from tumorseg.modelstore import find_model
from tumorseg.predictor import prepare

POLL_SECONDS = 0.05
"""How often a wait asks whether it is still wanted."""


class ModelKeeper:
    """Loads one model at a time and makes it ready to run, in a thread: that takes seconds and cannot be interrupted.

    A load that nobody waits for any more goes on, and the next run finds the model ready.
    """

    def __init__(self) -> None:
        self._key: tuple[Path, int] | None = None
        self._loading: Future[Model] | None = None

    def get(self, name: str | None, check: Callable[[], None]) -> Model:
        """The model of a name or path; loaded unless it is the last one and its file has not changed.

        Args:
            name: as ``find_model`` takes it.
            check: called while waiting; raises to stop that.

        Raises:
            TumorSegError: PyTorch or the model cannot be loaded; or whatever ``check`` raises.
        """
        path = find_model(name)
        key = (path, path.stat().st_mtime_ns)
        if self._loading is None or key != self._key or _failed(self._loading):
            self._key, self._loading = key, _in_thread(lambda: _load(path))
        while not wait([self._loading], POLL_SECONDS).done:
            check()
        check()
        return self._loading.result()

    @property
    def name(self) -> str | None:
        """Of the model that is loaded."""
        future = self._loading
        return future.result().spec.name if future and future.done() and not _failed(future) else None

    def release(self) -> None:
        """Let go of the model, and of the GPU's memory."""
        self._key = self._loading = None
        if "torch" in sys.modules:
            sys.modules["torch"].cuda.empty_cache()  # does nothing where there is no CUDA


def _load(path: Path) -> Model:
    model = open_model(path)
    prepare(model)
    return model


def _failed(future: Future[Model]) -> bool:
    return future.done() and future.exception() is not None


def _in_thread(work: Callable[[], Model]) -> Future[Model]:
    """Start work in a thread that never keeps the process alive (those of an executor do)."""
    future: Future[Model] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # whoever waits for the future gets it
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
