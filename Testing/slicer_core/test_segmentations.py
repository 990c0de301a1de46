"""Segmentation nodes: contents, codes, place, and what survives saving."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk
from vtk.util import numpy_support

from support.mrml import GEOMETRIES, box_labels, linear_transform, random_volume
from tumorseg.regions import SEGMENTS, TERMINOLOGY_CONTEXT
from TumorSegUNetLib import segmentations
from TumorSegUNetLib.scene import createScene
from TumorSegUNetLib.segmentations import createSegmentationNode, labelsFromNode, provenanceOf
from TumorSegUNetLib.volumes import geometryOfNode, nodeFromVolume

PROVENANCE = {"model": 'glioma; v1: "best" <a> & b', "uids": "1.2.3 1.2.4", "device_reason": "Größe 5 µm."}


def reference_node(scene: slicer.vtkMRMLScene, geometry: str = "oblique") -> slicer.vtkMRMLScalarVolumeNode:
    return nodeFromVolume(scene, random_volume(GEOMETRIES[geometry]))


def make(
    scene: slicer.vtkMRMLScene, reference: slicer.vtkMRMLScalarVolumeNode, labels: np.ndarray | None = None
) -> slicer.vtkMRMLSegmentationNode:
    labels = box_labels() if labels is None else labels
    return createSegmentationNode(
        scene, labels, geometryOfNode(reference), name="tumor", reference=reference, provenance=PROVENANCE
    )


def segment_ids(node: slicer.vtkMRMLSegmentationNode) -> list[str]:
    return [node.GetSegmentation().GetNthSegmentID(i) for i in range(node.GetSegmentation().GetNumberOfSegments())]


def world_positions(node: slicer.vtkMRMLSegmentationNode, segment_id: str) -> np.ndarray:
    """World RAS of a segment's voxels, sorted, as the node itself reports them."""
    image = slicer.vtkOrientedImageData()
    node.GetBinaryLabelmapRepresentation(segment_id, image)
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    to_world = slicer.util.arrayFromVTKMatrix(matrix)
    if node.GetParentTransformNode():
        node.GetParentTransformNode().GetMatrixTransformToWorld(matrix)
        to_world = slicer.util.arrayFromVTKMatrix(matrix) @ to_world
    x0, _, y0, _, z0, _ = image.GetExtent()
    array = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
    k, j, i = np.nonzero(array.reshape(tuple(reversed(image.GetDimensions()))))
    index = np.stack([i + x0, j + y0, k + z0, np.ones_like(i)])
    return np.sort((to_world @ index)[:3].round(6), axis=1)


@pytest.mark.parametrize("name", GEOMETRIES)
def test_labels_come_back_on_every_grid(scene: slicer.vtkMRMLScene, name: str) -> None:
    node = make(scene, reference_node(scene, name))
    np.testing.assert_array_equal(labelsFromNode(node), box_labels())


@pytest.mark.parametrize("name", ["oblique left-handed", "sagittal"])
def test_segments_lie_where_the_volume_is(scene: slicer.vtkMRMLScene, name: str) -> None:
    reference = reference_node(scene, name)
    k, j, i = np.nonzero(box_labels() == 1)
    lps = (geometryOfNode(reference).index_to_lps @ np.stack([i, j, k, np.ones_like(i)]))[:3]
    expected = np.sort((np.array([[-1], [-1], [1]]) * lps).round(6), axis=1)
    np.testing.assert_allclose(world_positions(make(scene, reference), "NCR"), expected, atol=1e-5)


def test_segmentation_shares_the_transform_of_its_volume(scene: slicer.vtkMRMLScene) -> None:
    reference = reference_node(scene)
    still = world_positions(make(scene, reference), "ET")
    shift = np.eye(4)
    shift[:3, 3] = (5, 6, 7)
    reference.SetAndObserveTransformNodeID(linear_transform(scene, shift).GetID())
    node = make(scene, reference)
    np.testing.assert_allclose(world_positions(node, "ET"), still + shift[:3, 3:], atol=1e-5)
    np.testing.assert_array_equal(labelsFromNode(node), box_labels())


