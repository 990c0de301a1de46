"""Scenes that are loaded, or added to the one at hand, while the panel is open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tumorseg.sequences import SEQUENCES
from TumorSegUNetLib.logic import TumorSegUNetLogic

if TYPE_CHECKING:
    from support.panel_driver import PanelDriver


@pytest.fixture
def recognizing(driver: PanelDriver) -> PanelDriver:
    """The panel with the real recognition, which tells patients apart."""
    driver.logic.suggestInputs = TumorSegUNetLogic().suggestInputs
    return driver


def add_patient(driver: PanelDriver, name: str) -> None:
    for sequence in SEQUENCES:
        driver.add(f"{name}_{sequence}")
    driver.settle(lambda: chosen(driver) == [f"{name}_{sequence}" for sequence in SEQUENCES])


def chosen(driver: PanelDriver) -> list[str | None]:
    nodes = [driver.parameters.getValue(name) for name in SEQUENCES]
    return [node.GetName() if node is not None else None for node in nodes]


def shown(driver: PanelDriver) -> list[str | None]:
    nodes = [getattr(driver.ui, f"{name}Selector").currentNode() for name in SEQUENCES]
    return [node.GetName() if node is not None else None for node in nodes]


def reopen(driver: PanelDriver, path: Path) -> None:
    """Save the scene, close it, and load it again."""
    driver.scene.WriteToMRB(str(path))
    driver.scene.Clear()
    driver.scene.ReadFromMRB(str(path))
    driver.settle()


def test_recognized_volumes_of_a_loaded_scene_are_nobodys_choice(recognizing: PanelDriver, tmp_path: Path) -> None:
    add_patient(recognizing, "Anna")
    reopen(recognizing, tmp_path / "visit.mrb")
    assert chosen(recognizing) == shown(recognizing) == [f"Anna_{name}" for name in SEQUENCES]
    assert recognizing.parameters.fixed == ""
    assert "% sure" in recognizing.ui.t1ConfidenceLabel.text


def test_next_patient_is_taken_after_a_scene_was_loaded(recognizing: PanelDriver, tmp_path: Path) -> None:
    add_patient(recognizing, "Anna")
    reopen(recognizing, tmp_path / "visit.mrb")
    add_patient(recognizing, "Berta")
    assert shown(recognizing) == [f"Berta_{name}" for name in SEQUENCES]


def test_choice_by_hand_outlives_another_scene_that_is_added(driver: PanelDriver, tmp_path: Path) -> None:
    from TumorSegUNetLib.scene import createScene

    other = createScene()
    other.AddNewNodeByClass("vtkMRMLTextNode", "note")
    other.WriteToMRB(str(tmp_path / "other.mrb"))
    nodes = driver.add_study()
    driver.settle()
    driver.ui.t1Selector.setCurrentNode(nodes["t2"])
    driver.settle(lambda: chosen(driver) == ["t2", "t1ce", None, "flair"])
    driver.scene.ReadFromMRB(str(tmp_path / "other.mrb"))
    driver.settle()
    assert chosen(driver) == shown(driver) == ["t2", "t1ce", None, "flair"]
    assert driver.parameters.fixed == "t1"


def test_panel_is_bound_again_after_an_import(driver: PanelDriver, tmp_path: Path) -> None:
    """The selectors let go of the choices while a scene comes in."""
    nodes = driver.add_study()
    driver.settle()
    driver.scene.WriteToMRB(str(tmp_path / "visit.mrb"))
    driver.scene.ReadFromMRB(str(tmp_path / "visit.mrb"))
    driver.settle()
    driver.ui.t1Selector.setCurrentNode(nodes["flair"])
    assert driver.parameters.t1 is nodes["flair"]
    driver.ui.ttaCheckBox.click()
    assert driver.parameters.tta


def test_volumes_that_are_hidden_cannot_be_chosen(driver: PanelDriver) -> None:
    driver.add("hidden").SetHideFromEditors(True)
    driver.add_study()
    driver.scene.InvokeEvent(driver.scene.EndImportEvent)
    selector = driver.ui.t1Selector
    assert [selector.itemText(row) for row in range(selector.count)] == ["None", *SEQUENCES]
