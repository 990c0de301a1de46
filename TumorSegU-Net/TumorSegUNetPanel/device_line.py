"""Asks the worker where the network would run, which also gets the worker ready, and shows its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tumorseg.errors import TumorSegError
from TumorSegUNetLib.dependencies import torchInstalled
from TumorSegUNetLib.logic import TumorSegUNetLogic
from TumorSegUNetLib.presenter_device import deviceState

from .run_section import RunSection


class DeviceLine:
    """One question at a time.

    Args:
        logic: asks the worker.
        section: shows the answer.
        onStarted: called when an answer has to be polled for.
    """

    def __init__(self, logic: TumorSegUNetLogic, section: RunSection, onStarted: Callable[[], None]) -> None:
        self._logic = logic
        self._section = section
        self._onStarted = onStarted
        self._question: Any = None
        self._device: str | None = None

    @property
    def running(self) -> bool:
        """Whether an answer is awaited."""
        return self._question is not None

    def ask(self, device: str) -> None:
        """Ask where a run would happen."""
        self._device = device
        self._start(lambda: self._logic.startStatus(device))

    def follow(self, device: str) -> None:
        """Ask again when another device was chosen; nothing is asked before the module was shown."""
        if self._device is not None and device != self._device:
            self.ask(device)

    def selfCheck(self, device: str) -> None:
        """Ask whether PyTorch works at all, after it was installed."""
        self._start(lambda: self._logic.startSelfCheck(device))

    def forget(self) -> None:
        """Await no answer any more."""
        if self._question is not None:
            self._question.cancel()
            self._question = None

    def poll(self) -> None:
        """Show the answer once it has come."""
        if self._question is not None and self._question.poll():
            question, self._question = self._question, None
            self._show(question.answer)

    def _start(self, ask: Callable[[], Any]) -> None:
        self.forget()
        self._show(None)
        if not torchInstalled():
            return
        try:
            self._question = ask()
        except TumorSegError as error:
            self._show({"sentence": " ".join(error.problems)})
            return
        self._onStarted()

    def _show(self, answer: dict[str, Any] | None) -> None:
        state = deviceState(torchInstalled(), answer)
        self._section.showDevice(state.sentence, state.mayInstall)
