"""Volumes on awkward grids, for tests with real MRML nodes."""

from __future__ import annotations

import numpy as np
import slicer
from scipy.spatial.transform import Rotation

from tumorseg.volume import Geometry, Volume

SHAPE = (4, 5, 6)


def _direction(matrix: np.ndarray) -> tuple[float, ...]:
    return tuple(np.asarray(matrix, float).ravel().tolist())


_TURNED = Rotation.from_euler("xyz", [10, -20, 30], degrees=True).as_matrix()

GEOMETRIES = {
    "plain": Geometry(SHAPE),
    "shifted": Geometry(SHAPE, origin=(-120.5, 33.25, 1000.0)),
    "anisotropic": Geometry(SHAPE, origin=(1.0, 2.0, 3.0), spacing=(0.47, 0.9, 5.0)),
    "flipped": Geometry(SHAPE, spacing=(0.9, 0.9, 1.2), direction=_direction(np.diag([-1, -1, 1]))),
    "left-handed": Geometry(SHAPE, spacing=(1, 2, 3), direction=_direction(np.diag([1, 1, -1]))),
    "sagittal": Geometry(SHAPE, (7, 8, 9), (1, 2, 3), _direction([[0, 0, 1], [1, 0, 0], [0, -1, 0]])),
    "oblique": Geometry(SHAPE, (10, -20, 30), (0.9, 1.1, 4.0), _direction(_TURNED)),
    "oblique left-handed": Geometry(SHAPE, (10, -20, 30), (0.9, 1.1, 4.0), _direction(_TURNED @ np.diag([1, -1, 1]))),
}


def random_volume(geometry: Geometry, name: str = "T1ce", seed: int = 0) -> Volume:
    """Noise on a grid."""
    rng = np.random.default_rng(seed)
    return Volume(rng.normal(100, 20, geometry.shape).astype(np.float32), geometry, name)


def box_labels(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Edema with a core of two voxels and one enhancing voxel."""
    labels = np.zeros(shape, np.uint8)
    labels[1:3, 1:4, 1:5] = 2
    labels[2, 2, 2:4] = 1
    labels[2, 3, 2] = 3
    return labels


def linear_transform(scene: slicer.vtkMRMLScene, matrix: np.ndarray) -> slicer.vtkMRMLLinearTransformNode:
    """A transform node to parent."""
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    return node
