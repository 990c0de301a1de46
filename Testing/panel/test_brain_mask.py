"""The brain mask and the registration on the panel: chosen, checked, handed over, and let go with their patient."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tumorseg.sequences import SEQUENCES

if TYPE_CHECKING:
    from support.panel_driver import PanelDriver

SKULL = {
    "code": "skull",
    "severity": "warning",
    "volumes": ("t1",),
    "message": "T1 shows a skull.",
    "remedy": "Give a brain mask.",
}


def complete(driver: PanelDriver) -> bool:
    return driver.ui.segmentButton.enabled and driver.ui.statusLabel.text == "The volumes fit. Ready."


def add_mask(driver: PanelDriver, name: str = "brain", kind: str = "vtkMRMLSegmentationNode") -> Any:
    return driver.scene.AddNewNodeByClass(kind, name)


def with_mask(driver: PanelDriver) -> Any:
    """The panel with a study and a mask that was chosen for it."""
    driver.add_study()
    mask = add_mask(driver)
    driver.ui.brainMaskSelector.setCurrentNode(mask)
    driver.settle(lambda: complete(driver) and driver.parameters.brainMask is mask)
    return mask


def next_patient(driver: PanelDriver, name: str = "t1ce") -> Any:
    """Another T1ce is chosen."""
    node = driver.add(f"Berta_{name}")
    getattr(driver.ui, f"{name}Selector").setCurrentNode(node)
    return node


@pytest.mark.parametrize("kind", ["vtkMRMLSegmentationNode", "vtkMRMLLabelMapVolumeNode", "vtkMRMLScalarVolumeNode"])
def test_every_kind_of_mask_can_be_chosen_and_none_is(driver: PanelDriver, kind: str) -> None:
    driver.add_study()
    mask = add_mask(driver, kind=kind)
    driver.settle(lambda: complete(driver))
    assert driver.parameters.brainMask is None
    assert driver.ui.t1Selector.target.findText("brain") == (5 if kind == "vtkMRMLScalarVolumeNode" else -1)
    driver.ui.brainMaskSelector.setCurrentNode(mask)
    assert driver.parameters.brainMask is mask
    assert driver.ui.brainMaskSelector.currentNode() is mask


def test_a_run_and_its_check_get_the_mask(driver: PanelDriver) -> None:
    mask = with_mask(driver)
    assert driver.logic.checked[-1] == {"brainMask": mask, "register": True}
    driver.ui.segmentButton.click()
    request = driver.logic.requests[-1]
    assert (request["brainMask"], request["register"]) == (mask, True)
    assert list(request["inputs"]) == list(SEQUENCES)


def test_registration_is_on_until_it_is_switched_off(driver: PanelDriver) -> None:
    driver.add_study()
    driver.settle(lambda: complete(driver))
    assert driver.ui.registerCheckBox.checked
    driver.ui.registerCheckBox.click()
    driver.settle(lambda: complete(driver) and len(driver.logic.checks) == 2)
    assert driver.logic.checked[-1] == {"brainMask": None, "register": False}
    driver.ui.segmentButton.click()
    assert driver.logic.requests[-1]["register"] is False
    driver.scene.Clear(1)
    assert driver.parameters.register  # nothing to be kept for the next patient without a word
    assert driver.ui.registerCheckBox.checked


def test_another_mask_is_checked_again_once(driver: PanelDriver) -> None:
    mask = with_mask(driver)
    checks = len(driver.logic.checks)
    other = add_mask(driver, "other")
    driver.settle()
    assert len(driver.logic.checks) == checks
    for number, node in enumerate((other, None, mask), start=1):
        driver.ui.brainMaskSelector.setCurrentNode(node)
        driver.settle(lambda number=number: len(driver.logic.checks) == checks + number)
        driver.settle(lambda: complete(driver))
        assert driver.logic.checked[-1]["brainMask"] is node


def test_a_mask_that_was_edited_is_checked_again_on_return(driver: PanelDriver) -> None:
    mask = with_mask(driver)
    checks = len(driver.logic.checks)
    for changes in (0, 1):
        driver.widget.exit()
        if changes:
            mask.GetSegmentation().AddEmptySegment("brain")
        driver.widget.enter()
        driver.settle()
        assert len(driver.logic.checks) == checks + changes


def test_the_remark_on_a_skull_leads_to_the_selector(driver: PanelDriver) -> None:
    driver.logic.findings = (SKULL,)
    driver.add_study()
    driver.settle(lambda: driver.ui.findingsFrame.visible)
    assert driver.ui.advancedGroupBox.collapsed
    assert "Choose a brain mask</a>" in driver.ui.findingsLabel.text
    driver.ui.modelCollapsibleButton.collapsed = True
    driver.ui.findingsLabel.target.linkActivated.emit("mask")
    driver.settle(lambda: not driver.ui.advancedGroupBox.collapsed)
    assert not driver.ui.modelCollapsibleButton.collapsed
    assert driver.ui.brainMaskSelector.target.isVisible()


def test_a_mask_does_not_stay_for_the_next_patient(driver: PanelDriver) -> None:
    with_mask(driver)
    next_patient(driver)
    assert driver.parameters.brainMask is None
    assert driver.ui.brainMaskSelector.currentNode() is None
    assert "The brain mask &quot;brain&quot; is not used any more" in driver.ui.findingsLabel.text
    driver.settle(lambda: complete(driver))
    assert driver.logic.checked[-1]["brainMask"] is None
    assert "not used any more" in driver.ui.findingsLabel.text
    driver.ui.brainMaskSelector.setCurrentNode(add_mask(driver, "brain of Berta"))
    assert "not used any more" not in driver.ui.findingsLabel.text
    driver.settle(lambda: complete(driver))
    assert driver.parameters.brainMask.GetName() == "brain of Berta"


def test_what_was_said_of_a_mask_does_not_stay_for_the_patient_after(driver: PanelDriver) -> None:
    with_mask(driver)
    next_patient(driver)
    driver.settle(lambda: complete(driver))
    assert "not used any more" in driver.ui.findingsLabel.text
    driver.ui.t1ceSelector.setCurrentNode(driver.add("Carla_t1ce"))
    driver.settle(lambda: complete(driver))
    assert "not used any more" not in driver.ui.findingsLabel.text


def test_a_mask_stays_when_another_volume_than_the_t1ce_changes(driver: PanelDriver) -> None:
    mask = with_mask(driver)
    next_patient(driver, "t2")
    driver.settle(lambda: complete(driver))
    assert driver.parameters.brainMask is mask
    assert driver.logic.checked[-1]["brainMask"] is mask
    assert not driver.ui.findingsFrame.visible


def test_a_patient_who_is_removed_and_replaced_takes_the_mask_along(driver: PanelDriver) -> None:
    mask = with_mask(driver)
    for name in SEQUENCES:
        driver.scene.RemoveNode(driver.parameters.getValue(name))
    driver.settle()
    assert driver.parameters.brainMask is mask
    driver.add_study()
    driver.settle(lambda: complete(driver))
    assert driver.parameters.brainMask is None
    assert "not used any more" in driver.ui.findingsLabel.text


def test_a_mask_that_is_removed_leaves_its_selector_empty(driver: PanelDriver) -> None:
    mask = with_mask(driver)
    add_mask(driver, "next in the list")
    driver.ui.segmentButton.click()
    driver.scene.RemoveNode(mask)
    assert driver.parameters.brainMask is None
    assert driver.ui.brainMaskSelector.currentNode() is None
    assert not driver.logic.runs[-1].cancelled
    driver.ui.segmentButton.click()
    driver.settle(lambda: driver.logic.checked[-1]["brainMask"] is None)


def test_a_volume_that_serves_as_mask_too_leaves_both_selectors(driver: PanelDriver) -> None:
    driver.add_study()
    driver.settle(lambda: complete(driver))
    t1 = driver.parameters.t1
    driver.ui.brainMaskSelector.setCurrentNode(t1)
    driver.settle(lambda: driver.ui.statusLabel.text.startswith("The brain mask is the T1 volume itself;"))
    driver.scene.RemoveNode(t1)
    assert driver.parameters.t1 is None
    assert driver.parameters.brainMask is None


def test_mask_and_box_survive_saving_and_loading(driver: PanelDriver, tmp_path: Path) -> None:
    with_mask(driver)
    driver.ui.registerCheckBox.click()
    driver.scene.WriteToMRB(str(tmp_path / "visit.mrb"))
    driver.scene.Clear()
    assert driver.parameters.brainMask is None
    driver.scene.ReadFromMRB(str(tmp_path / "visit.mrb"))
    driver.settle(lambda: complete(driver))
    assert driver.parameters.brainMask.GetName() == "brain"
    assert driver.ui.brainMaskSelector.currentNode() is driver.parameters.brainMask
    assert not driver.parameters.register
    next_patient(driver)
    assert driver.parameters.brainMask is None


def test_a_mask_that_cannot_be_used_blocks_with_its_sentence(driver: PanelDriver) -> None:
    from TumorSegUNetLib.brain_masks import viewOfMask

    def look(inputs: dict[str, Any], model: str | None, **options: Any) -> Any:
        return viewOfMask(options["brainMask"])

    nodes = driver.add_study()
    driver.settle(lambda: complete(driver))
    driver.logic.startCheck = look
    driver.ui.brainMaskSelector.setCurrentNode(add_mask(driver))
    driver.settle(lambda: not driver.ui.segmentButton.enabled)
    assert driver.ui.statusLabel.text == '"brain" (brain mask) has no segments; choose another mask.'
    assert [driver.parameters.getValue(name) for name in SEQUENCES] == [nodes[name] for name in SEQUENCES]
