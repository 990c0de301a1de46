"""One segmentation run: started, polled while the worker works, ended as done, failed or cancelled."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

import slicer

from tumorseg.volume import LabelArray

from .run_files import RunFiles
from .translation import _
from .worker_client import Event, WorkerClient

REQUEST_ID = "1"
"""One request per process."""


class RunState(Enum):
    """Where a run stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Progress:
    """The last progress event: stage, fraction of that stage (0-1), estimate of the time left, device."""

    stage: str = ""
    fraction: float = 0.0
    secondsLeft: float | None = None
    device: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What a run ended with.

    Attributes:
        segmentation: the new node of a run that is done.
        problems: one sentence per problem of a run that failed.
        kind: of the failure: bad-input, out-of-memory, model, cancelled or internal.
        findings: the guard's warnings: code, severity, volumes, message, remedy.
        measurements: per region: volume_ml, components, longest_diameter_mm, perpendicular_mm.
        provenance: how the result came about.
        seconds: wall time of the worker per stage.
        details: what the process printed beside its events.
    """

    segmentation: slicer.vtkMRMLSegmentationNode | None = None
    problems: tuple[str, ...] = ()
    kind: str = ""
    findings: tuple[Mapping[str, Any], ...] = ()
    measurements: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    details: str = ""


MakeNode: TypeAlias = "Callable[[LabelArray, Event], slicer.vtkMRMLSegmentationNode]"
"""Turns labels (z, y, x) and the result event into the segmentation node."""


class Run:
    """A run under way; the owner calls ``poll()`` until it has ended.

    Args:
        client: the worker, which has been sent the request.
        files: the folder that the worker reads and writes.
        makeNode: called once, with the result.
    """

    def __init__(self, client: WorkerClient, files: RunFiles, makeNode: MakeNode) -> None:
        self._client = client
        self._files = files
        self._makeNode = makeNode
        self.state = RunState.RUNNING
        self.progress = Progress()
        self.outcome = Outcome()

    @property
    def ended(self) -> bool:
        """Whether the run is done, failed or cancelled; then no process and no file of it is left."""
        return self.state is not RunState.RUNNING

    def poll(self) -> bool:
        """Take in what the worker has said; never waits for it. Returns whether the run has ended."""
        for event in [] if self.ended else self._client.poll():
            if event["event"] == "progress":
                self._onProgress(event)
            elif event["event"] == "result":
                self._onResult(event)
                break
            elif event["event"] == "error":
                self._onError(event)
                break
        return self.ended

    def cancel(self) -> None:
        """End the run now; nothing is added to the scene."""
        if not self.ended:
            self._end(RunState.CANCELLED, Outcome(kind="cancelled"))

    def _onProgress(self, event: Event) -> None:
        self.progress = Progress(
            event["stage"], float(event["fraction"]), event.get("seconds_left"), event.get("device")
        )

    def _onResult(self, event: Event) -> None:
        try:
            outcome = self._done(event)
        except Exception as error:  # a run must end whatever happens; the traceback goes to the details
            outcome = self._unusable(error)
        self._end(RunState.DONE if outcome.segmentation is not None else RunState.FAILED, outcome)

    def _done(self, event: Event) -> Outcome:
        node = self._makeNode(self._files.labels(event), event)
        return Outcome(
            segmentation=node,
            findings=tuple(event.get("findings", ())),
            measurements=event.get("measurements", {}),
            provenance=event.get("provenance", {}),
            seconds=event.get("seconds", {}),
        )

    def _unusable(self, error: Exception) -> Outcome:
        reason = traceback.format_exception_only(type(error), error)[-1].strip()
        problem = _("The worker's result cannot be read ({reason}); see the details, and try again.")
        details = f"{self._client.details}\n{traceback.format_exc()}".strip()
        return Outcome(problems=(problem.format(reason=reason),), kind="internal", details=details)

    def _onError(self, event: Event) -> None:
        kind = event.get("kind", "internal")
        state = RunState.CANCELLED if kind == "cancelled" else RunState.FAILED
        problems = tuple(event.get("problems", ()))
        findings = tuple(event.get("findings", ()))
        self._end(state, Outcome(problems=problems, kind=kind, findings=findings, details=self._client.details))

    def _end(self, state: RunState, outcome: Outcome) -> None:
        # The result is on disk or nothing is wanted any more: no reason to wait for the process.
        self._client.stop(grace=0.0)
        self._files.remove()
        self.state, self.outcome = state, outcome
