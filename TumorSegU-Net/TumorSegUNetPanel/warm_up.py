"""Gets the worker ready before Segment is pressed: PyTorch and the chosen model are loaded in the background."""

from __future__ import annotations

from collections.abc import Callable

from TumorSegUNetLib.dependencies import torchInstalled
from TumorSegUNetLib.logic import TumorSegUNetLogic


class WarmUp:
    """Asks once per worker, model and device; never while the module is not shown, nor without PyTorch.

    Args:
        logic: has the worker.
        onStarted: called when there may be a worker to look after.
    """

    def __init__(self, logic: TumorSegUNetLogic, onStarted: Callable[[], None]) -> None:
        self._logic = logic
        self._onStarted = onStarted
        self._shown = False
        self._ready: tuple[int | None, str | None, str] | None = None

    def show(self) -> None:
        """The module is shown."""
        self._shown = True

    def hide(self) -> None:
        """Another module is shown."""
        self._shown = False

    def follow(self, model: str | None, device: str) -> None:
        """The user has come, or chosen: another model, another device, volumes after the idle worker has ended."""
        if not self._shown or model is None or not torchInstalled():
            return
        worker = self._logic.workerProcessId
        if worker is None or self._ready != (worker, model, device):
            self._logic.warmUp(model, device)
            self._ready = (self._logic.workerProcessId, model, device)
            self._onStarted()