def test_segments_are_named_colored_and_coded(scene: slicer.vtkMRMLScene) -> None:
    node = make(scene, reference_node(scene))
    assert segment_ids(node) == ["NCR", "ED", "ET"]
    for label, segment_id in enumerate(segment_ids(node), start=1):
        segment, expected = node.GetSegmentation().GetSegment(segment_id), SEGMENTS[label]
        assert segment.GetName() == expected.name
        assert segment.GetColor() == expected.color
        assert segment.GetLabelValue() == label
        assert segment.GetTerminology() == expected.terminology
        value = vtk.mutable("")
        assert segment.GetTag("DICOM.SegmentAlgorithmType", value)
        assert value.get() == "AUTOMATIC"
        assert segment.GetTag("DICOM.SegmentAlgorithmName", value)
        assert value.get() == "TumorSegU-Net"


def test_segments_share_one_label_map(scene: slicer.vtkMRMLScene) -> None:
    assert make(scene, reference_node(scene)).GetSegmentation().GetNumberOfLayers() == 1


def test_absent_labels_make_no_segment(scene: slicer.vtkMRMLScene) -> None:
    labels = box_labels()
    labels[labels == 3] = 0
    assert segment_ids(make(scene, reference_node(scene), labels)) == ["NCR", "ED"]


def test_nothing_found_makes_an_empty_segmentation(scene: slicer.vtkMRMLScene) -> None:
    node = make(scene, reference_node(scene), np.zeros_like(box_labels()))
    assert segment_ids(node) == []
    np.testing.assert_array_equal(labelsFromNode(node), 0)


def test_undivided_tumor_is_one_segment(scene: slicer.vtkMRMLScene) -> None:
    labels = (box_labels() > 0).astype(np.uint8) * 5
    node = make(scene, reference_node(scene), labels)
    assert segment_ids(node) == ["WT"]
    np.testing.assert_array_equal(labelsFromNode(node), labels)


@pytest.mark.parametrize("labels", [np.full((4, 5, 6), 9, np.uint8), np.zeros((6, 5, 4), np.uint8)])
def test_labels_that_do_not_fit_add_nothing(scene: slicer.vtkMRMLScene, labels: np.ndarray) -> None:
    reference = reference_node(scene)
    with pytest.raises(ValueError, match="labels"):
        make(scene, reference, labels)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_failure_on_the_way_leaves_no_half_made_node(
    scene: slicer.vtkMRMLScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise MemoryError

    reference = reference_node(scene)
    monkeypatch.setattr(segmentations, "_orientedImage", fail)
    with pytest.raises(MemoryError):
        make(scene, reference)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_segmentation_knows_its_volume(scene: slicer.vtkMRMLScene) -> None:
    reference = reference_node(scene)
    node = make(scene, reference)
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    assert node.GetNodeReference(role) is reference


def test_without_a_volume_the_grid_is_kept(scene: slicer.vtkMRMLScene) -> None:
    geometry = GEOMETRIES["oblique left-handed"]
    node = createSegmentationNode(scene, box_labels(), geometry, name="tumor")
    np.testing.assert_array_equal(labelsFromNode(node), box_labels())
    np.testing.assert_allclose(
        world_positions(node, "ED"), world_positions(make(scene, reference_node(scene, "oblique left-handed")), "ED")
    )


def test_segmentation_lies_beside_its_volume_in_the_hierarchy(scene: slicer.vtkMRMLScene) -> None:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "2026-01-01")
    reference = reference_node(scene)
    reference.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    hierarchy.CreateItem(study, reference)
    item = hierarchy.GetItemByDataNode(make(scene, reference))
    assert hierarchy.GetItemParent(item) == study
    assert hierarchy.GetItemAttribute(item, "DICOM.ReferencedInstanceUIDs") == "1.2.3 1.2.4"


def test_display_shows_fill_and_outline(scene: slicer.vtkMRMLScene) -> None:
    display = make(scene, reference_node(scene)).GetDisplayNode()
    assert display.GetVisibility2DFill()
    assert display.GetVisibility2DOutline()
    assert display.GetOpacity2DFill() == pytest.approx(0.35)


def test_surfaces_are_made_on_demand(scene: slicer.vtkMRMLScene) -> None:
    reference = reference_node(scene)
    geometry = geometryOfNode(reference)
    for surfaces in (False, True):
        node = createSegmentationNode(
            scene, box_labels(), geometry, name="tumor", reference=reference, surfaces=surfaces
        )
        assert node.GetSegmentation().ContainsRepresentation("Closed surface") == surfaces


def test_a_second_run_leaves_the_first_result_alone(scene: slicer.vtkMRMLScene) -> None:
    reference = reference_node(scene)
    first = make(scene, reference)
    first.GetSegmentation().GetSegment("ED").SetName("edited")
    modified = first.GetSegmentation().GetMTime()
    second = make(scene, reference, (box_labels() == 3).astype(np.uint8))
    assert first is not second
    assert first.GetName() != second.GetName()
    assert first.GetSegmentation().GetMTime() == modified
    np.testing.assert_array_equal(labelsFromNode(first), box_labels())


