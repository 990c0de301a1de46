"""A label array becomes a new segmentation node: named, coloured, coded, placed beside the volume it belongs to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import slicer
import vtk
from vtk.util import numpy_support

from tumorseg.regions import SEGMENTS, Segment
from tumorseg.volume import Geometry, LabelArray

from .hierarchy import hierarchyOf, placeBeside, removeNode
from .volumes import rasMatrix

ATTRIBUTE_PREFIX = "TumorSegUNet."
"""Node attributes ``TumorSegUNet.<key>`` hold the provenance; they are saved with the scene."""

ALGORITHM_NAME = "TumorSegU-Net"

FILL_OPACITY = 0.35
"""Of the segments in slice views: the image stays readable below."""

LABELMAP = "Binary labelmap"
REFERENCE_GEOMETRY = "Reference image geometry"
"""Names of ``vtkSegmentationConverter``, which is not there yet when the application imports its modules."""


def createSegmentationNode(
    scene: slicer.vtkMRMLScene,
    labels: LabelArray,
    geometry: Geometry,
    *,
    name: str,
    reference: slicer.vtkMRMLScalarVolumeNode | None = None,
    provenance: Mapping[str, str] | None = None,
    algorithm: str = ALGORITHM_NAME,
    surfaces: bool = False,
) -> slicer.vtkMRMLSegmentationNode:
    """Add a new segmentation node; what is already in the scene is never touched.

    Only labels that occur become segments, since an empty segment cannot be exported to DICOM.

    Args:
        scene: where the node is added.
        labels: engine labels (z, y, x), see ``tumorseg.regions.SEGMENTS``.
        geometry: grid of the labels in world LPS; used when there is no ``reference``.
        name: name of the node; made unique in the scene.
        reference: the volume whose grid the labels lie on; the segmentation shares its parent transform.
        provenance: kept as node attributes ``TumorSegUNet.<key>``.
        algorithm: ``DICOM.SegmentAlgorithmName`` of every segment.
        surfaces: whether to compute closed surfaces, to be shown in 3D views.

    Raises:
        ValueError: the labels do not have the grid's shape or contain an unknown label; nothing is added then.
    """
    present = _checkedLabels(labels, geometry)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", scene.GenerateUniqueName(name))
    try:
        matrix = _useGrid(node, geometry) if reference is None else _useReference(node, reference)
        image = _orientedImage(labels, matrix)
        for label in present:
            # All segments share one label map, as Slicer keeps segments that do not overlap.
            node.GetSegmentation().AddSegment(_segment(SEGMENTS[label], image, algorithm), SEGMENTS[label].short_name)
        setProvenance(node, provenance or {})
        _setUpDisplay(node, surfaces)
    except Exception:
        removeNode(node)
        raise
    return node


def setProvenance(node: slicer.vtkMRMLNode, provenance: Mapping[str, str]) -> None:
    """Keep what is known about a result as attributes of its node."""
    for key, value in provenance.items():
        node.SetAttribute(ATTRIBUTE_PREFIX + key, value)


def provenanceOf(node: slicer.vtkMRMLNode) -> dict[str, str]:
    """What ``setProvenance`` kept."""
    names = [name for name in node.GetAttributeNames() if name.startswith(ATTRIBUTE_PREFIX)]
    return {name.removeprefix(ATTRIBUTE_PREFIX): node.GetAttribute(name) for name in names}


def voxelCounts(node: slicer.vtkMRMLSegmentationNode) -> dict[str, int]:
    """Voxels per segment, by segment ID; none for one that is no label map."""
    segmentation = node.GetSegmentation()
    return {name: _voxelCount(segmentation.GetSegment(name)) for name in segmentation.GetSegmentIDs()}


def referenceGrid(node: slicer.vtkMRMLSegmentationNode) -> tuple[npt.NDArray[np.float64], list[int]]:
    """4x4 matrix from voxels (x, y, z) of the reference grid to RAS in mm below the parent transform, and its size."""
    grid, matrix = slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
    serialized = node.GetSegmentation().GetConversionParameter(REFERENCE_GEOMETRY)
    slicer.vtkSegmentationConverter.DeserializeImageGeometry(serialized, grid, False)
    grid.GetImageToWorldMatrix(matrix)
    return np.array(slicer.util.arrayFromVTKMatrix(matrix)), list(grid.GetDimensions())


def labelsFromNode(node: slicer.vtkMRMLSegmentationNode) -> LabelArray:
    """The segmentation as engine labels (z, y, x) on its reference grid; our segments are known by their IDs."""
    segmentation = node.GetSegmentation()
    ours = [segment for segment in SEGMENTS.values() if segmentation.GetSegment(segment.short_name)]
    grid = slicer.vtkOrientedImageData()
    serialized = segmentation.GetConversionParameter(REFERENCE_GEOMETRY)
    slicer.vtkSegmentationConverter.DeserializeImageGeometry(serialized, grid, False)
    shape = tuple(reversed(grid.GetDimensions()))
    if not ours:
        return np.zeros(shape, np.uint8)
    segmentIds, values = vtk.vtkStringArray(), vtk.vtkIntArray()
    for segment in ours:
        segmentIds.InsertNextValue(segment.short_name)
        values.InsertNextValue(segment.label)
    merged = slicer.vtkOrientedImageData()
    extentMode = slicer.vtkSegmentation.EXTENT_REFERENCE_GEOMETRY
    node.GenerateMergedLabelmapForAllSegments(merged, extentMode, grid, segmentIds, values)
    scalars = numpy_support.vtk_to_numpy(merged.GetPointData().GetScalars())
    return scalars.reshape(shape).astype(np.uint8)


def _voxelCount(segment: slicer.vtkSegment) -> int:
    image = segment.GetRepresentation(LABELMAP)
    scalars = image.GetPointData().GetScalars() if image is not None else None
    if scalars is None:
        return 0
    return int(np.count_nonzero(numpy_support.vtk_to_numpy(scalars) == segment.GetLabelValue()))


def _checkedLabels(labels: LabelArray, geometry: Geometry) -> list[int]:
    """The labels that occur."""
    if labels.shape != geometry.shape:
        raise ValueError(f"labels {labels.shape} and grid {geometry.shape} disagree")
    present = np.unique(labels[labels > 0]).tolist()
    if unknown := set(present) - set(SEGMENTS):
        raise ValueError(f"labels {sorted(unknown)} are not the engine's")
    return present


def _segment(presentation: Segment, image: slicer.vtkOrientedImageData, algorithm: str) -> slicer.vtkSegment:
    segment = slicer.vtkSegment()
    segment.SetName(presentation.name)
    segment.SetColor(*presentation.color)
    segment.SetTerminology(presentation.terminology)
    # DICOM SEG export writes MANUAL unless told otherwise, and demands the name for AUTOMATIC.
    segment.SetTag("DICOM.SegmentAlgorithmType", "AUTOMATIC")
    segment.SetTag("DICOM.SegmentAlgorithmName", algorithm)
    segment.SetLabelValue(presentation.label)
    segment.AddRepresentation(LABELMAP, image)
    return segment


def _orientedImage(labels: LabelArray, matrix: vtk.vtkMatrix4x4) -> slicer.vtkOrientedImageData:
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(*reversed(labels.shape))
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(labels.ravel(), deep=True))
    image.SetImageToWorldMatrix(matrix)
    return image


def _useGrid(node: slicer.vtkMRMLSegmentationNode, geometry: Geometry) -> vtk.vtkMatrix4x4:
    matrix = rasMatrix(geometry)
    nz, ny, nx = geometry.shape
    serialized = slicer.vtkSegmentationConverter.SerializeImageGeometry(matrix, [0, nx - 1, 0, ny - 1, 0, nz - 1])
    node.GetSegmentation().SetConversionParameter(REFERENCE_GEOMETRY, serialized)
    return matrix


def _useReference(node: slicer.vtkMRMLSegmentationNode, reference: slicer.vtkMRMLScalarVolumeNode) -> vtk.vtkMatrix4x4:
    # The transform comes first: the reference geometry is kept relative to it.
    node.SetAndObserveTransformNodeID(reference.GetTransformNodeID())
    node.SetReferenceImageGeometryParameterFromVolumeNode(reference)
    placeBeside(reference, node)
    _keepInstances(reference, node)
    matrix = vtk.vtkMatrix4x4()
    reference.GetIJKToRASMatrix(matrix)
    return matrix


def _keepInstances(reference: slicer.vtkMRMLNode, node: slicer.vtkMRMLNode) -> None:
    """The DICOM instances that the result was made from; DICOM SEG export needs them."""
    hierarchy = hierarchyOf(node)
    uids = reference.GetAttribute("DICOM.instanceUIDs")
    if uids:
        name = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMReferencedInstanceUIDsAttributeName()
        hierarchy.SetItemAttribute(hierarchy.GetItemByDataNode(node), name, uids)


def _setUpDisplay(node: slicer.vtkMRMLSegmentationNode, surfaces: bool) -> None:
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetVisibility2DFill(True)
    display.SetVisibility2DOutline(True)
    display.SetOpacity2DFill(FILL_OPACITY)
    if surfaces:
        node.CreateClosedSurfaceRepresentation()
