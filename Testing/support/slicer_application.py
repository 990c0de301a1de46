"""A stand-in for the application around the panel: real MRML from the ``slicer-core`` wheel, Qt from PySide6."""

from __future__ import annotations

import contextlib
import enum
import importlib
import sys
import types
import typing
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import slicer
import slicer.util
import vtk
from PySide6 import QtCore, QtWidgets

from support.pythonqt import QtModule, Wrapped, application, child_variables, load_ui
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


class ParameterNode:
    """What ``@parameterNodeWrapper`` makes: typed attributes kept in a scripted module node."""

    types: typing.ClassVar[dict[str, Any]]

    def __init__(self, node: slicer.vtkMRMLScriptedModuleNode) -> None:
        object.__setattr__(self, "parameterNode", node)
        object.__setattr__(self, "_bound", {})
        object.__setattr__(self, "_showing", False)

    def getValue(self, name: str) -> Any:
        kind, node = self.types[name], self.parameterNode
        if issubclass(kind, slicer.vtkMRMLNode):
            return node.GetNodeReference(name)
        text = node.GetParameter(name)
        if not text and name not in node.GetParameterNames():
            return getattr(type(self), f"default_{name}")
        return kind[text] if issubclass(kind, enum.Enum) else text == "True" if kind is bool else kind(text)

    def setValue(self, name: str, value: Any) -> None:
        kind = self.types[name]
        if issubclass(kind, slicer.vtkMRMLNode):
            self.parameterNode.SetNodeReferenceID(name, value.GetID() if value is not None else None)
            self.parameterNode.Modified()
        else:
            assert isinstance(value, kind), f"{name} = {value!r}"
            self.parameterNode.SetParameter(name, value.name if isinstance(value, enum.Enum) else str(value))

    def __getattr__(self, name: str) -> Any:
        if name not in type(self).types:
            raise AttributeError(name)
        return self.getValue(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.setValue(name, value)

    def connectParametersToGui(self, mapping: dict[str, Wrapped]) -> int:
        for name, widget in mapping.items():
            self._bind(name, widget)
        self._bound[len(self._bound)] = mapping
        self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._show())
        self._show()
        return len(self._bound) - 1

    def disconnectGui(self, tag: int) -> None:
        self._bound[tag] = {}

    def _bind(self, name: str, widget: Wrapped) -> None:
        kind = self.types[name]
        if issubclass(kind, enum.Enum):
            widget.clear()
            for member in kind:
                widget.addItem(member.label())
            widget.setCurrentIndex(list(kind).index(self.getValue(name)))
            widget.connect("currentIndexChanged(int)", lambda index: self._write(name, list(kind)[index]))
        elif kind is bool:
            widget.connect("toggled(bool)", lambda checked: self._write(name, checked))
        else:
            widget.connect("currentNodeChanged(vtkMRMLNode*)", lambda node: self._write(name, node))

    def _write(self, name: str, value: Any) -> None:
        if not self._showing and any(name in mapping for mapping in self._bound.values()):
            self.setValue(name, value)

    def _show(self) -> None:
        if self._showing:
            return
        object.__setattr__(self, "_showing", True)
        for mapping in list(self._bound.values()):
            for name, widget in mapping.items():
                show_value(widget, self.getValue(name))
        object.__setattr__(self, "_showing", False)

    def AddObserver(self, event: Any, callback: Any, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()


def show_value(widget: Wrapped, value: Any) -> None:
    """Set a parameter on the widget that is bound to it."""
    if isinstance(value, enum.Enum):
        widget.setCurrentIndex(list(type(value)).index(value))
    elif isinstance(value, bool):
        widget.checked = value
    else:
        widget.setCurrentNode(value)


def parameter_node_wrapper(cls: type) -> type:
    """Stands for the decorator: same attributes, kept in the node."""
    kinds = typing.get_type_hints(cls)
    defaults = {f"default_{name}": getattr(cls, name) for name in kinds if name in vars(cls)}
    return type(cls.__name__, (ParameterNode,), {"types": kinds, "__doc__": cls.__doc__, **defaults})


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
