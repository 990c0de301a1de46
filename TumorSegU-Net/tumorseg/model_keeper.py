"""The model that stays loaded between runs; whoever waits for it can be cancelled."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path

from tumorseg.background import in_background
from tumorseg.collection import without_collection
from tumorseg.modelfile import Model, open_model
from tumorseg.modelstore import find_model
from tumorseg.predictor import prepare
from tumorseg.torch_import import loaded_torch

POLL_SECONDS = 0.05
"""How often a wait asks whether it is still wanted."""


class ModelKeeper:
    """Loads one model at a time and makes it ready to run, in a thread: that takes seconds and cannot be interrupted.

    A load that nobody waits for any more goes on, and the next run finds the model ready.
    """

    def __init__(self) -> None:
        self._key: tuple[Path, int] | None = None
        self._device = ""
        self._loading: Future[Model] | None = None

    def get(self, name: str | None, check: Callable[[], None], device: str = "auto") -> Model:
        """The model of a name or path; loaded unless it is the last one and its file has not changed.

        Args:
            name: as ``find_model`` takes it.
            check: called while waiting; raises to stop that.
            device: for which the model is made ready, unless it is already.

        Raises:
            TumorSegError: PyTorch or the model cannot be loaded; or whatever ``check`` raises.
        """
        path = find_model(name)
        key = (path, path.stat().st_mtime_ns)
        if self._loading is None or key != self._key or _failed(self._loading):
            self._key, self._loading = key, load_in_background(path, device)
        elif device != self._device:
            self._loading = in_background(partial(_made_ready, self._loading, device))
        self._device = device
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
        if torch := loaded_torch():
            torch.cuda.empty_cache()  # does nothing where there is no CUDA


def load_in_background(path: Path, device: str = "auto") -> Future[Model]:
    """Start to load the model of a file, and whatever runs it on a device (as ``choose_device`` takes it)."""
    return in_background(lambda: _load(path, device))


def _load(path: Path, device: str) -> Model:
    with without_collection():
        model = open_model(path)
        prepare(model, device)
    return model


def _made_ready(loading: Future[Model], device: str) -> Model:
    """A model that may still be loading, for one more device."""
    model = loading.result()
    with without_collection():
        prepare(model, device)
    return model


def _failed(future: Future[Model]) -> bool:
    return future.done() and future.exception() is not None
