"""The diameters of every lesion as line markups: made with the result, shown when the user wants them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import slicer
import vtk

from tumorseg.volume import Geometry

from .hierarchy import hierarchyOf, parentItem, removeNode
from .translation import _
from .volumes import localRas

ROLE = "TumorSegUNet.diameters"
"""Node references of a segmentation to its lines."""

COLORS = {"longest": (1.0, 1.0, 0.2), "perpendicular": (0.3, 0.9, 1.0)}

LINE_THICKNESS = 0.4
"""Of the view's default glyph: the voxels below must stay visible."""


def createDiameters(
    segmentation: slicer.vtkMRMLSegmentationNode,
    reference: slicer.vtkMRMLScalarVolumeNode | None,
    geometry: Geometry,
    lesions: Sequence[Mapping[str, Any]],
) -> list[slicer.vtkMRMLMarkupsLineNode]:
    """Add two locked lines per lesion that has a length, in one folder beside the segmentation, not shown.

    Args:
        segmentation: of the lesions; refers to the lines.
        reference: its volume; the lines share its transform.
        geometry: the volume's grid when the run was started.
        lesions: end points of ``longest`` and ``perpendicular`` in mm, LPS.
    """
    nodes = [
        _line(segmentation, reference, name, kind, localRas(ends, geometry, reference))
        for name, kind, ends in _lines(lesions)
    ]
    if nodes:
        hierarchy = hierarchyOf(segmentation)
        title = _("{segmentation} diameters").format(segmentation=segmentation.GetName())
        folder = hierarchy.CreateFolderItem(parentItem(segmentation), title)
        for node in nodes:
            hierarchy.CreateItem(folder, node)
            segmentation.AddNodeReferenceID(ROLE, node.GetID())
    return nodes


def diametersOf(segmentation: slicer.vtkMRMLSegmentationNode) -> list[slicer.vtkMRMLMarkupsLineNode]:
    """The lines of a segmentation that are still there."""
    count = segmentation.GetNumberOfNodeReferences(ROLE)
    nodes = (segmentation.GetNthNodeReference(ROLE, index) for index in range(count))
    return [node for node in nodes if node is not None]


def removeDiameters(segmentation: slicer.vtkMRMLSegmentationNode) -> None:
    """Remove the lines of a segmentation with their folder."""
    hierarchy = hierarchyOf(segmentation)
    nodes = diametersOf(segmentation)
    if not nodes:
        return
    folder = parentItem(nodes[0])
    for node in nodes:
        removeNode(node)
    if not hierarchy.GetNumberOfItemChildren(folder):
        hierarchy.RemoveItem(folder)


def showDiameters(segmentation: slicer.vtkMRMLSegmentationNode, visible: bool) -> None:
    """Show or hide all lines of a segmentation."""
    for node in diametersOf(segmentation):
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetVisibility(visible)


def diametersShown(segmentation: slicer.vtkMRMLSegmentationNode) -> bool:
    """Whether any line of a segmentation is shown."""
    displays = (node.GetDisplayNode() for node in diametersOf(segmentation))
    return any(display is not None and bool(display.GetVisibility()) for display in displays)


def _lines(lesions: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, np.ndarray]]:
    titles = {
        "longest": _("Lesion {number} longest diameter"),
        "perpendicular": _("Lesion {number} perpendicular diameter"),
    }
    for lesion in lesions:
        for kind, title in titles.items():
            ends = np.asarray(lesion[kind], float)
            if np.linalg.norm(ends[1] - ends[0]) > 0:
                yield title.format(number=lesion["number"]), kind, ends


def _line(
    segmentation: slicer.vtkMRMLSegmentationNode,
    reference: slicer.vtkMRMLScalarVolumeNode | None,
    name: str,
    kind: str,
    ends: np.ndarray,
) -> slicer.vtkMRMLMarkupsLineNode:
    scene = segmentation.GetScene()
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", scene.GenerateUniqueName(name))
    if reference is not None:
        node.SetAndObserveTransformNodeID(reference.GetTransformNodeID())
    for end in ends:
        node.AddControlPoint(vtk.vtkVector3d(*end))
    node.SetLocked(True)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetVisibility(False)
    display.SetSelectedColor(*COLORS[kind])
    display.SetColor(*COLORS[kind])
    display.SetCurveLineSizeMode(display.UseLineThickness)
    display.SetLineThickness(LINE_THICKNESS)
    return node
