"""``slicer.parameterNodeWrapper`` for the stand-ins: attributes kept in a scripted module node, bound to widgets.

As in the application, values are those of the node's last ModifiedEvent. An import resolves references after it, so
that a wrapper from before the import goes on telling what it told while nodes came in; a new one reads them.
"""

from __future__ import annotations

import enum
import typing
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer
import slicer.util
import vtk

from support.pythonqt import Wrapped


def node_types(kind: Any) -> tuple[type, ...]:
    """The node classes of an attribute that is a node, or one of several kinds of nodes or none; else empty.

    As in the application, several kinds are ``typing.Union`` with None among them, and not ``A | B``.
    """
    if typing.get_origin(kind) is typing.Union:
        *classes, none = typing.get_args(kind)
        assert none is type(None)
        return tuple(classes)
    return (kind,) if issubclass(kind, slicer.vtkMRMLNode) else ()


@dataclass(frozen=True)
class Parameter:
    """How an attribute is written into a node: as text, volumes and the like as references."""

    name: str
    kind: Any
    default: Any

    def read(self, node: slicer.vtkMRMLScriptedModuleNode) -> Any:
        if not node.HasParameter(self.name):
            self.write(node, self.default)
        if node_types(self.kind):
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        if issubclass(self.kind, enum.Enum):
            return self.kind[text]
        return text == "True" if self.kind is bool else self.kind(text)

    def write(self, node: slicer.vtkMRMLScriptedModuleNode, value: Any) -> None:
        refers = bool(node_types(self.kind))
        assert isinstance(value, self.kind) or (refers and value is None), f"{self.name} = {value!r}"
        if refers:
            node.SetParameter(self.name, "")
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
        else:
            node.SetParameter(self.name, value.name if issubclass(self.kind, enum.Enum) else str(value))


class CachedParameter:
    """The value of an attribute as of the node's last ModifiedEvent; one such event per write."""

    def __init__(self, parameter: Parameter, node: slicer.vtkMRMLScriptedModuleNode) -> None:
        self._parameter = parameter
        self._node = node
        self._writing = False
        self.value = parameter.read(node)
        itself = weakref.proxy(self)  # the node must not keep every wrapper that ever was
        self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: itself.refresh())

    def __del__(self) -> None:
        self._node.RemoveObserver(self._tag)

    def refresh(self) -> None:
        if not self._writing:
            self.value = self._parameter.read(self._node)

    def write(self, value: Any) -> None:
        self._writing = True
        try:
            with slicer.util.NodeModify(self._node):
                self._parameter.write(self._node, value)
                self.value = self._parameter.read(self._node)
        finally:
            self._writing = False


class Connector:
    """A widget that shows an attribute: a list of an enumeration's members, a check box or a node selector."""

    def __init__(self, widget: Wrapped, kind: Any) -> None:
        self._widget = widget
        self._kind = kind
        self._enumerates = isinstance(kind, type) and issubclass(kind, enum.Enum)
        self._changed: Callable[[], None] | None = None
        if classes := node_types(kind):
            widget.nodeTypes = [cls.__name__ for cls in classes]  # the attribute decides, not the .ui file
        if self._enumerates:
            widget.clear()
            for member in kind:
                widget.addItem(member.label())

    def on_changed(self, callback: Callable[[], None]) -> None:
        self._changed = callback
        self._widget.connect(self._signal(), lambda value: self._changed and self._changed())

    def forget(self) -> None:
        self._changed = None

    def _signal(self) -> str:
        if self._enumerates:
            return "currentIndexChanged(int)"
        return "toggled(bool)" if self._kind is bool else "currentNodeChanged(vtkMRMLNode*)"

    def read(self) -> Any:
        if self._enumerates:
            return list(self._kind)[self._widget.currentIndex]
        return self._widget.checked if self._kind is bool else self._widget.currentNode()

    def write(self, value: Any) -> None:
        if isinstance(value, enum.Enum):
            self._widget.setCurrentIndex(list(type(value)).index(value))
        elif self._kind is bool:
            self._widget.checked = value
        else:
            self._widget.setCurrentNode(value)


class ParameterNode:
    """What ``@parameterNodeWrapper`` makes of a class."""

    parameters: typing.ClassVar[list[Parameter]]

    def __init__(self, node: slicer.vtkMRMLScriptedModuleNode) -> None:
        cached = {parameter.name: CachedParameter(parameter, node) for parameter in self.parameters}
        vars(self).update(parameterNode=node, _cached=cached, _bound={}, _tags=0, _showing=False)

    def getValue(self, name: str) -> Any:
        return self._cached[name].value

    def setValue(self, name: str, value: Any) -> None:
        self._cached[name].write(value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._cached:
            raise AttributeError(name)
        return self.getValue(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._cached:
            self.setValue(name, value)
        else:
            vars(self)[name] = value

    def connectParametersToGui(self, mapping: dict[str, Wrapped]) -> int:
        kinds = {parameter.name: parameter.kind for parameter in self.parameters}
        connectors = {name: Connector(widget, kinds[name]) for name, widget in mapping.items()}
        self._tags += 1
        self._bound[self._tags] = connectors
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.on_changed(lambda name=name, connector=connector: self._take(name, connector))
        self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._show())
        return self._tags

    def disconnectGui(self, tag: int) -> None:
        for connector in self._bound.pop(tag, {}).values():
            connector.forget()

    def _take(self, name: str, connector: Connector) -> None:
        if not self._showing:
            self.setValue(name, connector.read())

    def _show(self) -> None:
        if self._showing:
            return
        self._showing = True
        with slicer.util.NodeModify(self):
            for connectors in self._bound.values():
                for name, connector in connectors.items():
                    connector.write(self.getValue(name))
        self._showing = False

    def StartModify(self) -> int:
        return self.parameterNode.StartModify()

    def EndModify(self, before: int) -> int:
        return self.parameterNode.EndModify(before)

    def AddObserver(self, event: Any, callback: Any, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()


def parameter_node_wrapper(cls: type) -> type:
    """Stands for the decorator: same attributes, kept in the node."""
    kinds = typing.get_type_hints(cls)
    parameters = [Parameter(name, kind, getattr(cls, name, None)) for name, kind in kinds.items()]
    return type(cls.__name__, (ParameterNode,), {"parameters": parameters, "__doc__": cls.__doc__})
