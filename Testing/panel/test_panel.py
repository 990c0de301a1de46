"""A clinician's visit, click by click: the real .ui, the real widget code, the real scene."""

from __future__ import annotations

import html
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tumorseg.errors import BadInputError, TumorSegError
from tumorseg.sequences import SEQUENCES
from TumorSegUNetLib.run import Outcome, Progress, RunState

if TYPE_CHECKING:
    from support.panel_driver import PanelDriver
    from support.panel_logic import ScriptedRun


def finding(code: str, severity: str, volumes: tuple[str, ...], message: str, remedy: str) -> dict[str, Any]:
    return {"code": code, "severity": severity, "volumes": volumes, "message": message, "remedy": remedy}


def complete(driver: PanelDriver) -> bool:
    return driver.ui.segmentButton.enabled and driver.ui.statusLabel.text == "The volumes fit. Ready."


def test_an_empty_scene_says_how_to_begin(driver: PanelDriver) -> None:
    assert driver.ui.sampleWidget.visible
    assert not driver.ui.segmentButton.enabled
    assert driver.ui.statusLabel.text == "Choose the T1, T1ce, T2 and FLAIR volume."
    assert not driver.ui.resultCollapsibleButton.visible


def test_a_loaded_study_fills_the_selectors_and_is_checked(driver: PanelDriver) -> None:
    nodes = driver.add_study()
    driver.settle(lambda: complete(driver))
    assert [driver.parameters.getValue(name) for name in SEQUENCES] == [nodes[name] for name in SEQUENCES]
    assert driver.ui.t1Selector.currentNode() is nodes["t1"]
    assert driver.ui.t1ConfidenceLabel.text == "90 % sure"
    assert not driver.ui.sampleWidget.visible


def test_only_what_the_user_has_not_set_is_guessed_anew(driver: PanelDriver) -> None:
    nodes = driver.add_study()
    driver.settle(lambda: complete(driver))
    other = driver.add("T1 of another day")
    driver.ui.t1Selector.setCurrentNode(other)
    driver.scene.RemoveNode(nodes["t2"])
    replaced = driver.add("t2")
    driver.settle(lambda: driver.parameters.t2 is replaced)
    assert driver.parameters.t1 is other
    assert driver.parameters.fixed == "t1"
    assert driver.ui.t1ConfidenceLabel.text == "your choice"
    assert driver.ui.t1SuggestButton.visible
    driver.ui.t1SuggestButton.click()
    assert driver.parameters.t1 is nodes["t1"]
    assert driver.parameters.fixed == ""
    assert not driver.ui.t1SuggestButton.visible


def test_the_other_rows_adapt_to_a_choice(driver: PanelDriver) -> None:
    nodes = driver.add_study()
    driver.settle(lambda: complete(driver))
    driver.ui.t1Selector.setCurrentNode(nodes["t2"])
    driver.settle(lambda: driver.parameters.t2 is None)
    assert driver.parameters.t1 is nodes["t2"]
    assert driver.ui.statusLabel.text == "Choose the T2 volume."
    driver.ui.t2Selector.setCurrentNode(nodes["t1"])
    driver.settle(lambda: complete(driver))
    assert driver.parameters.fixed == "t1 t2"


def test_a_patient_that_was_left_out_is_told(driver: PanelDriver) -> None:
    from TumorSegUNetLib.recognition import LeftOut

    told = '"ROE" was loaded too, but its T1ce and FLAIR are not recognized; choose one of its volumes.'
    driver.logic.leftOutExamination = LeftOut("ROE", ("t1ce", "flair"))
    driver.add_study()
    driver.settle(lambda: driver.ui.findingsFrame.visible)
    assert told in html.unescape(driver.ui.findingsLabel.text)
    assert driver.ui.segmentButton.enabled
    driver.logic.leftOutExamination = None
    driver.add("other")
    driver.settle(lambda: not driver.ui.findingsFrame.visible)


def test_blocking_findings_disable_the_button_and_say_why(driver: PanelDriver) -> None:
    driver.logic.findings = (finding("empty", "blocking", ("t2",), "T2 is empty.", "Load it."),)
    driver.add_study()
    driver.settle(lambda: driver.ui.findingsFrame.visible)
    assert not driver.ui.segmentButton.enabled
    assert driver.ui.segmentButton.toolTip == driver.ui.statusLabel.text == "T2 is empty. Load it."
    assert "T2 is empty." in driver.ui.findingsLabel.text


def test_volumes_that_will_be_registered_are_only_noted(driver: PanelDriver) -> None:
    driver.logic.findings = (finding("different-grid", "note", ("t2",), "T2 lies elsewhere.", "It is registered."),)
    driver.add_study()
    driver.settle(lambda: driver.ui.findingsFrame.visible)
    assert driver.ui.segmentButton.enabled
    assert driver.ui.statusLabel.text == "Ready; what will be done with the volumes stands above."
    assert "What will be done:" in driver.ui.findingsLabel.text
    assert not driver.ui.findingsIcon.pixmap.isNull()


