"""What the panel does about PyTorch: never without asking, and never without a word."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from TumorSegUNetLib.dependencies import MissingPyTorchError

if TYPE_CHECKING:
    from support.panel_driver import PanelDriver

MISSING = "PyTorch is missing; install the extension PyTorch in the Extensions Manager and restart Slicer."


class Computer:
    """Whether PyTorch is there, and what happens when it is to be installed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, installed: bool, refused: bool = False) -> None:
        self.installed, self.refused = installed, refused
        self.asked: list[bool] = []
        self.meanwhile: Callable[[], None] = lambda: None
        for name in ("panel.torchInstalled", "device_line.torchInstalled", "warm_up.torchInstalled"):
            monkeypatch.setattr(f"TumorSegUNetPanel.{name}", lambda: self.installed)
        monkeypatch.setattr("TumorSegUNetPanel.panel.ensureTorch", self.ensure)

    def ensure(self, mayInstall: bool) -> None:  # noqa: N803
        self.asked.append(mayInstall)
        self.meanwhile()
        if not self.installed and self.refused:
            raise MissingPyTorchError(MISSING)
        self.installed = True


def test_panel_without_pytorch_offers_to_install_it(driver: PanelDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    computer = Computer(monkeypatch, installed=False)
    driver.widget.enter()
    assert driver.ui.deviceLabel.text == "PyTorch, which runs the network, is not installed yet."
    assert driver.ui.installButton.visible
    assert not computer.asked
    assert driver.logic.warmed == []


def test_installation_ends_in_the_sentence_of_a_self_check(
    driver: PanelDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    computer = Computer(monkeypatch, installed=False)
    driver.widget.enter()
    driver.ui.installButton.click()
    driver.settle(lambda: driver.ui.deviceLabel.text == "PyTorch 2.13 works.")
    assert computer.asked == [False]  # a test must not download anything
    assert not driver.ui.installButton.visible
    assert driver.logic.released, "the worker that has looked for PyTorch in vain goes on"
    assert driver.logic.warmed == [("threshold", "auto")]


def test_clicks_during_the_installation_start_no_second_one(
    driver: PanelDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of pip writing into one folder break PyTorch; clicks that were queued before a button was off come late."""
    computer = Computer(monkeypatch, installed=False)
    enabled: list[bool] = []

    def impatient() -> None:
        enabled.extend((driver.ui.installButton.enabled, driver.ui.segmentButton.enabled))
        driver.widget.panel._onInstall()
        assert driver.ui.statusLabel.text == "Installing PyTorch…"

    computer.meanwhile = impatient
    driver.widget.enter()
    driver.ui.installButton.click()
    assert len(computer.asked) == 1
    assert enabled == [False, False]
    assert driver.ui.installButton.enabled


def test_scene_closed_during_the_installation_is_not_segmented(
    driver: PanelDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    computer = Computer(monkeypatch, installed=False)
    computer.meanwhile = driver.scene.Clear
    driver.add_study()
    driver.settle(lambda: driver.ui.segmentButton.enabled)
    driver.ui.segmentButton.click()
    assert computer.installed
    assert not driver.logic.runs
    assert driver.ui.statusLabel.text == "Choose the T1, T1ce, T2 and FLAIR volume."


def test_refused_installation_is_a_sentence(driver: PanelDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    Computer(monkeypatch, installed=False, refused=True)
    driver.widget.enter()
    driver.add_study()
    driver.settle(lambda: driver.ui.segmentButton.enabled)
    driver.ui.segmentButton.click()
    assert driver.ui.statusLabel.text == MISSING
    assert not driver.logic.runs
    assert driver.ui.segmentButton.enabled


def test_segment_installs_what_is_missing_and_goes_on(driver: PanelDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    computer = Computer(monkeypatch, installed=False)
    driver.add_study()
    driver.settle(lambda: driver.ui.segmentButton.enabled)
    driver.ui.segmentButton.click()
    assert computer.installed
    assert len(driver.logic.runs) == 1
    driver.settle(lambda: driver.ui.deviceLabel.text == "PyTorch 2.13 works.")
