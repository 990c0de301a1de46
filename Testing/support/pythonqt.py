"""Qt as the application's Python sees it (PythonQt), on PySide6: the panel can be driven without the application.

PythonQt makes Qt properties attributes (``button.text = "Segment"``) and connects signals by signature
(``button.connect("clicked(bool)", f)``); PySide6 does neither. A name that PythonQt would not know raises here, too.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

_MODULES = (QtWidgets, QtGui, QtCore)


class Wrapped:
    """A Qt object with its properties as attributes."""

    def __init__(self, target: QtCore.QObject) -> None:
        object.__setattr__(self, "target", target)

    def __getattr__(self, name: str) -> Any:
        target = self.target
        if target.metaObject().indexOfProperty(name) >= 0:
            return wrap(target.property(name))
        value = getattr(target, name)
        return _calling(value) if callable(value) else wrap(value)

    def __setattr__(self, name: str, value: Any) -> None:
        if self.target.metaObject().indexOfProperty(name) < 0:
            raise AttributeError(f"{type(self.target).__name__} has no property {name}")
        self.target.setProperty(name, unwrap(value))

    def __eq__(self, other: object) -> bool:
        return self.target is unwrap(other)

    def __hash__(self) -> int:
        return id(self.target)

    def connect(self, signature: str, slot: Callable[..., Any]) -> bool:
        """PythonQt's connection by signature."""
        name, arguments = signature.rstrip(")").split("(")
        if self.target.metaObject().indexOfSignal(signature) < 0 and "vtk" not in arguments:
            raise AttributeError(f"{type(self.target).__name__} has no signal {signature}")
        signal = getattr(self.target, name)
        # PySide6 looks at the slot to see how many values it wants.
        signal.connect((lambda value: slot(wrap(value))) if arguments else (lambda: slot()))
        return True

    def property(self, name: str) -> Any:
        return wrap(self.target.property(name))


def wrap(value: Any) -> Any:
    """Qt objects with properties as attributes; anything else as it is."""
    if isinstance(value, QtCore.QObject):
        return Wrapped(value)
    return [wrap(item) for item in value] if isinstance(value, list) else value


def unwrap(value: Any) -> Any:
    """The Qt object itself."""
    return value.target if isinstance(value, Wrapped) else value


def _calling(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*values: Any) -> Any:
        return wrap(function(*(unwrap(value) for value in values)))

    return call


class _QtClass:
    """``qt.QTimer``: called it makes an object, its attributes are the class's enumerations and static functions."""

    def __init__(self, cls: type) -> None:
        self._cls = cls

    def __call__(self, *values: Any) -> Any:
        return wrap(self._cls(*(unwrap(value) for value in values)))

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._cls, name)
        return _calling(value) if callable(value) and not isinstance(value, type) else value


class QtModule(types.ModuleType):
    """The module ``qt``."""

    def __getattr__(self, name: str) -> Any:
        for module in _MODULES:
            if hasattr(module, name):
                value = getattr(module, name)
                return _QtClass(value) if isinstance(value, type) else value
        raise AttributeError(f"qt has no {name}")


def application() -> QtWidgets.QApplication:
    """The one application of the process."""
    return QtWidgets.QApplication.instance() or QtWidgets.QApplication([])


def load_ui(path: str, custom_widgets: list[type]) -> Wrapped:
    """A widget tree from a .ui file, with stand-ins for the application's own classes."""
    loader = QtUiTools.QUiLoader()
    for cls in custom_widgets:
        loader.registerCustomWidget(cls)
    loader.setWorkingDirectory(QtCore.QDir(path))
    widget = loader.load(path)
    if widget is None:
        raise AssertionError(loader.errorString())
    return Wrapped(widget)


def child_variables(widget: Wrapped) -> types.SimpleNamespace:
    """Every named child of a widget, as ``slicer.util.childWidgetVariables`` gives them."""
    children = widget.target.findChildren(QtWidgets.QWidget)
    return types.SimpleNamespace(**{child.objectName(): Wrapped(child) for child in children if child.objectName()})
