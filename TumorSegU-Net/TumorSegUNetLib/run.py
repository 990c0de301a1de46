"""One segmentation run: started, polled while the worker works, ended as done, failed or cancelled."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TypeAlias

import slicer

from tumorseg.errors import BadInputError, CancelledError, ModelError, OutOfMemoryError, TumorSegError

from .conversation import Conversation
from .run_files import RunFiles
from .translation import _
from .tumor_facts import TumorFacts
from .worker_client import Event


class RunState(Enum):
    """Where a run stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Progress:
    """The last progress event: stage, fraction of that stage (0-1), estimate of the time left, device.

    Stages are those of ``tumorseg.progress`` with ``load`` before them; empty while the worker starts.
    """

    stage: str = ""
    fraction: float = 0.0
    secondsLeft: float | None = None
    device: str | None = None


@dataclass(frozen=True)
class Outcome(TumorFacts):
    """What a run ended with, and what it found out.

    Attributes:
        segmentation: the new node of a run that is done.
        table: its measurements, as shown to the user.
        uncertainty: voxel by voxel from 0 to 1, not shown; None where the worker told none.
        diameters: lines of every lesion, not shown.
        problems: one sentence per problem of a run that failed.
        kind: of the failure: bad-input, out-of-memory, model, cancelled or internal.
        provenance: how the result came about.
        seconds: wall time of the worker per stage.
        reportFile: the report to open; removed when the application ends, the scene keeps its text.
        details: what the process printed beside its events.
    """

    segmentation: slicer.vtkMRMLSegmentationNode | None = None
    table: slicer.vtkMRMLTableNode | None = None
    uncertainty: slicer.vtkMRMLScalarVolumeNode | None = None
    diameters: tuple[slicer.vtkMRMLMarkupsLineNode, ...] = ()
    problems: tuple[str, ...] = ()
    kind: str = ""
    provenance: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    reportFile: Path | None = None
    details: str = ""

    @property
    def error(self) -> TumorSegError:
        """The failure as an exception to raise."""
        if self.kind == "cancelled":
            return CancelledError()
        return _ERRORS.get(self.kind, TumorSegError)(self.problems)


_ERRORS: Mapping[str, type[TumorSegError]] = {
    error.kind: error for error in (BadInputError, OutOfMemoryError, ModelError)
}

MakeOutcome: TypeAlias = "Callable[[RunFiles, Event], Outcome]"
"""Turns the result event and the files it names into nodes and the outcome."""


class Run:
    """A run under way; the owner calls ``poll()`` until it has ended.

    Args:
        conversation: the worker, which has been sent the request.
        files: the folder that the worker reads and writes.
        makeOutcome: called once, with the result.
    """

    def __init__(self, conversation: Conversation, files: RunFiles, makeOutcome: MakeOutcome) -> None:
        self._conversation = conversation
        self._files = files
        self._makeOutcome = makeOutcome
        self.state = RunState.RUNNING
        self.progress = Progress()
        self.outcome = Outcome()

    @property
    def ended(self) -> bool:
        """Whether the run is done, failed or cancelled."""
        return self.state is not RunState.RUNNING

    def poll(self) -> bool:
        """Take in what the worker has said; never waits for it. Returns whether the run has ended."""
        for event in [] if self.ended else self._conversation.poll():
            if event["event"] == "progress":
                self._onProgress(event)
            elif event["event"] == "result":
                self._onResult(event)
            else:
                self._onError(event)
        return self.ended

    def cancel(self) -> None:
        """End the run now; nothing is added to the scene. The worker is asked to stop, and killed if it does not."""
        if not self.ended:
            self.state, self.outcome = RunState.CANCELLED, Outcome(kind="cancelled")
            self._conversation.cancel(self._files.remove)

    def _onProgress(self, event: Event) -> None:
        try:
            self.progress = Progress(
                str(event["stage"]), float(event["fraction"]), event.get("seconds_left"), event.get("device")
            )
        except (KeyError, TypeError, ValueError):
            return  # something on the pipe that only looks like progress

    def _onResult(self, event: Event) -> None:
        try:
            outcome = self._makeOutcome(self._files, event)
        except Exception as error:  # a run must end whatever happens; the traceback goes to the details
            outcome = self._unusable(error, event)
        self._end(RunState.FAILED if outcome.segmentation is None else RunState.DONE, outcome)

    def _unusable(self, error: Exception, event: Event) -> Outcome:
        reason = traceback.format_exception_only(type(error), error)[-1].strip()
        problem = _("The worker's result cannot be read ({reason}); see the details, and try again.")
        details = f"{event.get('details', '')}\n{traceback.format_exc()}".strip()
        return Outcome(problems=(problem.format(reason=reason),), kind="internal", details=details)

    def _onError(self, event: Event) -> None:
        kind = event.get("kind", "internal")
        outcome = Outcome(
            problems=tuple(event.get("problems", ())),
            kind=kind,
            findings=tuple(event.get("findings", ())),
            details=event.get("details", ""),
        )
        self._end(RunState.CANCELLED if kind == "cancelled" else RunState.FAILED, outcome)

    def _end(self, state: RunState, outcome: Outcome) -> None:
        self._files.remove()
        self.state, self.outcome = state, outcome
