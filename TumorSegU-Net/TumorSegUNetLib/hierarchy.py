"""The subject hierarchy: which patient, study or folder a node lies in, putting new nodes beside it, removing them."""

from __future__ import annotations

import slicer


def hierarchyOf(node: slicer.vtkMRMLNode) -> slicer.vtkMRMLSubjectHierarchyNode:
    """The subject hierarchy of the node's scene."""
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())


def parentItem(node: slicer.vtkMRMLNode) -> int:
    """Item of the folder or study that a node lies in."""
    hierarchy = hierarchyOf(node)
    item = hierarchy.GetItemByDataNode(node)
    return hierarchy.GetItemParent(item) if item else hierarchy.GetSceneItemID()


def ancestorItem(node: slicer.vtkMRMLNode, level: str) -> int:
    """Item of the patient or study that a node belongs to; 0 without one."""
    if node.GetScene() is None:
        return 0
    hierarchy = hierarchyOf(node)
    item = hierarchy.GetItemByDataNode(node)
    return hierarchy.GetItemAncestorAtLevel(item, level) if item else 0


def examinationItem(node: slicer.vtkMRMLNode) -> int:
    """Item of the study, else of the patient, that a node belongs to; 0 without one."""
    constants = slicer.vtkMRMLSubjectHierarchyConstants
    levels = (constants.GetDICOMLevelStudy(), constants.GetDICOMLevelPatient())
    return next((item for level in levels if (item := ancestorItem(node, level))), 0)


def placeBeside(neighbor: slicer.vtkMRMLNode, node: slicer.vtkMRMLNode) -> None:
    """Put a node into the folder or study of another one."""
    hierarchyOf(node).CreateItem(parentItem(neighbor), node)


def removeNode(node: slicer.vtkMRMLStorableNode) -> None:
    """Remove a node from its scene with its display and storage nodes and its place in the hierarchy."""
    scene = node.GetScene()
    displays = [node.GetNthDisplayNode(index) for index in range(getattr(node, "GetNumberOfDisplayNodes", int)())]
    for companion in (*displays, node.GetStorageNode()):
        if companion is not None:
            scene.RemoveNode(companion)
    hierarchy = hierarchyOf(node)
    if item := hierarchy.GetItemByDataNode(node):
        hierarchy.RemoveItem(item, False, False)
    scene.RemoveNode(node)


def nodesByClass(scene: slicer.vtkMRMLScene, className: str) -> list[slicer.vtkMRMLNode]:
    """The nodes of a class in the order in which they came; ``slicer.util.getNodesByClass`` knows one scene only."""
    return [scene.GetNthNodeByClass(index, className) for index in range(scene.GetNumberOfNodesByClass(className))]
