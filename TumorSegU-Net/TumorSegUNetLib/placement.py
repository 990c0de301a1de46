"""Where new nodes go: beside the volume they belong to, on its grid, under its transform."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import slicer

from tumorseg.volume import Geometry

from .volumes import RAS_TO_LPS, matrixOf

Points = npt.NDArray[np.float64]


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


def placeBeside(neighbor: slicer.vtkMRMLNode, node: slicer.vtkMRMLNode) -> None:
    """Put a node into the folder or study of another one."""
    hierarchyOf(node).CreateItem(parentItem(neighbor), node)


def localRas(points: Points, geometry: Geometry, node: slicer.vtkMRMLVolumeNode | None) -> Points:
    """Points of a result in the coordinates below the parent transform of its reference volume.

    Args:
        points: (n, 3) in mm, world LPS as the volume lay when the run was started.
        geometry: the volume's grid at that time.
        node: the reference volume as it lies now; None when it is no more, then the result stays where it was.

    Returns:
        (n, 3) in mm, RAS.
    """
    homogeneous = np.column_stack([points, np.ones(len(points))])
    indexToLocal = RAS_TO_LPS @ geometry.index_to_lps if node is None else matrixOf(node)
    lpsToLocal = indexToLocal @ np.linalg.inv(geometry.index_to_lps)
    return np.asarray((homogeneous @ lpsToLocal.T)[:, :3])
