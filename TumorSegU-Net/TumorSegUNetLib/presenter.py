"""What the panel shows: texts and what can be pressed, decided without Qt from the choices and the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tumorseg.errors import TumorSegError
from tumorseg.modelstore import DEFAULT_MODEL, ModelEntry
from tumorseg.sequences import DISPLAY_NAMES, SEQUENCES

from .presenter_findings import Found, blockingReason, hasRemarks
from .run import Outcome, Progress, Run, RunState
from .translation import _

STAGE_ENDS: Mapping[str, float] = {
    "load": 0.05,
    "check": 0.08,
    "align": 0.12,
    "prepare": 0.15,
    "predict": 0.95,
    "finish": 1.0,
}
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
    """What the user has chosen so far.

    Attributes:
        volumes: identifier of the node per sequence; None: nothing.
        model: its name.
        device: as the engine calls it.
        tta: whether mirrored copies are averaged.
        mask: identifier of the brain mask; None: nothing.
        register: whether volumes on other grids are registered.
    """

    volumes: Mapping[str, str | None]
    model: str | None
    device: str = "auto"
    tta: bool = False
    mask: str | None = None
    register: bool = True

    @property
    def checked(self) -> tuple[object, ...]:
        """What the check of the volumes depends on."""
        return (*sorted(self.volumes.items()), self.model, self.mask, self.register)


@dataclass(frozen=True)
class Check:
    """The check of the volumes, made in the background before a run.

    Attributes:
        of: the choices that it is about, see ``Choices.checked``.
        findings: what was found; None while it is under way.
    """

    of: tuple[object, ...]
    findings: tuple[Found, ...] | None = None


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

    def findings(self, choices: Choices, check: Check | None) -> tuple[Found, ...]:
        """What is known to be wrong with the volumes chosen now; nothing about others."""
        known = check is not None and check.of == choices.checked
        return (check.findings or ()) if known else ()

    def canCheck(self, choices: Choices) -> bool:
        """Whether all volumes are chosen, so that checking them makes sense."""
        return choices.model in self._models and not self._missing(choices)

    def idle(self, choices: Choices, ending: Ending | None, check: Check | None = None) -> PanelState:
        """While nothing runs: the last ending, until a volume, the model or an option is changed."""
        ready = self.waiting(choices, check)
        if ending is None or ending.choices != choices:
            return ready
        status, details = _ending(ending)
        return replace(ready, status=status, details=details)

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

    def waiting(self, choices: Choices, check: Check | None = None) -> PanelState:
        """Before a run: what is still to be done, or what the check says."""
        hint = self._hint(choices) or blockingReason(self.findings(choices, check))
        return PanelState(
            buttonText=_("Segment"),
            buttonEnabled=not hint,
            buttonToolTip=hint or _("Find core, edema and enhancing tumor in the volumes."),
            choicesEnabled=True,
            percent=None,
            status=hint or self._readyText(choices, check),
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

    def _readyText(self, choices: Choices, check: Check | None) -> str:
        if check is None or check.of != choices.checked:
            return _("Ready.")
        if check.findings is None:
            return _("Checking the volumes…")
        if hasRemarks(check.findings):
            return _("Ready; please read the remarks on the volumes.")
        if check.findings:
            return _("Ready; what will be done with the volumes stands above.")
        return _("The volumes fit. Ready.")

    def _hint(self, choices: Choices) -> str:
        """What is still to be done before a run can start; empty when nothing is."""
        if choices.model not in self._models:
            return _("Choose a model.") if self._models else _("No model is installed; reinstall the extension.")
        missing = self._missing(choices)
        if missing:
            return _("Choose the {sequences} volume.").format(sequences=_listed(DISPLAY_NAMES[n] for n in missing))
        chosen = [(name, choices.volumes[name]) for name in self.neededSequences(choices.model)]
        return _twiceChosen(chosen) or _volumeAsMask(chosen, choices.mask)

    def _missing(self, choices: Choices) -> list[str]:
        return [name for name in self.neededSequences(choices.model) if not choices.volumes.get(name)]


def overallPercent(progress: Progress) -> int:
    """Percent of the whole run, from the fraction of one stage."""
    if progress.stage not in STAGE_ENDS:
        return 0
    ends = [0.0, *STAGE_ENDS.values()]
    start = ends[list(STAGE_ENDS).index(progress.stage)]
    return round(100 * (start + progress.fraction * (STAGE_ENDS[progress.stage] - start)))


def timeLeftText(seconds: float) -> str:
    """An estimate as people say it."""
    if seconds < 90:
        return _("about {seconds} s left").format(seconds=max(1, round(seconds)))
    return _("about {minutes} min left").format(minutes=round(seconds / 60))


def _progressText(progress: Progress) -> str:
    stage = {
        "load": _("Loading the model"),
        "check": _("Checking the volumes"),
        "align": _("Registering the volumes"),
        "prepare": _("Preparing the volumes"),
        "predict": _("Segmenting"),
        "finish": _("Finishing"),
    }.get(progress.stage, _("Starting"))
    if progress.device:
        device = _("CPU") if progress.device == "cpu" else _("GPU")
        stage = _("{stage} on the {device}").format(stage=stage, device=device)
    if progress.secondsLeft is not None:
        stage = _("{stage}, {timeLeft}").format(stage=stage, timeLeft=timeLeftText(progress.secondsLeft))
    return stage + "…"


def _ending(ending: Ending) -> tuple[str, str]:
    """Status line and details of the last try."""
    if ending.run is None:
        return " ".join(ending.problem.problems) if ending.problem else "", ""
    outcome = ending.run.outcome
    if ending.run.state is RunState.CANCELLED:
        return _("Cancelled; nothing was added to the scene."), ""
    if ending.run.state is RunState.FAILED:
        return " ".join(outcome.problems), outcome.details
    return _doneText(outcome), "\n".join(f"{key}: {value}" for key, value in outcome.provenance.items())


def _doneText(outcome: Outcome) -> str:
    seconds = sum(outcome.seconds.values())
    name = outcome.segmentation.GetName() if outcome.segmentation is not None else ""
    if seconds:
        text = _("Done in {seconds} s: {name}.").format(seconds=max(1, round(seconds)), name=name)
    else:
        text = _("Done: {name}.").format(name=name)
    return f"{text} {outcome.provenance.get('remarks', '')}".rstrip()


def _twiceChosen(chosen: Sequence[tuple[str, Any]]) -> str:
    first: dict[Any, str] = {}
    for name, node in chosen:
        if node in first:
            pair = _listed([DISPLAY_NAMES[first[node]], DISPLAY_NAMES[name]])
            return _("{sequences} are the same volume; choose different ones.").format(sequences=pair)
        first[node] = name
    return ""


def _volumeAsMask(chosen: Sequence[tuple[str, Any]], mask: str | None) -> str:
    for name, node in chosen:
        if mask == node:
            sentence = _("The brain mask is the {sequence} volume itself; choose a mask of the brain, or none.")
            return sentence.format(sequence=DISPLAY_NAMES[name])
    return ""


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return _("{first} and {last}").format(first=", ".join(others), last=last) if others else last
