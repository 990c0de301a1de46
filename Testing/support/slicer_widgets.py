"""Stand-ins for the CTK and qMRML widgets of the panel: enough of each to be looked at and driven."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets


class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A header that folds its contents away."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._collapsed = False
        policy = QtWidgets.QSizePolicy(QtWidgets.QSizePolicy.Policy.Preferred, QtWidgets.QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setContentsMargins(0, self._header() + 2, 0, 0)
        self.clicked.connect(lambda: self.setCollapsed(not self._collapsed))

    def _header(self) -> int:
        return self.fontMetrics().height() + 8

    def isCollapsed(self) -> bool:
        return self._collapsed

    def setCollapsed(self, collapsed: bool) -> None:
        self._collapsed = collapsed
        for child in self.findChildren(QtWidgets.QWidget, options=QtCore.Qt.FindChildOption.FindDirectChildrenOnly):
            child.setVisible(not collapsed)

    collapsed = QtCore.Property(bool, isCollapsed, setCollapsed)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtWidgets.QStylePainter(self)
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, self.width(), self._header())
        option.state |= QtWidgets.QStyle.StateFlag.State_Raised
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_PushButtonBevel, option)
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect(8, (self._header() - 9) // 2, 9, 9)
        element = QtWidgets.QStyle.PrimitiveElement
        painter.drawPrimitive(
            element.PE_IndicatorArrowRight if self._collapsed else element.PE_IndicatorArrowDown, arrow
        )
        text = QtCore.QRect(24, 0, self.width() - 24, self._header())
        painter.drawItemText(
            text,
            QtCore.Qt.AlignmentFlag.AlignVCenter,
            self.palette(),
            self.isEnabled(),
            self.text(),
            QtGui.QPalette.ColorRole.ButtonText,
        )


class ctkCollapsibleGroupBox(QtWidgets.QGroupBox):
    """A group box that folds its contents away."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._collapsed = False

    def isCollapsed(self) -> bool:
        return self._collapsed

    def setCollapsed(self, collapsed: bool) -> None:
        self._collapsed = collapsed
        self.setMaximumHeight(self.fontMetrics().height() + 6 if collapsed else 16777215)
        for child in self.findChildren(QtWidgets.QWidget, options=QtCore.Qt.FindChildOption.FindDirectChildrenOnly):
            child.setVisible(not collapsed)

    collapsed = QtCore.Property(bool, isCollapsed, setCollapsed)

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        super().showEvent(event)
        self.setCollapsed(self._collapsed)

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        self.setCollapsed(not self._collapsed)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtWidgets.QStylePainter(self)
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect(0, 4, 9, 9)
        element = QtWidgets.QStyle.PrimitiveElement
        painter.drawPrimitive(
            element.PE_IndicatorArrowRight if self._collapsed else element.PE_IndicatorArrowDown, arrow
        )
        painter.drawText(14, 13, self.title())


class qMRMLNodeComboBox(QtWidgets.QComboBox):
    """The nodes of its types that a user sees, with None first.

    As in the application rows do not follow an import; after it, and after the scene was closed, all are taken away and
    made again, so that the current one falls to None, which is told like a choice.
    """

    currentNodeChanged = QtCore.Signal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: slicer.vtkMRMLScene | None = None
        self._types: list[str] = []
        self.addItem("None")
        self.currentTextChanged.connect(lambda text: self.currentNodeChanged.emit(self.currentNode()))

    def setMRMLScene(self, scene: slicer.vtkMRMLScene) -> None:
        self._scene = scene
        scene.AddObserver(scene.NodeAddedEvent, self._onAdded, 10.0)  # the model's priorities
        scene.AddObserver(scene.NodeAboutToBeRemovedEvent, self._onLeaving, -10.0)
        for event in (scene.EndCloseEvent, scene.EndImportEvent):
            scene.AddObserver(event, lambda caller, name: self._refill())
        self._refill()

    def getNodeTypes(self) -> list[str]:
        return self._types

    def setNodeTypes(self, types: list[str]) -> None:
        if types != self._types:
            self._types = types
            self._refill()

    nodeTypes = QtCore.Property("QStringList", getNodeTypes, setNodeTypes)

    def _refill(self) -> None:
        self.model().removeRows(1, self.count() - 1)
        for node in slicer.util.getNodesByClass("vtkMRMLNode", self._scene) if self._scene else ():
            self._add(node)

    def _add(self, node: Any) -> None:
        if node.GetClassName() in self._types and not node.GetHideFromEditors():
            self.addItem(node.GetName(), node.GetID())

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onAdded(self, caller: Any, event: str, node: Any) -> None:
        if not caller.IsImporting():
            self._add(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onLeaving(self, caller: Any, event: str, node: Any) -> None:
        """The node's row goes; when it was the current one, Qt takes its neighbor."""
        row = self.findData(node.GetID())
        if row > 0 and not caller.IsClosing():
            self.removeItem(row)

    def currentNode(self) -> Any:
        identifier = self.currentData()
        return self._scene.GetNodeByID(identifier) if identifier and self._scene else None

    def currentNodeID(self) -> str:
        node = self.currentNode()
        return node.GetID() if node is not None else ""

    def setCurrentNode(self, node: Any) -> None:
        self.setCurrentIndex(max(0, self.findData(node.GetID())) if node is not None else 0)


class qMRMLSegmentationShow3DButton(QtWidgets.QPushButton):
    """Shows the surfaces of a segmentation; its label is the application's."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__("Show 3D", parent)
        self.setCheckable(True)
        self._node: Any = None

    def setSegmentationNode(self, node: Any) -> None:
        self._node = node
        self.setEnabled(node is not None)

    def segmentationNode(self) -> Any:
        return self._node


class qMRMLWidget(QtWidgets.QWidget):
    """Hands the scene to the selectors, as the connections of the .ui file do."""

    def setMRMLScene(self, scene: slicer.vtkMRMLScene) -> None:
        for selector in self.findChildren(qMRMLNodeComboBox):
            selector.setMRMLScene(scene)


STAND_INS: list[type] = [
    ctkCollapsibleButton,
    ctkCollapsibleGroupBox,
    qMRMLNodeComboBox,
    qMRMLSegmentationShow3DButton,
    qMRMLWidget,
]
