"""What the panel shows, without a panel."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.models import saved, small_spec, threshold_model
from tumorseg.errors import BadInputError
from tumorseg.modelfile import read_spec
from tumorseg.modelstore import DEFAULT_MODEL, ModelEntry
from TumorSegUNetLib.device import Device
from TumorSegUNetLib.presenter import Check, Choices, Ending, PanelState, Presenter, overallPercent, timeLeftText
from TumorSegUNetLib.run import Outcome, Progress, Run, RunState

FOUR = {"t1": "a", "t1ce": "b", "t2": "c", "flair": "d"}


@pytest.fixture
def presenter(tmp_path: Path) -> Presenter:
    path = saved(threshold_model(), tmp_path)
    return Presenter([ModelEntry("threshold", path, read_spec(path))])


def two_channel_presenter() -> Presenter:
    spec = small_spec()
    return Presenter([ModelEntry("two", Path("two"), type(spec)(**{**spec.__dict__, "channels": ("flair", "t1")}))])


def ended(state: RunState, outcome: Outcome) -> Run:
    run = Run.__new__(Run)
    run.state, run.outcome = state, outcome
    return run


def test_complete_choices_can_start(presenter: Presenter) -> None:
    state = presenter.waiting(Choices(FOUR, "threshold"))
    assert (state.buttonText, state.buttonEnabled, state.choicesEnabled) == ("Segment", True, True)
    assert (state.status, state.percent, state.details) == ("Ready.", None, "")


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        (["t1ce"], "Choose the T1ce volume."),
        (["t1", "flair"], "Choose the T1 and FLAIR volume."),
        (["t1", "t1ce", "t2", "flair"], "Choose the T1, T1ce, T2 and FLAIR volume."),
    ],
)
def test_missing_volumes_are_named(presenter: Presenter, missing: list[str], sentence: str) -> None:
    state = presenter.waiting(Choices({**FOUR, **dict.fromkeys(missing)}, "threshold"))
    assert not state.buttonEnabled
    assert state.status == state.buttonToolTip == sentence


def test_one_volume_in_two_places_cannot_start(presenter: Presenter) -> None:
    state = presenter.waiting(Choices({**FOUR, "flair": "a"}, "threshold"))
    assert not state.buttonEnabled
    assert state.status == "T1 and FLAIR are the same volume; choose different ones."


def test_a_volume_that_is_its_own_mask_cannot_start(presenter: Presenter) -> None:
    state = presenter.waiting(Choices(FOUR, "threshold", mask=FOUR["flair"]))
    assert not state.buttonEnabled
    assert state.status == "The brain mask is the FLAIR volume itself; choose a mask of the brain, or none."


def test_only_volumes_that_the_model_needs_are_asked_for() -> None:
    presenter = two_channel_presenter()
    assert presenter.neededSequences("two") == ["t1", "flair"]
    assert presenter.waiting(Choices({"t1": "a", "flair": "b"}, "two")).buttonEnabled


def test_default_model_is_the_engines_or_the_first() -> None:
    entry = two_channel_presenter()._models["two"]
    assert Presenter([]).defaultModel is None
    assert Presenter([entry]).defaultModel == "two"
    assert Presenter([entry, ModelEntry(DEFAULT_MODEL, entry.path, entry.spec)]).defaultModel == DEFAULT_MODEL


def test_without_models_the_panel_says_so() -> None:
    state = Presenter([]).waiting(Choices(FOUR, None))
    assert not state.buttonEnabled
    assert state.status == "No model is installed; reinstall the extension."


def test_unknown_model_of_a_loaded_scene_asks_for_a_choice(presenter: Presenter) -> None:
    state = presenter.waiting(Choices(FOUR, None))
    assert (state.buttonEnabled, state.status) == (False, "Choose a model.")


def test_a_run_can_be_cancelled_and_locks_the_choices(presenter: Presenter) -> None:
    state = presenter.during(Progress("predict", 0.5, 3.4, "cuda"))
    assert (state.buttonText, state.buttonEnabled, state.choicesEnabled) == ("Cancel", True, False)
    assert state.status == "Segmenting on the GPU, about 3 s left…"
    assert state.percent == 55


def test_before_the_first_event_the_run_is_starting(presenter: Presenter) -> None:
    state = presenter.during(Progress())
    assert (state.status, state.percent) == ("Starting…", 0)


def test_percent_never_goes_back() -> None:
    stages = ("load", "check", "prepare", "predict", "finish")
    values = [overallPercent(Progress(stage, fraction)) for stage in stages for fraction in (0.0, 0.5, 1.0)]
    assert values == sorted(values)
    assert (values[0], values[-1]) == (0, 100)


def after(presenter: Presenter, state: RunState, outcome: Outcome) -> PanelState:
    choices = Choices(FOUR, "threshold")
    return presenter.idle(choices, Ending(choices, ended(state, outcome)))


class Named:
    """Stands for a segmentation node."""

    def GetName(self) -> str:  # noqa: N802
        return "A tumor"


@pytest.mark.parametrize(
    ("seconds", "status"), [({"predict": 40.4, "finish": 1.0}, "Done in 41 s: A tumor."), ({}, "Done: A tumor.")]
)
def test_the_end_of_a_run_is_told_with_provenance(presenter: Presenter, seconds: dict[str, float], status: str) -> None:
    outcome = Outcome(segmentation=Named(), seconds=seconds, provenance={"model": "m 1.0"})
    state = after(presenter, RunState.DONE, outcome)
    assert (state.status, state.details) == (status, "model: m 1.0")
    assert (state.buttonText, state.buttonEnabled, state.percent) == ("Segment", True, None)


def test_what_did_not_go_as_planned_is_told_at_the_end(presenter: Presenter) -> None:
    remark = "Memory was not enough for tiles on cuda, so the run used tiles on cpu."
    outcome = Outcome(segmentation=Named(), provenance={"memory_rung": "tiles on cpu", "remarks": remark})
    state = after(presenter, RunState.DONE, outcome)
    assert state.status == f"Done: A tumor. {remark}"
    assert state.details.splitlines()[0] == "memory_rung: tiles on cpu"


def test_failure_shows_sentences_and_details(presenter: Presenter) -> None:
    outcome = Outcome(problems=("One.", "Two."), kind="internal", details="Traceback")
    state = after(presenter, RunState.FAILED, outcome)
    assert (state.status, state.details, state.buttonEnabled) == ("One. Two.", "Traceback", True)


def test_cancel_is_confirmed(presenter: Presenter) -> None:
    state = after(presenter, RunState.CANCELLED, Outcome(kind="cancelled"))
    assert (state.status, state.details) == ("Cancelled; nothing was added to the scene.", "")


def test_an_ending_is_told_until_the_choices_change(presenter: Presenter) -> None:
    choices = Choices(FOUR, "threshold", "cpu")
    ending = Ending(choices, ended(RunState.DONE, Outcome(segmentation=Named())))
    assert presenter.idle(choices, None).status == "Ready."
    assert presenter.idle(Choices(dict(FOUR), "threshold", "cpu"), ending).status == "Done: A tumor."
    assert presenter.idle(Choices(FOUR, "threshold", "cpu", tta=True), ending).status == "Ready."
    assert presenter.idle(Choices(FOUR, "threshold", "auto"), ending).status == "Ready."
    assert presenter.idle(Choices({**FOUR, "t1": "other"}, "threshold", "cpu"), ending).status == "Ready."
    assert presenter.idle(Choices(FOUR, None, "cpu"), ending).status == "Choose a model."


def test_a_problem_at_the_start_is_told_until_the_choices_change(presenter: Presenter) -> None:
    choices = Choices(FOUR, "threshold")
    ending = Ending(choices, problem=BadInputError(["T1 is empty.", "T2 is empty."]))
    state = presenter.idle(choices, ending)
    assert (state.status, state.buttonEnabled) == ("T1 is empty. T2 is empty.", True)
    assert presenter.idle(Choices(FOUR, "threshold", "cpu"), ending).status == "Ready."


def test_nothing_can_be_pressed_while_torch_is_installed(presenter: Presenter) -> None:
    state = presenter.installing()
    assert (state.buttonEnabled, state.choicesEnabled, state.status) == (False, False, "Installing PyTorch…")


@pytest.mark.parametrize(
    ("platform", "impossible"), [("win32", Device.MPS), ("linux", Device.MPS), ("darwin", Device.GPU)]
)
def test_only_possible_devices_can_be_chosen(platform: str, impossible: Device) -> None:
    assert [device for device in Device if not device.fitsPlatform(platform)] == [impossible]


WARNING = {"code": "dark", "severity": "warning", "volumes": ("t1",), "message": "T1 is dark.", "remedy": "Look."}
NOTE = {"code": "different-grid", "severity": "note", "volumes": ("t2",), "message": "T2 lies elsewhere.", "remedy": ""}
BLOCKING = {
    "code": "empty",
    "severity": "blocking",
    "volumes": ("t2",),
    "message": "T2 is empty.",
    "remedy": "Load it.",
}


@pytest.mark.parametrize(
    ("findings", "enabled", "status"),
    [
        (None, True, "Checking the volumes…"),
        ((), True, "The volumes fit. Ready."),
        ((NOTE,), True, "Ready; what will be done with the volumes stands above."),
        ((WARNING, NOTE), True, "Ready; please read the remarks on the volumes."),
        ((WARNING, BLOCKING), False, "T2 is empty. Load it."),
    ],
)
def test_the_check_decides_whether_a_run_can_start(
    presenter: Presenter, findings: tuple[dict[str, object], ...] | None, enabled: bool, status: str
) -> None:
    choices = Choices(FOUR, "threshold")
    state = presenter.waiting(choices, Check(choices.checked, findings))
    assert (state.buttonEnabled, state.status) == (enabled, status)
    assert (state.buttonToolTip == status) is not enabled


def test_a_check_of_other_volumes_says_nothing(presenter: Presenter) -> None:
    choices, others = Choices(FOUR, "threshold"), Choices({**FOUR, "t2": "x"}, "threshold")
    check = Check(choices.checked, (BLOCKING,))
    assert presenter.findings(others, check) == ()
    assert presenter.waiting(others, check).buttonEnabled
    assert presenter.findings(Choices(FOUR, "threshold", "cpu", tta=True), check) == (BLOCKING,)


def test_incomplete_choices_are_not_checked(presenter: Presenter) -> None:
    assert presenter.canCheck(Choices(FOUR, "threshold"))
    assert presenter.canCheck(Choices({**FOUR, "t1": "b"}, "threshold"))
    assert not presenter.canCheck(Choices({**FOUR, "t1": None}, "threshold"))
    assert not presenter.canCheck(Choices(FOUR, "unknown"))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "about 1 s left"), (89.0, "about 89 s left"), (200.0, "about 3 min left")]
)
def test_time_left_is_said_as_people_say_it(seconds: float, text: str) -> None:
    assert timeLeftText(seconds) == text
