"""MRML scalar volume nodes to the engine's volumes and back, without moving a voxel.

Slicer keeps positions in RAS, the engine in LPS (as DICOM and SimpleITK do): the first two coordinates change sign.
Arrays are (z, y, x) = (k, j, i) on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import slicer
import vtk

from tumorseg.errors import BadInputError
from tumorseg.volume import Geometry, Volume

from .dicom_tags import INSTANCE_UIDS, dicomValue, patientId

Matrix = npt.NDArray[np.float64]

RAS_TO_LPS: Matrix = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Its own inverse."""

ORTHOGONALITY_TOLERANCE = 1e-4
"""Largest cosine between two index axes that still counts as a right angle."""


@dataclass(frozen=True)
class NodeVolume:
    """A volume node as the worker gets it.

    Attributes:
        array: the node's own memory (z, y, x), in the type that it has; the worker turns it into float32.
        state: every change of the voxels that the node was told of makes it another number.
        geometry: in world LPS, with the linear parent transform applied.
        name: of the node.
        provenance: ``node``, ``node_id`` and, where known, ``file``, the DICOM ``uids`` (separated by spaces),
            ``patient_id``, ``study_uid`` and ``frame_of_reference``; what the header of the file leaves out or says
            twice (``file_header.header_facts``).
    """

    array: npt.NDArray[np.generic]
    state: int
    geometry: Geometry
    name: str
    provenance: Mapping[str, str]


def viewOfNode(node: slicer.vtkMRMLScalarVolumeNode | None, role: str = "volume", labelMap: bool = False) -> NodeVolume:
    """Look at a scalar volume node; no voxel is copied.

    Args:
        node: the volume as the user chose it.
        role: what the volume is wanted for, e.g. ``T1ce``; used in messages.
        labelMap: whether it may be a label map.

    Raises:
        BadInputError: nothing chosen, no voxels, not a grayscale image, or a transform that is not linear.
    """
    _checkImage(node, role, labelMap)
    array = slicer.util.arrayFromVolume(node)
    state = node.GetImageData().GetMTime()
    return NodeVolume(array, state, geometryOfNode(node), node.GetName(), provenanceOfNode(node))


def stateOfNode(node: slicer.vtkMRMLVolumeNode) -> tuple[object, ...]:
    """Another one after every change of what a check looks at: voxels, grid, parent transforms, name."""
    image = node.GetImageData()
    voxels = image.GetMTime() if image is not None else None
    return voxels, matrixOf(node).tobytes(), *placeOf(node)


def placeOf(node: slicer.vtkMRMLTransformableNode) -> tuple[object, ...]:
    """Name and parent transforms; another one after every change of them."""
    parent = node.GetParentTransformNode()
    return node.GetName(), (parent.GetID(), parent.GetTransformToWorldMTime()) if parent is not None else None


def geometryOfNode(node: slicer.vtkMRMLVolumeNode) -> Geometry:
    """Grid of a volume node in the patient (world LPS), parent transforms included.

    Raises:
        BadInputError: the node's transform is not linear or shears the voxels.
    """
    indexToWorld = transformToWorld(node) @ matrixOf(node)
    shape = tuple(reversed(node.GetImageData().GetDimensions()))
    return geometryOfMatrix(RAS_TO_LPS @ indexToWorld, shape, node.GetName())


def geometryOfMatrix(indexToLps: Matrix, shape: tuple[int, ...], name: str) -> Geometry:
    """Grid of so many voxels along (z, y, x), from the 4x4 matrix of indices (i, j, k) to millimetres in LPS.

    Raises:
        BadInputError: the voxels of the node of this name have no size or are sheared.
    """
    # Rounded far below any tolerance, so that a spacing of 0.9 mm does not come back as 0.8999999999999999.
    spacing = np.linalg.norm(indexToLps[:3, :3], axis=0).round(12)
    if not spacing.min() > 0:
        raise BadInputError(f'Volume "{name}" has voxels without size; correct its spacing in the Volumes module.')
    direction = indexToLps[:3, :3] / spacing
    if not np.allclose(direction.T @ direction, np.eye(3), atol=ORTHOGONALITY_TOLERANCE):
        raise BadInputError(
            f'Volume "{name}" is sheared, its axes are not at right angles; '
            "resample it to a regular grid (module Resample Scalar/Vector/DWI Volume) and try again."
        )
    return Geometry(
        shape=shape,
        origin=tuple(indexToLps[:3, 3].tolist()),
        spacing=tuple(spacing.tolist()),
        direction=tuple(direction.ravel().tolist()),
    )


