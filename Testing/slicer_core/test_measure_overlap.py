"""``tumorseg measure`` of a segmentation that 3D Slicer itself saved with overlapping segments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import slicer
import vtk
from vtk.util import numpy_support

from tumorseg.measured_labels import read_measured
from tumorseg.regions import ED, ET
from tumorseg.volume import Geometry, Volume
from TumorSegUNetLib.segmentations import createSegmentationNode
from TumorSegUNetLib.volumes import geometryOfNode, nodeFromVolume

SHAPE = (20, 20, 20)


def grow(node: slicer.vtkMRMLSegmentationNode, segment: str, mask: np.ndarray, to_world: vtk.vtkMatrix4x4) -> None:
    """Replace a segment by a mask (z, y, x) that may cover others, as the Segment Editor does with "Allow overlap"."""
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(mask.shape[::-1])
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(mask.astype(np.uint8).ravel(), deep=True))
    image.SetImageToWorldMatrix(to_world)
    node.GetSegmentation().SeparateSegmentLabelmap(segment)
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    assert logic.SetBinaryLabelmapToSegment(image, node, segment, logic.MODE_REPLACE)


def test_overlapping_segments_are_measured_by_name(scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
    reference = nodeFromVolume(scene, Volume(np.zeros(SHAPE, np.float32), Geometry(SHAPE), "T1ce"))
    labels = np.zeros(SHAPE, np.uint8)
    labels[4:16, 4:16, 4:16], labels[8:12, 8:12, 8:12] = ED, ET
    node = createSegmentationNode(scene, labels, geometryOfNode(reference), name="tumor", reference=reference)
    grown = np.zeros(SHAPE, bool)
    grown[7:13, 7:13, 7:13] = True
    to_world = vtk.vtkMatrix4x4()
    reference.GetIJKToRASMatrix(to_world)
    grow(node, "ET", grown, to_world)
    node.AddDefaultStorageNode(str(tmp_path / "tumor.seg.nrrd"))
    assert node.GetStorageNode().WriteData(node)

    read, _, how = read_measured(tmp_path / "tumor.seg.nrrd", None)
    np.testing.assert_array_equal(read, np.where(grown, ET, labels))
    assert how == f"by the names of the segments, which overlap: ET counts instead of ED in {6**3 - 4**3} voxels"
