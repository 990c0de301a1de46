"""The result on the panel: shown, toggled, exported, edited, found again after saving and loading."""

from __future__ import annotations

import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tumorseg.sequences import SEQUENCES
from TumorSegUNetLib.presenter_result import resultState

if TYPE_CHECKING:
    from support.panel_driver import PanelDriver

CAUTION = "Look at the result with care: the network was unsure."
ELSEWHERE = "This is not a result of the volumes chosen above."
EDITED = "The segments were edited since; table and report tell what the run had found."


@pytest.fixture
def segmented(driver: PanelDriver) -> PanelDriver:
    """The panel after a run with a result of two lesions, with one slice view."""
    driver.scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    driver.add_study()
    segment(driver)
    return driver


def segment(driver: PanelDriver) -> None:
    """Run on the volumes that are chosen."""
    from support.panel_result import outcome
    from tumorseg.volume import Geometry

    driver.settle(lambda: driver.ui.segmentButton.enabled and driver.ui.segmentButton.text == "Segment")
    driver.ui.segmentButton.click()
    nodes = {name: driver.parameters.getValue(name) for name in SEQUENCES}
    made = outcome(driver.scene, nodes, Geometry((4, 4, 4)), lesions=2)
    driver.logic.runs[-1].end(made)
    driver.settle(lambda: driver.parameters.segmentation is made.segmentation)


def table(driver: PanelDriver) -> list[list[str]]:
    rows, columns = driver.ui.resultTable.rowCount, driver.ui.resultTable.columnCount
    return [[driver.ui.resultTable.item(row, column).text() for column in range(columns)] for row in range(rows)]


def answer_file_dialog(monkeypatch: pytest.MonkeyPatch, answer: str) -> list[str]:
    """Let the user answer the next question for a file; returns the names that were proposed."""
    proposed: list[str] = []

    def ask(parent: Any, title: str, name: str, kinds: str) -> str:
        proposed.append(name)
        return answer

    dialog = types.SimpleNamespace(getSaveFileName=ask)
    monkeypatch.setattr("TumorSegUNetPanel.result_controller.qt.QFileDialog", dialog, raising=False)
    return proposed


def test_result_is_told_and_listed(segmented: PanelDriver) -> None:
    ui = segmented.ui
    name = segmented.parameters.segmentation.GetName()
    assert ui.headlineLabel.text == f"{name}\nTumor with edema 1.0 mL, left hemisphere, 2 foci"
    assert ui.qualityFrame.visible
    assert ui.qualityLabel.text == CAUTION
    assert [row[0] for row in table(segmented)] == [
        "Whole tumor",
        "Tumor core",
        "Enhancing tumor",
        "Lesion 1, left\nenhancing part",
        "Lesion 2, left\nenhancing part",
    ]
    assert table(segmented)[0] == ["Whole tumor", "1.0", "2.0", "1.0"]
    assert ui.statusLabel.text.startswith("Done in 3 s: ")


def test_views_show_flair_below_the_result(segmented: PanelDriver) -> None:
    composite = segmented.scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetBackgroundVolumeID() == segmented.parameters.flair.GetID()


def test_diameters_are_drawn_on_a_toggle(segmented: PanelDriver) -> None:
    lines = segmented.logic.resultOf(segmented.parameters.segmentation).diameters
    assert len(lines) == 4
    segmented.ui.diametersButton.click()
    assert segmented.ui.diametersButton.checked
    assert all(line.GetDisplayVisibility() for line in lines)
    segmented.ui.diametersButton.click()
    assert not segmented.ui.diametersButton.checked
    assert not any(line.GetDisplayVisibility() for line in lines)


def test_uncertainty_is_laid_over_the_slices_on_a_toggle(segmented: PanelDriver) -> None:
    composite = segmented.scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    volume = segmented.logic.resultOf(segmented.parameters.segmentation).uncertainty
    segmented.ui.uncertaintyButton.click()
    assert composite.GetForegroundVolumeID() == volume.GetID()
    segmented.ui.uncertaintyButton.click()
    assert composite.GetForegroundVolumeID() is None
    assert not segmented.ui.uncertaintyButton.checked


