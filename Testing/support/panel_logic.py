"""A logic for driving the panel: answers at once what a test tells it to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tumorseg.modelstore import ModelEntry
from TumorSegUNetLib import report, result_table
from TumorSegUNetLib.result import resultOf
from TumorSegUNetLib.run import Outcome, Progress, RunState


@dataclass
class ScriptedRun:
    """A run that goes where the test sets it."""

    state: RunState = RunState.RUNNING
    progress: Progress = field(default_factory=Progress)
    outcome: Outcome = field(default_factory=Outcome)
    findings: tuple[dict[str, Any], ...] = ()
    problems: tuple[str, ...] = ()
    answer: dict[str, Any] = field(default_factory=dict)
    cancelled: bool = False

    def poll(self) -> bool:
        return self.state is not RunState.RUNNING

    def end(self, outcome: Outcome, state: RunState = RunState.DONE) -> None:
        self.state, self.outcome = state, outcome

    def cancel(self) -> None:
        self.cancelled = True
        if self.state is RunState.RUNNING:
            self.end(Outcome(kind="cancelled"), RunState.CANCELLED)


@dataclass
class Guess:
    """A suggestion of the recognition."""

    node: Any
    confidence: float
    reason: str


class ScriptedLogic:
    """Recognizes volumes by their exact name, finds what it is told, and runs until the test ends the run."""

    def __init__(self, models: list[ModelEntry]) -> None:
        self._models = models
        self.findings: tuple[dict[str, Any], ...] = ()
        self.leftOutExamination: Any = None
        self.runs: list[ScriptedRun] = []
        self.checks: list[ScriptedRun] = []
        self.checked: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.status = {"reason": "The CPU is used because PyTorch finds no NVIDIA GPU.", "device": "cpu"}
        self.warmed: list[tuple[str | None, str]] = []
        self.asked: list[str] = []
        self.closed = False
        self.released = False
        self.forgotten = False
        self.worker: int | None = None
        self.looks = 0

    def models(self) -> list[ModelEntry]:
        return self._models

    def unusedModels(self) -> list[str]:
        return []

    def modelFolder(self) -> str:
        return "/nowhere"

    def suggestInputs(self, scene: Any, fixed: dict[str, Any]) -> dict[str, Guess]:
        import slicer

        nodes = {node.GetName(): node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode", scene)}
        taken = set(fixed.values())
        return {
            name: Guess(node, 0.9, f"The name says {name}.")
            for name in ("t1", "t1ce", "t2", "flair")
            if name not in fixed and (node := nodes.get(name)) is not None and node not in taken
        }

    def leftOut(self, scene: Any, chosen: Any) -> Any:
        return self.leftOutExamination

    def startCheck(self, inputs: dict[str, Any], model: str | None, **options: Any) -> ScriptedRun:
        self.checked.append(options)
        self.checks.append(ScriptedRun(RunState.DONE, findings=self.findings))
        return self.checks[-1]

    def startSegmentation(self, inputs: Any, model: Any, device: str, **options: Any) -> ScriptedRun:
        self.requests.append({"inputs": inputs, "model": model, "device": device, **options})
        self.runs.append(ScriptedRun())
        return self.runs[-1]

    def startStatus(self, device: str) -> ScriptedRun:
        self.asked.append(device)
        return ScriptedRun(RunState.DONE, answer=self.status)

    def startSelfCheck(self, device: str) -> ScriptedRun:
        return ScriptedRun(RunState.DONE, answer={"ok": True, "sentence": "PyTorch 2.13 works."})

    def resultOf(self, segmentation: Any) -> Any:
        return resultOf(segmentation)

    def reportFile(self, segmentation: Any) -> Any:
        return report.reportFile(segmentation)

    def saveReport(self, segmentation: Any, path: str) -> Any:
        return report.saveReport(segmentation, path)

    def exportTable(self, table: Any, path: str) -> Any:
        return result_table.exportTable(table, path)

    def warmUp(self, model: str | None, device: str) -> None:
        self.warmed.append((model, device))
        self.worker = self.worker or 4711

    def forgetVolumes(self) -> None:
        self.forgotten = True

    @property
    def workerProcessId(self) -> int | None:
        self.looks += 1
        return self.worker

    def release(self) -> bool:
        self.released = True
        return True

    def shutdown(self) -> None:
        self.closed = True
