"""What the panel shows: texts and what can be pressed, decided without Qt from the choices and the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tumorseg.errors import TumorSegError
from tumorseg.modelstore import DEFAULT_MODEL, ModelEntry
from tumorseg.progress import STAGES
from tumorseg.regions import SEGMENTS
from tumorseg.sequences import DISPLAY_NAMES, SEQUENCES

from .run import Outcome, Progress, Run, RunState
from .translation import _

STAGE_ENDS: Mapping[str, float] = dict(zip(STAGES, (0.05, 0.15, 0.95, 1.0), strict=True))
"""Part of a run that is over when a stage is: the network takes most of the time."""


@dataclass(frozen=True)
class PanelState:
    """Everything that the panel sets on its widgets.

    Attributes:
        buttonText: Segment, or Cancel during a run.
        buttonEnabled: whether it can be pressed.
        buttonToolTip: what it does, or why it cannot be pressed.
        choicesEnabled: whether volumes, model and device can be changed.
        percent: of the progress bar; None hides it.
        status: the status line, one or more sentences.
        details: further text that can be unfolded; empty hides it.
    """

    buttonText: str
    buttonEnabled: bool
    buttonToolTip: str
    choicesEnabled: bool
    percent: int | None
    status: str
    details: str = ""


@dataclass(frozen=True)
class Choices:
    """What the user has chosen so far: identifier of the node per sequence (None: nothing), model's name, device."""

    volumes: Mapping[str, str | None]
    model: str | None
    device: str = "auto"


@dataclass(frozen=True)
class Ending:
    """How the last try ended, and the choices that it was made with.

    Attributes:
        choices: as long as they stay, the panel tells of this ending.
        run: the run that has ended; None where none could be started.
        problem: that kept a run from starting.
    """

    choices: Choices
    run: Run | None = None
    problem: TumorSegError | None = None


class Presenter:
    """Decides what the panel shows.

    Args:
        models: the models to choose from.
    """

    def __init__(self, models: Sequence[ModelEntry]) -> None:
        self._models = {model.name: model for model in models}

    @property
    def defaultModel(self) -> str | None:
        """The model that is chosen until the user chooses: the engine's default, or the first where that is missing."""
        return DEFAULT_MODEL if DEFAULT_MODEL in self._models else next(iter(self._models), None)

    def neededSequences(self, model: str | None) -> list[str]:
        """The sequences that a model needs, in the order in which they are shown; none for an unknown model."""
        if model not in self._models:
            return []
        channels = self._models[model].spec.channels
        return [name for name in SEQUENCES if name in channels]

    def idle(self, choices: Choices, ending: Ending | None) -> PanelState:
        """While nothing runs: the last ending, until a volume, the model or the device is changed."""
        if ending is None or ending.choices != choices:
            return self.waiting(choices)
        return self.waiting(choices, ending.problem) if ending.run is None else self.after(ending.run, choices)

    def installing(self) -> PanelState:
        """While PyTorch is being installed; the application goes on handling events meanwhile."""
        return PanelState(
            buttonText=_("Segment"),
            buttonEnabled=False,
            buttonToolTip=_("Wait until PyTorch is installed."),
            choicesEnabled=False,
            percent=None,
            status=_("Installing PyTorch…"),
        )

    def waiting(self, choices: Choices, problem: TumorSegError | None = None) -> PanelState:
        """Before a run; with the problem that kept one from starting, if any."""
        hint = self._hint(choices)
        return PanelState(
            buttonText=_("Segment"),
            buttonEnabled=not hint,
            buttonToolTip=hint or _("Find necrotic core, edema and enhancing tumor in the volumes."),
            choicesEnabled=True,
            percent=None,
            status=" ".join(problem.problems) if problem else hint or _("Ready."),
        )

    def during(self, progress: Progress) -> PanelState:
        """While the worker works."""
        return PanelState(
            buttonText=_("Cancel"),
            buttonEnabled=True,
            buttonToolTip=_("Stop; nothing is added to the scene."),
            choicesEnabled=False,
            percent=overallPercent(progress),
            status=_progressText(progress),
        )

    def after(self, run: Run, choices: Choices) -> PanelState:
        """When a run has ended; the choices may have changed since."""
        ready = self.waiting(choices)
        status, details = _ending(run)
        return PanelState(
            buttonText=ready.buttonText,
            buttonEnabled=ready.buttonEnabled,
            buttonToolTip=ready.buttonToolTip,
            choicesEnabled=True,
            percent=None,
            status=status,
            details=details,
        )

    def _hint(self, choices: Choices) -> str:
        """What is still to be done before a run can start; empty when nothing is."""
        if choices.model not in self._models:
            return _("Choose a model.") if self._models else _("No model is installed; reinstall the extension.")
        missing = [name for name in self.neededSequences(choices.model) if not choices.volumes.get(name)]
        if missing:
            return _("Choose the {sequences} volume.").format(sequences=_listed(DISPLAY_NAMES[n] for n in missing))
        return _twiceChosen([(name, choices.volumes[name]) for name in self.neededSequences(choices.model)])


