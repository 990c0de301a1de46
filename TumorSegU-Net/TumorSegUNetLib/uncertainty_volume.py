"""The uncertainty of a result as a colored volume that can be laid over the slices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import slicer

from tumorseg.volume import FloatArray, Geometry

from .hierarchy import placeBeside
from .volumes import rasMatrix

COLORS = "vtkMRMLColorTableNodeIron"
"""A color table that every application has: black, red, yellow, white."""

VISIBLE_FROM = 0.1
"""Lower uncertainty is not drawn, so that the image stays visible."""

MADE_BY_US = "TumorSegUNet.role"
"""Attribute of volumes that are results, never inputs."""

LEVELS = 255
"""The worker sends whole numbers from 0 to this for 0 to 1."""


def uncertaintyFromLevels(levels: npt.NDArray[np.uint8]) -> FloatArray:
    """The worker's levels (z, y, x) as values from 0 to 1."""
    return np.asarray(levels, np.float32) / np.float32(LEVELS)


def createUncertaintyVolume(
    segmentation: slicer.vtkMRMLSegmentationNode,
    reference: slicer.vtkMRMLScalarVolumeNode | None,
    geometry: Geometry,
    uncertainty: FloatArray,
    name: str,
) -> slicer.vtkMRMLScalarVolumeNode:
    """Add a volume that no slice view shows yet.

    Args:
        segmentation: of the same run; the volume is placed beside it.
        reference: the volume whose grid and transform it has.
        geometry: the grid; used when there is no ``reference``.
        uncertainty: (z, y, x), from 0 (sure) to 1.
        name: of the node; made unique.

    Raises:
        ValueError: the array does not have the grid's shape; nothing is added then.
    """
    if uncertainty.shape != geometry.shape:
        raise ValueError(f"uncertainty {uncertainty.shape} and grid {geometry.shape} disagree")
    scene = segmentation.GetScene()
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(name))
    slicer.util.updateVolumeFromArray(node, uncertainty)
    if reference is None:
        node.SetIJKToRASMatrix(rasMatrix(geometry))
    else:
        node.CopyOrientation(reference)
        node.SetAndObserveTransformNodeID(reference.GetTransformNodeID())
    node.SetAttribute(MADE_BY_US, "uncertainty")
    _setUpDisplay(node)
    placeBeside(segmentation, node)
    return node


def _setUpDisplay(node: slicer.vtkMRMLScalarVolumeNode) -> None:
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID(COLORS)
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(0.0, 1.0)
    display.AutoThresholdOff()
    display.SetThreshold(VISIBLE_FROM, 1.0)
    display.ApplyThresholdOn()
    display.InterpolateOff()