def test_a_remedy_in_another_module_is_noticed_on_return(driver: PanelDriver) -> None:
    """The nodes stay the same, so the choices tell nothing."""
    driver.logic.findings = (finding("transform", "blocking", ("t2",), "T2 is bent.", "Harden the transform."),)
    nodes = driver.add_study()
    driver.settle(lambda: driver.ui.findingsFrame.visible)
    driver.widget.exit()
    nodes["t2"].SetSpacing(2.0, 2.0, 2.0)
    driver.logic.findings = ()
    driver.widget.enter()
    driver.settle(lambda: complete(driver))
    assert not driver.ui.findingsFrame.visible


def test_a_failed_run_is_not_told_of_corrected_volumes(driver: PanelDriver) -> None:
    started(driver).end(Outcome(problems=("T2 is bent.",), kind="bad_input"), RunState.FAILED)
    driver.settle(lambda: driver.ui.statusLabel.text == "T2 is bent.")
    driver.widget.exit()
    driver.parameters.t2.SetSpacing(2.0, 2.0, 2.0)
    driver.widget.enter()
    driver.settle(lambda: complete(driver))


def test_a_choice_in_a_loaded_scene_whose_volume_is_gone_is_no_choice(driver: PanelDriver) -> None:
    driver.parameters.fixed = "t1"
    driver.widget.panel.setParameters(driver.parameters)
    assert driver.parameters.fixed == ""
    driver.add_study()
    driver.settle(lambda: complete(driver))


def test_what_stayed_as_it_was_is_not_checked_again(driver: PanelDriver) -> None:
    driver.add_study()
    driver.settle(lambda: complete(driver))
    checks = len(driver.logic.checks)
    driver.widget.exit()
    driver.widget.enter()
    driver.settle()
    assert len(driver.logic.checks) == checks


def test_swapped_volumes_are_exchanged_by_one_click(driver: PanelDriver) -> None:
    swapped = finding("swapped", "warning", ("t1", "t1ce"), "T1 seems to be T1ce.", "Exchange them.")
    driver.logic.findings = (swapped,)
    nodes = driver.add_study()
    driver.settle(lambda: driver.ui.findingsFrame.visible)
    assert driver.ui.segmentButton.enabled
    driver.logic.findings = ()
    driver.ui.findingsLabel.target.linkActivated.emit("swap:t1:t1ce")
    driver.settle(lambda: complete(driver))
    assert (driver.parameters.t1, driver.parameters.t1ce) == (nodes["t1ce"], nodes["t1"])
    assert not driver.ui.findingsFrame.visible


def started(driver: PanelDriver) -> ScriptedRun:
    driver.add_study()
    driver.settle(lambda: complete(driver))
    driver.ui.segmentButton.click()
    [run] = driver.logic.runs
    return run


def test_a_run_shows_progress_and_locks_the_choices(driver: PanelDriver) -> None:
    run = started(driver)
    run.progress = Progress("predict", 0.5, 40.0, "cpu")
    driver.settle(lambda: driver.ui.progressBar.value == 55)
    assert driver.ui.segmentButton.text == "Cancel"
    assert driver.ui.statusLabel.text == "Segmenting on the CPU, about 40 s left…"
    assert not driver.ui.inputsCollapsibleButton.enabled
    assert not driver.ui.modelCollapsibleButton.enabled


def test_cancel_ends_the_run(driver: PanelDriver) -> None:
    run = started(driver)
    driver.ui.segmentButton.click()
    assert run.cancelled
    assert driver.ui.statusLabel.text == "Cancelled; nothing was added to the scene."
    assert driver.ui.segmentButton.text == "Segment"
    assert not driver.ui.progressBar.visible


def test_python_runs_as_long_as_a_worker_lives(driver: PanelDriver) -> None:
    """Slicer keeps Python's lock while it waits for events; a cancel is sent by a thread, which needs it."""
    run = started(driver)
    driver.logic.worker = 4711
    driver.ui.segmentButton.click()
    assert run.cancelled
    driver.settle()
    before = driver.logic.looks
    driver.settle(lambda: driver.logic.looks > before + 1)
    driver.logic.worker = None
    driver.settle(lambda: driver.logic.looks > before + 2)
    last = driver.logic.looks
    driver.settle()
    assert driver.logic.looks == last


def test_a_crash_is_a_sentence_with_details(driver: PanelDriver) -> None:
    run = started(driver)
    run.end(Outcome(problems=("The worker ended.",), kind="internal", details="Traceback"), RunState.FAILED)
    driver.settle(lambda: driver.ui.segmentButton.text == "Segment")
    assert driver.ui.statusLabel.text == "The worker ended."
    assert driver.ui.detailsButton.visible
    assert not driver.ui.detailsTextEdit.visible
    driver.ui.detailsButton.click()
    assert driver.ui.detailsTextEdit.visible
    assert driver.ui.detailsButton.text == "▾ Hide details"
    assert driver.ui.detailsTextEdit.plainText == "Traceback"