def nodeFromVolume(scene: slicer.vtkMRMLScene, volume: Volume) -> slicer.vtkMRMLScalarVolumeNode:
    """Add a volume to the scene as a scalar volume node of the same name."""
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", volume.name)
    slicer.util.updateVolumeFromArray(node, volume.array)
    node.SetIJKToRASMatrix(rasMatrix(volume.geometry))
    node.CreateDefaultDisplayNodes()
    return node


def rasMatrix(geometry: Geometry) -> vtk.vtkMatrix4x4:
    """Matrix from voxel indices (i, j, k) to millimetres in RAS."""
    return slicer.util.vtkMatrixFromArray(RAS_TO_LPS @ geometry.index_to_lps)


def matrixOf(node: slicer.vtkMRMLVolumeNode) -> Matrix:
    """4x4 matrix from voxel indices to RAS, before any parent transform."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def transformToWorld(node: slicer.vtkMRMLTransformableNode) -> Matrix:
    """4x4 matrix of the node's parent transforms; the identity without one.

    Raises:
        BadInputError: a parent transform is not linear.
    """
    parent = node.GetParentTransformNode()
    if parent is None:
        return np.eye(4)
    if not parent.IsTransformToWorldLinear():
        raise BadInputError(
            f'"{node.GetName()}" is under the non-linear transform "{parent.GetName()}"; '
            "harden that transform in the Data module and try again."
        )
    matrix = vtk.vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def localRas(points: Matrix, geometry: Geometry, node: slicer.vtkMRMLVolumeNode | None) -> Matrix:
    """Matrix of a result in the coordinates below the parent transform of its reference volume.

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


def provenanceOfNode(node: slicer.vtkMRMLStorableNode) -> dict[str, str]:
    """Where a volume or brain mask came from, to be kept with every result."""
    storage = node.GetStorageNode()
    known = {
        "node": node.GetName(),
        "node_id": node.GetID(),
        "file": storage.GetFileName() if storage else None,
        "uids": node.GetAttribute(INSTANCE_UIDS),
        "patient_id": patientId(node),
        "study_uid": dicomValue(node, "0020,000d"),
        "frame_of_reference": dicomValue(node, "0020,0052"),
    }
    return {key: value for key, value in known.items() if value} | _headerFacts(known["file"])


def _headerFacts(file: str | None) -> dict[str, str]:
    # Only when a volume is read, as opening the panel needs none of it.
    from tumorseg.file_header import header_facts

    return {} if file is None else header_facts(Path(file), by_itk=True)


def _checkImage(node: slicer.vtkMRMLScalarVolumeNode | None, role: str, labelMap: bool) -> None:
    if node is None:
        raise BadInputError(f"No {role} volume is chosen; choose one.")
    name = node.GetName()
    if node.IsA("vtkMRMLLabelMapVolumeNode") and not labelMap:
        raise BadInputError(f'"{name}" ({role}) is a label map, not an MR image; choose another volume.')
    image = node.GetImageData()
    if image is None or image.GetNumberOfPoints() == 0:
        raise BadInputError(f'Volume "{name}" ({role}) holds no voxels; load it again or choose another one.')
    if image.GetNumberOfScalarComponents() != 1:
        raise BadInputError(
            f'Volume "{name}" ({role}) has {image.GetNumberOfScalarComponents()} values per voxel; '
            "choose a grayscale volume."
        )
