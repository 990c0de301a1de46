"""A stand-in for the application around the panel: real MRML from the ``slicer-core`` wheel, Qt from PySide6."""

from __future__ import annotations

import contextlib
import importlib
import sys
import types
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import slicer
import slicer.util
from PySide6 import QtCore, QtWidgets

from support.pythonqt import QtModule, Wrapped, application, child_variables, load_ui
from support.slicer_parameters import parameter_node_wrapper
from support.slicer_widgets import STAND_INS

MODULE_FOLDER = Path(__file__).resolve().parents[2] / "TumorSegU-Net"


class Application:
    """What the panel asks ``slicer.app``."""

    def __init__(self) -> None:
        self.started: list[Any] = []

    def testingEnabled(self) -> bool:
        return True

    def layoutManager(self) -> None:
        return None

    def processEvents(self) -> None:
        application().processEvents()

    def connect(self, signature: str, slot: Any) -> None:
        assert signature == "startupCompleted()"
        self.started.append(slot)


class ModuleBase:
    """``ScriptedLoadableModule``."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent


class WidgetBase:
    """``ScriptedLoadableModuleWidget``."""

    def __init__(self, parent: Any = None) -> None:
        self.parent = types.SimpleNamespace(isEntered=True)
        self.window = QtWidgets.QWidget()
        self.layout = Wrapped(QtWidgets.QVBoxLayout(self.window))

    def setup(self) -> None: ...

    def resourcePath(self, name: str) -> str:
        return str(MODULE_FOLDER / "Resources" / name)


class LogicBase:
    """``ScriptedLoadableModuleLogic``: one parameter node per scene."""

    def getParameterNode(self) -> slicer.vtkMRMLScriptedModuleNode:
        scene = slicer.mrmlScene
        node = scene.GetSingletonNode("TumorSegUNet", "vtkMRMLScriptedModuleNode")
        if node is None:
            node = scene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
            node.SetSingletonTag("TumorSegUNet")
            node = scene.AddNode(node)
        return node


@contextlib.contextmanager
def error_display(*values: Any, **options: Any) -> Iterator[None]:
    """``slicer.util.tryWithErrorDisplay``, which raises again in testing mode."""
    yield


def module(name: str, **values: Any) -> types.ModuleType:
    """A Python module with these names."""
    made = types.ModuleType(name)
    made.__dict__.update(values)
    return made


def settings_in(folder: Path) -> None:
    """Keep the application's settings in a folder instead of the user's own."""
    kind = QtCore.QSettings.Format.IniFormat
    QtCore.QSettings.setDefaultFormat(kind)
    QtCore.QSettings.setPath(kind, QtCore.QSettings.Scope.UserScope, str(folder))


def install(patch: pytest.MonkeyPatch, scene: slicer.vtkMRMLScene) -> types.ModuleType:
    """Put the stand-ins in place and import the module ``TumorSegUNet`` anew."""
    application()
    base = module(
        "slicer.ScriptedLoadableModule",
        ScriptedLoadableModule=ModuleBase,
        ScriptedLoadableModuleWidget=WidgetBase,
        ScriptedLoadableModuleLogic=LogicBase,
        ScriptedLoadableModuleTest=unittest.TestCase,
    )
    patch.setitem(sys.modules, "qt", QtModule("qt"))
    patch.setitem(sys.modules, "slicer.ScriptedLoadableModule", base)
    patch.setitem(
        sys.modules,
        "slicer.i18n",
        module("slicer.i18n", tr=lambda text: text, translate=lambda context, text: text),
    )
    patch.setitem(
        sys.modules,
        "slicer.parameterNodeWrapper",
        module("slicer.parameterNodeWrapper", parameterNodeWrapper=parameter_node_wrapper),
    )
    for name, value in {
        "mrmlScene": scene,
        "app": Application(),
        "modules": types.SimpleNamespace(),
        "qSlicerScriptedLoadableModule": object,
        "qSlicerScriptedLoadableModuleWidget": object,
    }.items():
        patch.setattr(slicer, name, value, raising=False)
    for name, value in {
        "loadUI": lambda path: load_ui(path, STAND_INS),
        "childWidgetVariables": child_variables,
        "mainWindow": lambda: None,
        "tryWithErrorDisplay": error_display,
        "getModuleLogic": lambda name: types.SimpleNamespace(LoadTerminologyFromFile=lambda path: ""),
    }.items():
        patch.setattr(slicer.util, name, value, raising=False)
    for name in [name for name in sys.modules if name.split(".")[0] in ("TumorSegUNet", "TumorSegUNetPanel")]:
        patch.delitem(sys.modules, name)
    patch.syspath_prepend(str(MODULE_FOLDER))
    return importlib.import_module("TumorSegUNet")