def test_the_device_is_explained(driver: PanelDriver) -> None:
    driver.widget.enter()
    driver.settle(lambda: driver.ui.deviceLabel.visible)
    assert driver.ui.deviceLabel.text == "The CPU is used because PyTorch finds no NVIDIA GPU."
    assert not driver.ui.installButton.visible


def test_the_device_is_explained_again_when_another_is_chosen(driver: PanelDriver) -> None:
    driver.ui.deviceComboBox.setCurrentIndex(3)
    assert driver.logic.asked == []
    driver.widget.enter()
    driver.ui.deviceComboBox.setCurrentIndex(0)
    assert driver.logic.asked == ["cpu", "auto"]


def test_remarks_stay_during_and_after_a_run(driver: PanelDriver) -> None:
    driver.logic.findings = (finding("dark", "warning", ("t1",), "T1 is dark.", "Look at it."),)
    driver.add_study()
    driver.settle(lambda: driver.ui.findingsFrame.visible)
    driver.ui.segmentButton.click()
    assert driver.ui.findingsFrame.visible
    driver.ui.segmentButton.click()
    driver.settle()
    assert driver.ui.findingsFrame.visible
    assert len(driver.logic.checks) == 1


def test_choices_of_the_last_run_are_the_defaults_of_new_scenes(driver: PanelDriver) -> None:
    driver.ui.deviceComboBox.setCurrentIndex(3)
    driver.ui.ttaCheckBox.click()
    started(driver)
    assert driver.logic.requests[0]["device"] == "cpu"
    assert driver.logic.requests[0]["tta"] is True
    driver.scene.Clear(1)
    assert driver.parameters.device.value == "cpu"
    assert driver.ui.ttaCheckBox.checked


@pytest.mark.parametrize("name", ["nonsense", "MPS" if sys.platform != "darwin" else "GPU"])
def test_settings_of_another_computer_do_no_harm(driver: PanelDriver, name: str) -> None:
    from PySide6.QtCore import QSettings

    QSettings().setValue("TumorSegUNet/Device", name)
    driver.scene.Clear(1)
    assert driver.parameters.device.value == "auto"


def test_closing_the_scene_ends_the_run(driver: PanelDriver) -> None:
    run = started(driver)
    driver.scene.Clear(0)
    assert run.cancelled
    assert driver.ui.segmentButton.text == "Segment"


def test_entering_again_keeps_the_device(driver: PanelDriver) -> None:
    driver.ui.deviceComboBox.setCurrentIndex(3)
    for _ in range(2):
        driver.widget.enter()
        assert driver.parameters.device.value == "cpu"


def test_cleanup_stops_the_worker(driver: PanelDriver) -> None:
    run = started(driver)
    driver.widget.cleanup()
    assert run.cancelled
    assert driver.logic.closed


def test_a_volume_that_cannot_be_read_blocks_with_its_sentence(driver: PanelDriver) -> None:
    def refuse(inputs: dict[str, Any], model: str | None, **options: Any) -> ScriptedRun:
        raise BadInputError("T1 (t1) has no image; load it again.")

    driver.logic.startCheck = refuse
    driver.add_study()
    driver.settle(lambda: driver.ui.findingsFrame.visible)
    assert not driver.ui.segmentButton.enabled
    assert driver.ui.statusLabel.text == "T1 (t1) has no image; load it again."


def test_a_check_that_fails_is_told_and_blocks_nothing(driver: PanelDriver) -> None:
    from support.panel_logic import ScriptedRun

    failed = ScriptedRun(RunState.DONE, problems=("The check ended unexpectedly.",))
    driver.logic.startCheck = lambda inputs, model, **options: failed
    driver.add_study()
    driver.settle(lambda: driver.ui.findingsFrame.visible)
    assert "The check ended unexpectedly." in driver.ui.findingsLabel.text
    assert driver.ui.segmentButton.enabled


def test_a_changed_choice_is_checked_again_once(driver: PanelDriver) -> None:
    driver.add_study()
    driver.settle(lambda: complete(driver))
    assert len(driver.logic.checks) == 1
    other = driver.add("another T2")
    driver.ui.t2Selector.setCurrentNode(other)
    driver.settle(lambda: len(driver.logic.checks) == 2)
    driver.settle(lambda: complete(driver))
    assert len(driver.logic.checks) == 2


def test_sample_patient_is_loaded_by_one_click(driver: PanelDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("TumorSegUNetLib.sample_data.loadSamplePatient", driver.add_study)
    driver.ui.sampleButton.click()
    driver.settle(lambda: complete(driver))
    assert not driver.ui.sampleWidget.visible


def test_a_problem_with_the_sample_patient_is_told(driver: PanelDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise TumorSegError("The disk is full.")

    told: list[str] = []
    monkeypatch.setattr("TumorSegUNetLib.sample_data.loadSamplePatient", fail)
    monkeypatch.setattr("slicer.util.errorDisplay", told.append)
    driver.ui.sampleButton.click()
    assert told == ["The disk is full."]