def test_provenance_is_kept_on_the_node(scene: slicer.vtkMRMLScene) -> None:
    node = make(scene, reference_node(scene))
    assert provenanceOf(node) == PROVENANCE
    assert node.GetAttribute("TumorSegUNet.uids") == "1.2.3 1.2.4"


@pytest.mark.parametrize("bundle", [True, False], ids=["mrb", "mrml"])
def test_saved_scene_keeps_everything(scene: slicer.vtkMRMLScene, tmp_path: Path, bundle: bool) -> None:
    reference = reference_node(scene, "oblique")
    make(scene, reference)
    again = createScene()
    if bundle:
        assert scene.WriteToMRB(str(tmp_path / "scene.mrb"), None)
        assert again.ReadFromMRB(str(tmp_path / "scene.mrb"))
    else:
        save_as_files(scene, tmp_path)
        again.SetURL(str(tmp_path / "scene.mrml"))
        assert again.Connect()
    node = again.GetFirstNodeByName("tumor")
    np.testing.assert_array_equal(labelsFromNode(node), box_labels())
    assert provenanceOf(node) == PROVENANCE
    loaded = again.GetFirstNodeByName("T1ce")
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is loaded
    assert geometryOfNode(loaded).differences(geometryOfNode(reference)) == []
    for segment_id, expected in zip(segment_ids(node), SEGMENTS.values(), strict=False):
        segment = node.GetSegmentation().GetSegment(segment_id)
        assert segment.GetName() == expected.name
        assert segment.GetTerminology() == expected.terminology
        assert segment.GetColor() == pytest.approx(expected.color, abs=1e-3)
        value = vtk.mutable("")
        assert segment.GetTag("DICOM.SegmentAlgorithmType", value)
        assert value.get() == "AUTOMATIC"


def save_as_files(scene: slicer.vtkMRMLScene, folder: Path) -> None:
    """A scene file with its data beside it."""
    for class_name, ending in (("vtkMRMLScalarVolumeNode", ".nrrd"), ("vtkMRMLSegmentationNode", ".seg.nrrd")):
        node = scene.GetFirstNodeByClass(class_name)
        node.AddDefaultStorageNode(str(folder / (node.GetName() + ending)))
        assert node.GetStorageNode().WriteData(node)
    scene.SetURL(str(folder / "scene.mrml"))
    scene.SetRootDirectory(str(folder))
    assert scene.Commit()


def terminology(module_folder: Path) -> Path:
    return module_folder / "Resources" / "SegmentationCategoryTypeModifier-TumorSegUNet.term.json"


def test_terminology_file_holds_every_segment(module_folder: Path) -> None:
    document = json.loads(terminology(module_folder).read_text(encoding="utf-8"))
    assert document["SegmentationCategoryTypeContextName"] == TERMINOLOGY_CONTEXT
    types = document["SegmentationCodes"]["Category"][0]["Type"]
    found = {
        (entry["CodingSchemeDesignator"], entry["CodeValue"], entry["CodeMeaning"]): (
            entry["3dSlicerLabel"],
            entry["recommendedDisplayRGBValue"],
        )
        for entry in types
    }
    expected = {s.code: (s.name, [round(255 * part) for part in s.color]) for s in SEGMENTS.values()}
    assert found == expected


def test_slicer_reads_the_terminology_file_and_our_entries(scene: slicer.vtkMRMLScene, module_folder: Path) -> None:
    logic = slicer.vtkSlicerTerminologiesModuleLogic()
    assert logic.LoadTerminologyFromFile(str(terminology(module_folder))) == TERMINOLOGY_CONTEXT
    for segment in SEGMENTS.values():
        entry = slicer.vtkSlicerTerminologyEntry()
        assert logic.DeserializeTerminologyEntry(segment.terminology, entry)
        assert logic.SerializeTerminologyEntry(entry) == segment.terminology
        assert entry.GetTypeObject().GetCodeMeaning() == segment.code[2]
        found = slicer.vtkSlicerTerminologyEntry()
        assert logic.FindTypeInTerminologyBy3dSlicerLabel(TERMINOLOGY_CONTEXT, segment.name, found)
        assert found.GetTypeObject().GetCodeValue() == segment.code[1]
