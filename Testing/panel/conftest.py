"""The module's widget on PySide6, with real MRML and a scripted logic; skipped where either is missing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
pytest.importorskip("slicer", reason="the slicer-core wheel is not installed")
pytest.importorskip(
    "PySide6.QtWidgets", reason="PySide6 or a library of the system that it needs is missing", exc_type=ImportError
)

from support.models import saved, threshold_model
from tumorseg.modelfile import read_spec
from tumorseg.modelstore import ModelEntry
from tumorseg.volume import Geometry, Volume


class Driver:
    """The panel in a test's hands."""

    def __init__(self, module: ModuleType, logic: Any, scene: Any) -> None:
        module.TumorSegUNetLogic = lambda: _withParameterNode(module, logic)
        self.module, self.logic, self.scene = module, logic, scene
        self.widget = module.TumorSegUNetWidget()
        self.widget.setup()
        self.widget.window.show()

    @property
    def ui(self) -> Any:
        return self.widget.ui

    @property
    def parameters(self) -> Any:
        return self.widget.logic.getParameterNode()

    def add(self, name: str, value: float = 1.0) -> Any:
        from TumorSegUNetLib.volumes import nodeFromVolume

        geometry = Geometry((4, 4, 4))
        return nodeFromVolume(self.scene, Volume(np.full(geometry.shape, value, np.float32), geometry, name))

    def add_study(self) -> dict[str, Any]:
        return {name: self.add(name) for name in ("t1", "t1ce", "t2", "flair")}

    def settle(self, until: Callable[[], bool] | None = None) -> None:
        """Let timers act: until something holds, or until the two waiting times of the panel have passed."""
        from support.pythonqt import application

        deadline = time.monotonic() + (20 if until else 1.2)
        while time.monotonic() < deadline and not (until and until()):
            application().processEvents()
            time.sleep(0.005)
        assert until is None or until(), self.ui.statusLabel.text


def _withParameterNode(module: ModuleType, logic: Any) -> Any:
    from support.slicer_application import LogicBase

    logic.getParameterNode = lambda: module.TumorSegUNetParameterNode(LogicBase.getParameterNode(logic))
    return logic


def _temporary(patch):
    import sys
    import types

    shown = {"d": False, "u": None}
    m = types.ModuleType("TumorSegUNetLib.diameter_markups")
    m.diametersShown = lambda s: shown["d"]
    m.showDiameters = lambda s, v: shown.update(d=v)
    patch.setitem(sys.modules, m.__name__, m)
    m = types.ModuleType("TumorSegUNetLib.result_views")
    m.showResult = lambda s: None
    m.showUncertainty = lambda scene, node: shown.update(u=node)
    m.uncertaintyShown = lambda scene, node: shown["u"] is node
    patch.setitem(sys.modules, m.__name__, m)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Driver]:
    from PySide6 import QtCore

    from support.panel_logic import ScriptedLogic
    from support.slicer_application import install
    from TumorSegUNetLib.scene import createScene

    QtCore.QSettings.setDefaultFormat(QtCore.QSettings.Format.IniFormat)
    QtCore.QSettings.setPath(
        QtCore.QSettings.Format.IniFormat, QtCore.QSettings.Scope.UserScope, str(tmp_path / "settings")
    )
    scene = createScene()
    _temporary(monkeypatch)
    module = install(monkeypatch, scene)
    monkeypatch.setattr("TumorSegUNetPanel.panel.ensureTorch", lambda mayInstall: None)
    monkeypatch.setattr("TumorSegUNetPanel.panel.torchInstalled", lambda: True)
    monkeypatch.setattr("TumorSegUNetPanel.device_line.torchInstalled", lambda: True)
    path = saved(threshold_model(), tmp_path)
    made = Driver(module, ScriptedLogic([ModelEntry("threshold", path, read_spec(path))]), scene)
    yield made
    made.widget.cleanup()
