"""The worker is ready before Segment is pressed, and nobody pays for one that is not wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.panel_driver import PanelDriver

READY = ("threshold", "auto")


def choose_volumes(driver: PanelDriver) -> None:
    driver.add_study()
    driver.settle(lambda: driver.ui.statusLabel.text == "The volumes fit. Ready.")


def test_the_panel_alone_starts_nothing(driver: PanelDriver) -> None:
    choose_volumes(driver)
    assert driver.logic.warmed == []


def test_showing_the_module_gets_the_worker_ready_once(driver: PanelDriver) -> None:
    driver.widget.enter()
    driver.widget.enter()
    choose_volumes(driver)
    assert driver.logic.warmed == [READY]


def test_volumes_get_another_worker_ready_after_the_first_has_gone(driver: PanelDriver) -> None:
    driver.widget.enter()
    driver.logic.worker = None
    choose_volumes(driver)
    assert driver.logic.warmed == [READY, READY]


def test_another_device_is_got_ready(driver: PanelDriver) -> None:
    driver.widget.enter()
    driver.ui.deviceComboBox.setCurrentIndex(3)
    assert driver.logic.warmed == [READY, ("threshold", "cpu")]


def test_volumes_that_come_while_another_module_is_shown_start_nothing(driver: PanelDriver) -> None:
    driver.widget.enter()
    driver.logic.worker = None
    driver.widget.exit()
    choose_volumes(driver)
    assert driver.logic.warmed == [READY]
    driver.widget.enter()
    assert driver.logic.warmed == [READY, READY]


def test_a_model_that_is_not_there_is_not_asked_for(driver: PanelDriver) -> None:
    driver.parameters.model = "gone"
    driver.widget.enter()
    assert driver.logic.warmed == []


def test_a_run_is_not_disturbed(driver: PanelDriver) -> None:
    choose_volumes(driver)
    driver.ui.segmentButton.click()
    driver.widget.enter()
    driver.parameters.tta = True
    assert driver.logic.warmed == []
    driver.ui.segmentButton.click()
    driver.parameters.tta = False
    assert driver.logic.warmed == [READY]


def test_scene_that_closes_takes_the_kept_voxels_along(driver: PanelDriver) -> None:
    driver.scene.Clear(0)
    assert driver.logic.forgotten
