"""Checks the chosen volumes in the background, a moment after the last change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tumorseg.errors import BadInputError, TumorSegError
from TumorSegUNetLib.brain_masks import stateOfMask
from TumorSegUNetLib.logic import TumorSegUNetLogic
from TumorSegUNetLib.presenter import Check, Choices
from TumorSegUNetLib.presenter_findings import problemFindings

from .timers import delayed

QUIET_MILLISECONDS = 400
"""Choosing four volumes is one change, not four."""


class BackgroundCheck:
    """One check at a time, of the choices made last.

    Args:
        logic: starts checks.
        inputs: tells the volumes of choices.
        mask: tells the brain mask chosen now.
        onStarted: called when a check has been started, or could not be.
    """

    def __init__(
        self,
        logic: TumorSegUNetLogic,
        inputs: Callable[[Choices], Mapping[str, Any]],
        mask: Callable[[], Any],
        onStarted: Callable[[], None],
    ) -> None:
        self.check: Check | None = None
        self._logic = logic
        self._inputs = inputs
        self._mask = mask
        self._onStarted = onStarted
        self._wanted: Choices | None = None
        self._checked: list[tuple[object, ...]] = []
        self._run: Any = None
        self._timer = delayed(QUIET_MILLISECONDS, self._start)

    @property
    def running(self) -> bool:
        """Whether there is something to poll."""
        return self._run is not None

    def want(self, choices: Choices | None) -> None:
        """Check these choices soon, unless that is done or under way; None: nothing can be checked now."""
        wanted = choices.checked if choices is not None else None
        if wanted == (self._wanted.checked if self._wanted is not None else None):
            return
        self.forget()
        self._wanted = choices
        if choices is not None:
            self._timer.start()

    def forget(self) -> None:
        """Stop; the next ``want`` checks anew."""
        self._timer.stop()
        self._wanted = None
        self.check = None
        if self._run is not None:
            self._run.cancel()
            self._run = None

    def renew(self) -> bool:
        """Forget a check of volumes that were changed in place since, as remedies ask. Returns whether they were."""
        changed = self.check is not None and self._states(self._wanted) != self._checked
        if changed:
            self.forget()
        return changed

    def makeWay(self) -> None:
        """A run starts, which checks the volumes itself: do not make it wait; what is known already stays."""
        if self.check is None or self.check.findings is None:
            self.forget()

    def poll(self) -> bool:
        """Take in what the worker has said. Returns whether the check has ended."""
        if self._run is None or not self._run.poll():
            return False
        run, self._run = self._run, None
        self.check = Check(self.check.of, (*run.findings, *problemFindings(run.problems, blocking=False)))
        return True

    def _start(self) -> None:
        choices = self._wanted
        self._checked = self._states(choices)
        try:
            self._run = self._logic.startCheck(
                self._inputs(choices), choices.model, brainMask=self._mask(), register=choices.register
            )
        except TumorSegError as error:
            blocking = isinstance(error, BadInputError)
            self.check = Check(choices.checked, problemFindings(error.problems, blocking))
        else:
            self.check = Check(choices.checked)
        self._onStarted()

    def _states(self, choices: Choices) -> list[tuple[object, ...]]:
        nodes = (*self._inputs(choices).values(), self._mask())
        return [stateOfMask(node) for node in nodes if node is not None]
