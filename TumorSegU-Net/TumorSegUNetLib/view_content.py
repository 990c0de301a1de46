"""What the pictures show: a volume and its segments, as plain images with their place in the world (RAS, mm)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import slicer
import vtk
from scipy import ndimage
from vtk.util import numpy_support

from .volumes import Matrix, matrixOf, transformToWorld

FOREGROUND_FRACTION = 0.05
"""Of the 99.5th percentile: darker voxels are background (skull-stripped volumes have zeros there)."""

WINDOW_MARGIN = 0.2
"""Added above the brightest hundredth of the tissue, as a fraction of the tissue's range."""

SURFACE = "Closed surface"
"""Name of the representation in ``vtkSegmentationConverter``."""


@dataclass(frozen=True)
class ShownVolume:
    """The gray image.

    Attributes:
        name: name of its node.
        image: voxels in index coordinates.
        indexToWorld: 4x4, voxel index (i, j, k) to RAS in mm.
        window: intensities shown as black and as white.
        foreground: intensity above which a voxel belongs to the patient.
        bounds: smallest and largest RAS coordinate of the foreground, array (2, 3).
    """

    name: str
    image: vtk.vtkImageData
    indexToWorld: Matrix
    window: tuple[float, float]
    foreground: float
    bounds: npt.NDArray[np.float64]


@dataclass(frozen=True)
class ShownSegment:
    """One segment.

    Attributes:
        name: its name.
        color: RGB, 0-1.
        mask: 0 and 255 (so that interpolation keeps fractions), in index coordinates.
        indexToWorld: 4x4, voxel index of the mask to RAS in mm.
        surface: smoothed closed surface in RAS.
        volumeMl: volume of its voxels in mL.
        center: mean position of the voxels of its largest connected part, RAS.
    """

    name: str
    color: tuple[float, float, float]
    mask: vtk.vtkImageData
    indexToWorld: Matrix
    surface: vtk.vtkPolyData
    volumeMl: float
    center: npt.NDArray[np.float64]


def shownVolume(node: slicer.vtkMRMLScalarVolumeNode) -> ShownVolume:
    """The volume of a node, windowed on the tissue, with a margin so that bright lesions keep their structure."""
    array = slicer.util.arrayFromVolume(node)
    darkest = float(array.min())
    threshold = darkest + FOREGROUND_FRACTION * (float(np.percentile(array, 99.5)) - darkest)
    foreground = array > threshold
    black, white = np.percentile(array[foreground], (1, 99)) if foreground.any() else (darkest, darkest + 1)
    indexToWorld = transformToWorld(node) @ matrixOf(node)
    return ShownVolume(
        name=node.GetName(),
        image=_inIndexCoordinates(node.GetImageData()),
        indexToWorld=indexToWorld,
        window=(0.7 * float(black) + 0.3 * darkest, float(white + WINDOW_MARGIN * (white - black))),
        foreground=threshold,
        bounds=_worldBounds(foreground, indexToWorld),
    )


def shownSegments(node: slicer.vtkMRMLSegmentationNode) -> list[ShownSegment]:
    """The visible content of a segmentation node; the node itself gets no new representation."""
    segmentation = slicer.vtkSegmentation()
    segmentation.DeepCopy(node.GetSegmentation())
    segmentation.CreateRepresentation(SURFACE)
    toWorld = transformToWorld(node)
    segments = []
    for position in range(segmentation.GetNumberOfSegments()):
        segmentId = segmentation.GetNthSegmentID(position)
        mask = slicer.vtkOrientedImageData()
        node.GetBinaryLabelmapRepresentation(segmentId, mask)
        surface = segmentation.GetSegment(segmentId).GetRepresentation(SURFACE)
        if surface is not None and surface.GetNumberOfPoints():
            segments.append(_shownSegment(segmentation.GetSegment(segmentId), mask, surface, toWorld))
    return segments


def _shownSegment(
    segment: slicer.vtkSegment, mask: slicer.vtkOrientedImageData, surface: vtk.vtkPolyData, toWorld: Matrix
) -> ShownSegment:
    matrix = vtk.vtkMatrix4x4()
    mask.GetImageToWorldMatrix(matrix)
    indexToWorld = toWorld @ slicer.util.arrayFromVTKMatrix(matrix)
    inside = numpy_support.vtk_to_numpy(mask.GetPointData().GetScalars()).reshape(mask.GetDimensions()[::-1]) != 0
    index = _centerOfLargestPart(inside) + mask.GetExtent()[::2]
    return ShownSegment(
        name=segment.GetName(),
        color=segment.GetColor(),
        mask=_scaled(_inIndexCoordinates(mask)),
        indexToWorld=indexToWorld,
        surface=_transformed(surface, toWorld),
        volumeMl=np.count_nonzero(inside) * abs(float(np.linalg.det(indexToWorld[:3, :3]))) / 1000.0,
        center=(indexToWorld @ [*index, 1.0])[:3],
    )


def _centerOfLargestPart(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Index (x, y, z) of the centre of the largest connected part of a mask (z, y, x)."""
    parts, _ = ndimage.label(inside)
    largest = int(np.bincount(parts[inside]).argmax())
    return np.array(ndimage.center_of_mass(parts == largest)[::-1])


def _inIndexCoordinates(image: vtk.vtkImageData) -> vtk.vtkImageData:
    """The same voxels, placed at their indices, whatever directions the image knows itself."""
    plain = vtk.vtkImageData()
    plain.SetExtent(image.GetExtent())
    plain.GetPointData().SetScalars(image.GetPointData().GetScalars())
    return plain


def _scaled(mask: vtk.vtkImageData) -> vtk.vtkImageData:
    scale = vtk.vtkImageShiftScale()
    scale.SetInputData(mask)
    scale.SetScale(255.0)
    scale.SetOutputScalarTypeToUnsignedChar()
    scale.Update()
    return scale.GetOutput()


def _transformed(surface: vtk.vtkPolyData, matrix: Matrix) -> vtk.vtkPolyData:
    transform = vtk.vtkTransform()
    transform.SetMatrix(matrix.ravel())
    filter_ = vtk.vtkTransformPolyDataFilter()
    filter_.SetInputData(surface)
    filter_.SetTransform(transform)
    filter_.Update()
    return filter_.GetOutput()


def _worldBounds(foreground: npt.NDArray[np.bool_], indexToWorld: Matrix) -> npt.NDArray[np.float64]:
    """RAS bounds of the box around the foreground (z, y, x); of the whole grid if there is none."""
    ranges = []
    for axis in (2, 1, 0):
        others = tuple(other for other in range(3) if other != axis)
        occupied = np.flatnonzero(foreground.any(axis=others))
        ranges.append((occupied[0], occupied[-1]) if occupied.size else (0, foreground.shape[axis] - 1))
    corners = np.array([(i, j, k, 1.0) for i in ranges[0] for j in ranges[1] for k in ranges[2]])
    world = (corners @ indexToWorld.T)[:, :3]
    return np.stack([world.min(axis=0), world.max(axis=0)])