def test_surfaces_are_left_to_the_applications_button(segmented: PanelDriver) -> None:
    assert segmented.ui.show3DButton.segmentationNode() is segmented.parameters.segmentation
    assert segmented.ui.show3DButton.enabled


def test_report_is_opened_in_the_browser(segmented: PanelDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    services = types.SimpleNamespace(openUrl=lambda url: opened.append(url.toLocalFile()))
    monkeypatch.setattr("TumorSegUNetPanel.result_controller.qt.QDesktopServices", services, raising=False)
    segmented.ui.reportButton.click()
    assert "A report." in Path(opened[0]).read_text(encoding="utf-8")


def test_report_is_saved_under_the_results_name(
    segmented: PanelDriver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    proposed = answer_file_dialog(monkeypatch, str(tmp_path / "mine"))
    segmented.ui.saveReportButton.click()
    assert "A report." in (tmp_path / "mine.html").read_text(encoding="utf-8")
    assert proposed[0].endswith(".html")
    assert not set('/\\:*?"<>|') & set(proposed[0])


def test_table_is_exported(segmented: PanelDriver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answer_file_dialog(monkeypatch, str(tmp_path / "table.csv"))
    segmented.ui.exportButton.click()
    assert "Whole tumor" in (tmp_path / "table.csv").read_text(encoding="utf-8")


def test_nothing_is_written_when_the_user_changes_their_mind(
    segmented: PanelDriver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer_file_dialog(monkeypatch, "")
    segmented.ui.exportButton.click()
    segmented.ui.saveReportButton.click()
    assert not list(tmp_path.glob("*.csv"))


def test_segment_editor_opens_on_the_result(segmented: PanelDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    edited: dict[str, Any] = {}
    editor = types.SimpleNamespace(
        setSegmentationNode=lambda node: edited.update(segmentation=node),
        setSourceVolumeNode=lambda node: edited.update(source=node),
    )
    monkeypatch.setattr("slicer.util.selectModule", lambda name: edited.update(module=name))
    monkeypatch.setattr("slicer.util.getModuleWidget", lambda name: types.SimpleNamespace(editor=editor))
    segmented.ui.editButton.click()
    assert edited == {
        "module": "SegmentEditor",
        "segmentation": segmented.parameters.segmentation,
        "source": segmented.parameters.t1ce,
    }


def test_results_own_volumes_are_no_inputs(segmented: PanelDriver) -> None:
    before = {name: segmented.parameters.getValue(name) for name in ("t1", "t1ce", "t2", "flair")}
    segmented.widget.enter()
    segmented.settle()
    assert {name: segmented.parameters.getValue(name) for name in before} == before


def test_result_of_other_volumes_than_those_chosen_is_told(segmented: PanelDriver) -> None:
    """Millilitres of one patient must not be read as those of the next."""
    other = segmented.add("other")
    mine = segmented.parameters.t1
    segmented.ui.t1Selector.setCurrentNode(other)
    segmented.settle(lambda: segmented.ui.qualityLabel.text == f"{ELSEWHERE}\n{CAUTION}")
    segmented.ui.t1Selector.setCurrentNode(mine)
    segmented.settle(lambda: segmented.ui.qualityLabel.text == CAUTION)


def test_another_result_takes_the_place_of_the_one_before(segmented: PanelDriver) -> None:
    before = segmented.parameters.segmentation
    segmented.ui.diametersButton.click()
    segmented.ui.uncertaintyButton.click()
    composite = segmented.scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    segment(segmented)
    assert not before.GetDisplayVisibility()
    assert not any(line.GetDisplayVisibility() for line in segmented.logic.resultOf(before).diameters)
    assert composite.GetForegroundVolumeID() is None
    assert segmented.parameters.segmentation.GetDisplayVisibility()
    assert not segmented.ui.uncertaintyButton.checked
    assert not segmented.ui.diametersButton.checked


@pytest.fixture
def two_patients(segmented: PanelDriver) -> tuple[PanelDriver, dict[str, Any], Any]:
    """A second patient was segmented after the first one, of whom volumes and result are given."""
    volumes = {name: segmented.parameters.getValue(name) for name in SEQUENCES}
    result = segmented.parameters.segmentation
    choose(segmented, {name: segmented.add(f"ROE_{name}") for name in SEQUENCES})
    segment(segmented)
    return segmented, volumes, result


def choose(driver: PanelDriver, volumes: dict[str, Any]) -> None:
    for name, node in volumes.items():
        getattr(driver.ui, f"{name}Selector").setCurrentNode(node)
    driver.settle()


def test_the_first_patients_result_comes_back_with_the_volumes(
    two_patients: tuple[PanelDriver, dict[str, Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver, volumes, first = two_patients
    second = driver.parameters.segmentation
    driver.ui.diametersButton.click()
    choose(driver, volumes)
    assert driver.parameters.segmentation is first
    assert driver.ui.headlineLabel.text.startswith(f"{first.GetName()}\n")
    assert driver.ui.qualityLabel.text == CAUTION
    assert not driver.ui.diametersButton.checked
    assert not any(line.GetDisplayVisibility() for line in driver.logic.resultOf(second).diameters)
    assert (bool(first.GetDisplayVisibility()), bool(second.GetDisplayVisibility())) == (True, False)
    composite = driver.scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetBackgroundVolumeID() == volumes["flair"].GetID()
    proposed = answer_file_dialog(monkeypatch, "")
    driver.ui.saveReportButton.click()
    assert proposed == [f"{first.GetName().replace(':', '-')}.html"]


def test_a_result_stays_while_only_some_of_its_volumes_are_chosen(
    two_patients: tuple[PanelDriver, dict[str, Any], Any],
) -> None:
    driver, volumes, _first = two_patients
    second = driver.parameters.segmentation
    choose(driver, {"t1": volumes["t1"]})
    assert driver.parameters.segmentation is second
    assert driver.ui.qualityLabel.text == f"{ELSEWHERE}\n{CAUTION}"


def test_a_run_that_ends_after_other_volumes_were_chosen_is_shown(
    two_patients: tuple[PanelDriver, dict[str, Any], Any],
) -> None:
    from support.panel_result import outcome
    from tumorseg.volume import Geometry

    driver, volumes, first = two_patients
    nodes = {name: driver.parameters.getValue(name) for name in SEQUENCES}
    driver.settle(lambda: driver.ui.segmentButton.enabled)
    driver.ui.segmentButton.click()
    choose(driver, volumes)
    assert driver.parameters.segmentation is first
    made = outcome(driver.scene, nodes, Geometry((4, 4, 4)))
    driver.logic.runs[-1].end(made)
    driver.settle()
    assert driver.parameters.segmentation is made.segmentation
    assert driver.ui.qualityLabel.text == f"{ELSEWHERE}\n{CAUTION}"


def test_the_result_before_takes_the_place_of_one_that_is_removed(segmented: PanelDriver) -> None:
    before = segmented.parameters.segmentation
    segment(segmented)
    segmented.scene.RemoveNode(segmented.parameters.segmentation)
    segmented.settle(lambda: segmented.parameters.segmentation is before)
    assert before.GetDisplayVisibility()
    assert segmented.ui.headlineLabel.text.startswith(f"{before.GetName()}\n")


def test_removing_the_second_patients_result_does_not_bring_the_firsts(
    two_patients: tuple[PanelDriver, dict[str, Any], Any],
) -> None:
    driver, _volumes, first = two_patients
    driver.scene.RemoveNode(driver.parameters.segmentation)
    driver.settle()
    assert driver.parameters.segmentation is None
    assert not driver.ui.resultCollapsibleButton.visible
    assert not first.GetDisplayVisibility()


def test_edited_segments_are_told_when_the_user_comes_back(segmented: PanelDriver) -> None:
    segmented.widget.exit()
    segmented.parameters.segmentation.GetSegmentation().RemoveSegment("ET")
    segmented.widget.enter()
    assert segmented.ui.qualityLabel.text == f"{EDITED}\n{CAUTION}"


def test_table_that_was_removed_cannot_be_exported(segmented: PanelDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("slicer.util.errorDisplay", said.append)
    segmented.scene.RemoveNode(segmented.logic.resultOf(segmented.parameters.segmentation).table)
    segmented.ui.exportButton.click()
    assert said == ["The table is no longer in the scene; segment again to get a new one."]
    segmented.widget.enter()
    assert not segmented.ui.exportButton.enabled


def test_removed_result_leaves_the_panel(segmented: PanelDriver) -> None:
    segmented.scene.RemoveNode(segmented.parameters.segmentation)
    segmented.settle(lambda: not segmented.ui.resultCollapsibleButton.visible)


def test_removed_result_leaves_nothing_of_its_own_in_the_views(segmented: PanelDriver) -> None:
    """The next patient must not get the uncertainty and diameters of the last one."""
    composite = segmented.scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    before = segmented.logic.resultOf(segmented.parameters.segmentation)
    segmented.ui.uncertaintyButton.click()
    segmented.ui.diametersButton.click()
    segmented.scene.RemoveNode(before.segmentation)
    assert composite.GetForegroundVolumeID() is None
    assert not any(line.GetDisplayVisibility() for line in before.diameters)
    assert all(segmented.scene.IsNodePresent(node) for node in (before.uncertainty, *before.diameters))


def test_removing_an_older_result_leaves_the_one_shown(segmented: PanelDriver) -> None:
    from TumorSegUNetLib.diameter_markups import showDiameters

    composite = segmented.scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    older = segmented.parameters.segmentation
    segment(segmented)
    current = segmented.logic.resultOf(segmented.parameters.segmentation)
    segmented.ui.uncertaintyButton.click()
    segmented.ui.diametersButton.click()
    showDiameters(older, True)
    lines = segmented.logic.resultOf(older).diameters
    segmented.scene.RemoveNode(older)
    assert composite.GetForegroundVolumeID() == current.uncertainty.GetID()
    assert all(line.GetDisplayVisibility() for line in current.diameters)
    assert not any(line.GetDisplayVisibility() for line in lines)


def test_result_and_choices_survive_saving_and_loading(segmented: PanelDriver, tmp_path: Path) -> None:
    name = segmented.parameters.segmentation.GetName()
    segmented.ui.ttaCheckBox.click()
    segmented.scene.WriteToMRB(str(tmp_path / "visit.mrb"))
    segmented.scene.Clear(1)
    assert not segmented.ui.resultCollapsibleButton.visible
    segmented.scene.ReadFromMRB(str(tmp_path / "visit.mrb"))
    segmented.widget.enter()
    assert segmented.parameters.segmentation.GetName() == name
    assert segmented.parameters.fixed == ""
    assert segmented.parameters.tta
    assert segmented.ui.ttaCheckBox.checked
    assert segmented.ui.headlineLabel.text == f"{name}\nTumor with edema 1.0 mL, left hemisphere, 2 foci"
    assert segmented.ui.qualityLabel.text == CAUTION
    assert segmented.ui.t1Selector.currentNode().GetName() == "t1"
    for button in (segmented.ui.reportButton, segmented.ui.diametersButton, segmented.ui.exportButton):
        assert button.enabled


def test_section_without_result_is_empty(driver: PanelDriver) -> None:
    assert resultState(None).rows == ()
    assert driver.ui.resultTable.rowCount == 0
    assert not driver.ui.exportButton.enabled
