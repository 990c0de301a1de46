"""The module's widget in a test's hands: set up, loaded with volumes, waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import slicer

from support.pythonqt import application
from support.slicer_application import LogicBase
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Geometry, Volume
from TumorSegUNetLib.volumes import nodeFromVolume

QUIET_SECONDS = 1.2
"""Longer than the panel waits for the end of a change, recognition and check together."""


class PanelDriver:
    """Makes the widget with a logic of the test's choice.

    Args:
        module: the imported module ``TumorSegUNet``.
        logic: does what the panel asks for.
        scene: the application's scene.
    """

    def __init__(self, module: ModuleType, logic: Any, scene: slicer.vtkMRMLScene) -> None:
        logic.getParameterNode = lambda: module.TumorSegUNetParameterNode(LogicBase.getParameterNode(logic))
        module.TumorSegUNetLogic = lambda: logic
        self.logic = logic
        self.scene = scene
        self.widget = module.TumorSegUNetWidget()
        self.widget.setup()
        self.widget.window.show()

    @property
    def ui(self) -> Any:
        """The widgets, as PythonQt shows them."""
        return self.widget.ui

    @property
    def parameters(self) -> Any:
        """The parameter node of the scene."""
        return self.logic.getParameterNode()

    def add(self, name: str) -> slicer.vtkMRMLScalarVolumeNode:
        """Load a small volume."""
        geometry = Geometry((4, 4, 4))
        return nodeFromVolume(self.scene, Volume(np.ones(geometry.shape, np.float32), geometry, name))

    def add_study(self) -> dict[str, slicer.vtkMRMLScalarVolumeNode]:
        """Load a volume of every sequence."""
        return {name: self.add(name) for name in SEQUENCES}

    def settle(self, until: Callable[[], bool] | None = None, seconds: float = 20.0) -> None:
        """Let timers act until something holds, or until nothing is waited for any more."""
        deadline = time.monotonic() + (seconds if until else QUIET_SECONDS)
        while time.monotonic() < deadline and not (until and until()):
            application().processEvents()
            time.sleep(0.005)
        assert until is None or until(), self.ui.statusLabel.text