def overallPercent(progress: Progress) -> int:
    """Percent of the whole run, from the fraction of one stage."""
    if progress.stage not in STAGE_ENDS:
        return 0
    ends = [0.0, *STAGE_ENDS.values()]
    start = ends[list(STAGE_ENDS).index(progress.stage)]
    return round(100 * (start + progress.fraction * (STAGE_ENDS[progress.stage] - start)))


def _progressText(progress: Progress) -> str:
    stage = {
        "check": _("Checking the volumes"),
        "prepare": _("Preparing the volumes"),
        "predict": _("Segmenting"),
        "finish": _("Finishing"),
    }.get(progress.stage, _("Starting"))
    if progress.device:
        device = _("CPU") if progress.device == "cpu" else _("GPU")
        stage = _("{stage} on the {device}").format(stage=stage, device=device)
    if progress.secondsLeft is not None:
        left = max(1, round(progress.secondsLeft))
        stage = _("{stage}, about {seconds} s left").format(stage=stage, seconds=left)
    return stage + "…"


def _ending(run: Run) -> tuple[str, str]:
    """Status line and details of a run that has ended."""
    outcome = run.outcome
    if run.state is RunState.CANCELLED:
        return _("Cancelled; nothing was added to the scene."), ""
    if run.state is RunState.FAILED:
        return " ".join(outcome.problems), outcome.details
    warnings = [f"{finding['message']} {finding['remedy']}" for finding in outcome.findings]
    return " ".join([_summary(outcome), *warnings]), _detailText(outcome)


def _summary(outcome: Outcome) -> str:
    whole = outcome.measurements.get("WT", {})
    if not whole.get("volume_ml"):
        return _("No tumor was found.")
    parts = [
        f"{segment.short_name} {outcome.measurements[segment.short_name]['volume_ml']:.1f} mL"
        for segment in SEGMENTS.values()
        if segment.short_name != "WT" and segment.short_name in outcome.measurements
    ]
    total = _("Whole tumor {volume:.1f} mL").format(volume=whole["volume_ml"])
    return f"{total} ({', '.join(parts)})." if parts else f"{total}."


def _detailText(outcome: Outcome) -> str:
    return "\n".join(f"{key}: {value}" for key, value in outcome.provenance.items())


def _twiceChosen(chosen: Sequence[tuple[str, Any]]) -> str:
    first: dict[Any, str] = {}
    for name, node in chosen:
        if node in first:
            pair = _listed([DISPLAY_NAMES[first[node]], DISPLAY_NAMES[name]])
            return _("{sequences} are the same volume; choose different ones.").format(sequences=pair)
        first[node] = name
    return ""


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return _("{first} and {last}").format(first=", ".join(others), last=last) if others else last
