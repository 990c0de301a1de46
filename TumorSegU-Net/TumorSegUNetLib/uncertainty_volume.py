"""The uncertainty of a result as a colored volume that can be laid over the slices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import slicer
import vtk
from vtk.util import numpy_support

from tumorseg.volume import Geometry

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


def createUncertaintyVolume(
    segmentation: slicer.vtkMRMLSegmentationNode,
    reference: slicer.vtkMRMLScalarVolumeNode | None,
    geometry: Geometry,
    levels: npt.NDArray[np.uint8],
    name: str,
) -> slicer.vtkMRMLScalarVolumeNode:
    """Add a volume that no slice view shows yet.

    Args:
        segmentation: of the same run; the volume is placed beside it.
        reference: the volume whose grid and transform it has.
        geometry: the grid; used when there is no ``reference``.
        levels: (z, y, x) as the worker sends them; the volume gets values from 0 (sure) to 1.
        name: of the node; made unique.

    Raises:
        ValueError: the array does not have the grid's shape; nothing is added then.
    """
    if levels.shape != geometry.shape:
        raise ValueError(f"uncertainty {levels.shape} and grid {geometry.shape} disagree")
    scene = segmentation.GetScene()
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(name))
    # The display comes first: of voxels that are there already, Slicer would work out a window, which takes longest.
    _setUpDisplay(node)
    node.SetAndObserveImageData(_image(levels))
    if reference is None:
        node.SetIJKToRASMatrix(rasMatrix(geometry))
    else:
        node.CopyOrientation(reference)
        node.SetAndObserveTransformNodeID(reference.GetTransformNodeID())
    node.SetAttribute(MADE_BY_US, "uncertainty")
    placeBeside(segmentation, node)
    return node


def _image(levels: npt.NDArray[np.uint8]) -> vtk.vtkImageData:
    """Values from 0 to 1, computed in the memory that the application shows."""
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(levels.shape))
    image.AllocateScalars(vtk.VTK_FLOAT, 1)
    scalars = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars()).reshape(levels.shape)
    np.divide(levels, np.float32(LEVELS), out=scalars)
    return image


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
