"""A result in a scene whose tumor is an ellipsoid of known size, everything measured by the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import slicer
from scipy.spatial.transform import Rotation

from tumorseg.measure import measure_tumor
from tumorseg.report import tumor_values
from tumorseg.volume import Geometry, Volume
from TumorSegUNetLib.result import Origin, outcomeMaker
from TumorSegUNetLib.run import Outcome
from TumorSegUNetLib.run_files import RunFiles
from TumorSegUNetLib.volumes import geometryOfNode, nodeFromVolume

Nodes = dict[str, slicer.vtkMRMLScalarVolumeNode]

TURNED = tuple(Rotation.from_euler("xyz", [8, -12, 15], degrees=True).as_matrix().ravel().tolist())

GRIDS = {
    "isotropic": Geometry((48, 48, 48), (-24.0, -20.0, 10.0)),
    "anisotropic": Geometry((20, 64, 80), (5.0, -7.0, 3.0), (0.6, 0.8, 2.5)),
    "oblique": Geometry((40, 60, 56), (30.0, -40.0, 12.0), (0.9, 0.9, 1.2), TURNED),
}

RADII = np.array([18.0, 11.0, 9.0])
"""Half axes of the ellipsoid (x, y, z of the grid) in mm."""


def ellipsoid(geometry: Geometry) -> np.ndarray:
    """Enhancing ellipsoid with its half axes along the grid's, centred on a voxel."""
    shape = np.array(geometry.shape)
    offsets = np.indices(geometry.shape).reshape(3, -1).T - shape // 2
    millimetres = offsets[:, ::-1] * np.array(geometry.spacing)
    inside = ((millimetres / RADII) ** 2).sum(axis=1) <= 1
    return np.where(inside, 3, 0).astype(np.uint8).reshape(geometry.shape)


def result_event(
    files: RunFiles, labels: np.ndarray, geometry: Geometry, findings: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """What the worker says of these labels; everything measured by the engine."""
    np.save(files.folder / "labels.npy", labels)
    np.save(files.folder / "uncertainty.npy", np.where(labels > 0, 51, 0).astype(np.uint8))
    (files.folder / "report.html").write_text('<html>Größe 3 &lt; 4; "x"</html>', encoding="utf-8")
    return {
        "event": "result",
        "labels": "labels.npy",
        "uncertainty": "uncertainty.npy",
        "report": "report.html",
        "reference": "t1ce",
        "provenance": {"software": "TumorSegU-Net 0.1.0", "model": "test 1.0"},
        "findings": list(findings),
        "quality": {"score": 0.75, "sentence": 'Look at this result with care: a; b: "c".', "reasons": ["a"]},
        **tumor_values(measure_tumor(labels, geometry)),
    }


def volumes(scene: slicer.vtkMRMLScene, geometry: Geometry) -> Nodes:
    """A reference and a FLAIR volume without contrast."""
    image = np.ones(geometry.shape, np.float32)
    return {name: nodeFromVolume(scene, Volume(image, geometry, f"Case_7_{name}")) for name in ("t1ce", "flair")}


def ellipsoid_result(
    scene: slicer.vtkMRMLScene,
    grid: str = "oblique",
    nodes: Nodes | None = None,
    findings: Sequence[Mapping[str, Any]] = (),
) -> Outcome:
    """The nodes of a result on one of the grids."""
    inputs = nodes or volumes(scene, GRIDS[grid])
    geometries = {name: geometryOfNode(node) for name, node in inputs.items()}
    files = RunFiles()
    try:
        event = result_event(files, ellipsoid(GRIDS[grid]), geometries["t1ce"], findings)
        return outcomeMaker(Origin(scene, inputs, geometries))(files, event)
    finally:
        files.remove()
