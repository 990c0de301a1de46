"""The module's widget on PySide6 with real MRML and a scripted logic; skipped where either is missing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.panel_driver import PanelDriver

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PanelDriver]:
    pytest.importorskip("slicer", reason="the slicer-core wheel is not installed")
    reason = "PySide6 or a library of the system that it needs is missing"
    pytest.importorskip("PySide6.QtWidgets", reason=reason, exc_type=ImportError)
    from support.models import saved, threshold_model
    from support.panel_driver import PanelDriver
    from support.panel_logic import ScriptedLogic
    from support.slicer_application import install, settings_in
    from tumorseg.modelfile import read_spec
    from tumorseg.modelstore import ModelEntry
    from TumorSegUNetLib.scene import createScene

    settings_in(tmp_path / "settings")
    scene = createScene()
    module = install(monkeypatch, scene)
    for name in ("panel.torchInstalled", "device_line.torchInstalled", "warm_up.torchInstalled"):
        monkeypatch.setattr(f"TumorSegUNetPanel.{name}", lambda: True)
    monkeypatch.setattr("TumorSegUNetPanel.panel.ensureTorch", lambda **options: None)
    path = saved(threshold_model(), tmp_path)
    driver = PanelDriver(module, ScriptedLogic([ModelEntry("threshold", path, read_spec(path))]), scene)
    yield driver
    driver.widget.cleanup()
