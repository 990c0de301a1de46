"""Brain mask nodes as the worker gets them: a segmentation, of which all segments count, a label map or a volume."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import slicer
import vtk
from vtk.util import numpy_support

from tumorseg.errors import BadInputError

from .result import FACTS
from .segmentations import LABELMAP
from .translation import _
from .volumes import (
    RAS_TO_LPS,
    NodeVolume,
    geometryOfMatrix,
    placeOf,
    provenanceOfNode,
    stateOfNode,
    transformToWorld,
    viewOfNode,
)

MaskNode: TypeAlias = "slicer.vtkMRMLSegmentationNode | slicer.vtkMRMLScalarVolumeNode"
"""A label map volume is a scalar volume, too."""

ROLE = "brain mask"


def viewOfMask(node: MaskNode) -> NodeVolume:
    """Look at a brain mask; nothing is added to the scene, and a segmentation stays as it is.

    Returns:
        Not 0 inside the brain, on the node's own grid in world LPS, parent transforms included; the worker brings it to
        the grid of the reference.

    Raises:
        BadInputError: no segment, no voxels, not a grayscale image, or a transform that is not linear.
    """
    if not node.IsA("vtkMRMLSegmentationNode"):
        return viewOfNode(node, ROLE, labelMap=True)
    inside, imageToNode = _merged(node)
    geometry = geometryOfMatrix(RAS_TO_LPS @ transformToWorld(node) @ imageToNode, inside.shape, node.GetName())
    return NodeVolume(inside, hash(stateOfMask(node)), geometry, node.GetName(), provenanceOfNode(node))


def stateOfMask(node: MaskNode) -> tuple[object, ...]:
    """Another one after every change of what a check looks at: voxels, grid, segments, parent transforms, name."""
    if not node.IsA("vtkMRMLSegmentationNode"):
        return stateOfNode(node)
    segmentation = node.GetSegmentation()
    kind = segmentation.GetSourceRepresentationName()
    segments = [(name, segmentation.GetSegment(name)) for name in segmentation.GetSegmentIDs()]
    shapes = ((name, segment.GetRepresentation(kind), segment.GetLabelValue()) for name, segment in segments)
    known = tuple((name, shape.GetMTime() if shape else None, value) for name, shape, value in shapes)
    return node.GetID(), known, *placeOf(node)


def _merged(node: slicer.vtkMRMLSegmentationNode) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """All segments as 1 in an array (z, y, x) that just holds them; 4x4 matrix from its indices to RAS of the node."""
    name, segmentation = node.GetName(), node.GetSegmentation()
    if node.GetAttribute(FACTS):
        sentence = _('"{name}" is a tumor that was found, not a brain mask; choose a mask of the brain.')
        raise BadInputError(sentence.format(name=name))
    if segmentation.GetNumberOfSegments() == 0:
        raise BadInputError(_('"{name}" (brain mask) has no segments; choose another mask.').format(name=name))
    image = slicer.vtkOrientedImageData()
    extent = slicer.vtkSegmentation.EXTENT_UNION_OF_EFFECTIVE_SEGMENTS
    if not _withLabelmap(node).GenerateMergedLabelmapForAllSegments(image, extent) or image.GetNumberOfPoints() == 0:
        raise BadInputError(_('"{name}" (brain mask) has only empty segments; choose another mask.').format(name=name))
    values = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
    inside = (values.reshape(image.GetDimensions()[::-1]) != 0).astype(np.uint8)
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    first = np.eye(4)
    first[:3, 3] = image.GetExtent()[::2]
    return inside, slicer.util.arrayFromVTKMatrix(matrix) @ first


def _withLabelmap(node: slicer.vtkMRMLSegmentationNode) -> slicer.vtkMRMLSegmentationNode:
    """The node if it has a label map, otherwise a copy outside of the scene that got one from e.g. surfaces."""
    if node.GetSegmentation().ContainsRepresentation(LABELMAP):
        return node
    copy = slicer.vtkMRMLSegmentationNode()
    copy.GetSegmentation().DeepCopy(node.GetSegmentation())
    copy.GetSegmentation().CreateRepresentation(LABELMAP)
    return copy
