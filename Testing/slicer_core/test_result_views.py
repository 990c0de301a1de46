"""A result in the slice views: background, place, overlay, and what was there before."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import slicer

from support.ellipsoid_result import GRIDS, volumes
from support.ellipsoid_result import ellipsoid_result as make
from tumorseg.volume import Geometry, Volume
from TumorSegUNetLib.diameter_markups import diametersShown, showDiameters
from TumorSegUNetLib.result import FACTS, resultOf
from TumorSegUNetLib.result_views import (
    hideResult,
    showResult,
    showUncertainty,
    showVolume,
    tumorCenter,
    uncertaintyShown,
)
from TumorSegUNetLib.scene import createScene
from TumorSegUNetLib.segmentations import createSegmentationNode
from TumorSegUNetLib.volumes import nodeFromVolume


def test_slice_views_show_the_tumor(scene: slicer.vtkMRMLScene) -> None:
    composites = [scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode") for _ in range(3)]
    slices = [scene.AddNewNodeByClass("vtkMRMLSliceNode") for _ in range(3)]
    for node, orientation in zip(slices, ("Axial", "Sagittal", "Coronal"), strict=True):
        node.SetOrientation(orientation)
    nodes = volumes(scene, GRIDS["oblique"])
    outcome = make(scene, "oblique", nodes)
    showResult(outcome.segmentation)
    center = np.array(outcome.lesions[0]["centroid_lps"]) * (-1, -1, 1)
    for composite, node in zip(composites, slices, strict=True):
        assert composite.GetBackgroundVolumeID() == nodes["flair"].GetID()
        to_ras = slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS())
        assert abs((center - to_ras[:3, 3]) @ to_ras[:3, 2]) < 0.01
    showResult(outcome.segmentation, background="t1ce")
    assert composites[0].GetBackgroundVolumeID() == nodes["t1ce"].GetID()


def test_a_volume_that_was_moved_is_not_what_lies_below_the_outlines(scene: slicer.vtkMRMLScene) -> None:
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    nodes = volumes(scene, GRIDS["oblique"])
    registered = {"code": "registered", "severity": "note", "volumes": ["flair"], "message": "Moved.", "remedy": ""}
    outcome = make(scene, "oblique", nodes, [registered])
    showResult(outcome.segmentation)
    assert composite.GetBackgroundVolumeID() == nodes["t1ce"].GetID()
    showResult(outcome.segmentation, background="flair")
    assert composite.GetBackgroundVolumeID() == nodes["flair"].GetID()


def test_views_that_show_the_sequences_side_by_side_stay(scene: slicer.vtkMRMLScene) -> None:
    composites = {name: scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode") for name in ("t1ce", "flair", "elsewhere")}
    nodes = volumes(scene, GRIDS["oblique"])
    for name, node in nodes.items():
        composites[name].SetBackgroundVolumeID(node.GetID())
    composites["elsewhere"].SetBackgroundVolumeID(volumes(scene, GRIDS["isotropic"])["t1ce"].GetID())
    showResult(make(scene, "oblique", nodes).segmentation)
    for name, node in nodes.items():
        assert composites[name].GetBackgroundVolumeID() == node.GetID()
    assert composites["elsewhere"].GetBackgroundVolumeID() == nodes["flair"].GetID()


def test_a_view_of_a_volume_that_was_moved_does_not_stay(scene: slicer.vtkMRMLScene) -> None:
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    nodes = volumes(scene, GRIDS["oblique"])
    composite.SetBackgroundVolumeID(nodes["flair"].GetID())
    registered = {"code": "registered", "severity": "note", "volumes": ["flair"], "message": "Moved.", "remedy": ""}
    showResult(make(scene, "oblique", nodes, [registered]).segmentation)
    assert composite.GetBackgroundVolumeID() == nodes["t1ce"].GetID()


def test_images_of_another_patient_do_not_lie_over_a_result(scene: slicer.vtkMRMLScene) -> None:
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    others, nodes = volumes(scene, GRIDS["isotropic"]), volumes(scene, GRIDS["isotropic"])
    before, outcome = make(scene, "isotropic", others), make(scene, "isotropic", nodes)
    composite.SetForegroundVolumeID(others["t1ce"].GetID())
    composite.SetLabelVolumeID(others["flair"].GetID())
    showUncertainty(scene, before.uncertainty)
    showResult(outcome.segmentation)
    assert composite.GetForegroundVolumeID() is None
    assert composite.GetLabelVolumeID() is None
    showUncertainty(scene, outcome.uncertainty)
    showUncertainty(scene, None)
    assert composite.GetForegroundVolumeID() is None


def test_images_of_the_same_examination_stay_over_a_result(scene: slicer.vtkMRMLScene) -> None:
    own, same, study = (scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode") for _ in range(3))
    nodes, further = volumes(scene, GRIDS["isotropic"]), volumes(scene, GRIDS["isotropic"])["flair"]
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "2024-01-03")
    for node in (*nodes.values(), further):
        hierarchy.CreateItem(item, node)
    outcome = make(scene, "isotropic", nodes)
    own.SetForegroundVolumeID(nodes["t1ce"].GetID())
    same.SetForegroundVolumeID(outcome.uncertainty.GetID())
    study.SetForegroundVolumeID(further.GetID())
    showResult(outcome.segmentation)
    assert own.GetForegroundVolumeID() == nodes["t1ce"].GetID()
    assert same.GetForegroundVolumeID() == outcome.uncertainty.GetID()
    assert study.GetForegroundVolumeID() == further.GetID()


def test_uncertainty_is_laid_over_and_taken_away(scene: slicer.vtkMRMLScene) -> None:
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    outcome = make(scene)
    assert not uncertaintyShown(scene, outcome.uncertainty)
    showUncertainty(scene, outcome.uncertainty)
    assert uncertaintyShown(scene, outcome.uncertainty)
    showUncertainty(scene, None)
    assert not uncertaintyShown(scene, outcome.uncertainty)
    composite.SetForegroundVolumeID("vtkMRMLScalarVolumeNode1")
    showUncertainty(scene, None)
    assert composite.GetForegroundVolumeID() == "vtkMRMLScalarVolumeNode1"


def test_hidden_result_takes_all_of_its_own_along_and_stays_in_the_scene(scene: slicer.vtkMRMLScene) -> None:
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    outcome, other = make(scene), make(scene)
    showDiameters(outcome.segmentation, True)
    showUncertainty(scene, outcome.uncertainty)
    hideResult(outcome.segmentation)
    assert not outcome.segmentation.GetDisplayVisibility()
    assert not diametersShown(outcome.segmentation)
    assert composite.GetForegroundVolumeID() is None
    assert other.segmentation.GetDisplayVisibility()
    assert scene.IsNodePresent(outcome.segmentation)


def test_hiding_a_result_leaves_the_uncertainty_of_another_one(scene: slicer.vtkMRMLScene) -> None:
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    outcome, other = make(scene), make(scene)
    showUncertainty(scene, other.uncertainty)
    hideResult(outcome.segmentation)
    assert composite.GetForegroundVolumeID() == other.uncertainty.GetID()


def test_views_jump_to_a_volume_far_away(scene: slicer.vtkMRMLScene) -> None:
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    slices = [scene.AddNewNodeByClass("vtkMRMLSliceNode") for _ in range(3)]
    for node, orientation in zip(slices, ("Axial", "Sagittal", "Coronal"), strict=True):
        node.SetOrientation(orientation)
    geometry = Geometry((10, 20, 30), (100.0, 200.0, -300.0))
    volume = nodeFromVolume(scene, Volume(np.ones(geometry.shape, np.float32), geometry, "far"))
    showVolume(volume)
    assert composite.GetBackgroundVolumeID() == volume.GetID()
    for node in slices:
        to_ras = slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS())
        np.testing.assert_allclose(to_ras[:3, 3], (-114.5, -209.5, -295.5))


def two_parts(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLSegmentationNode:
    """27 voxels of one segment around 3 mm and 125 of another around 32 mm along all axes."""
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[2:5, 2:5, 2:5] = 1
    labels[30:35, 30:35, 30:35] = 2
    return createSegmentationNode(scene, labels, Geometry(labels.shape), name="P tumor")


def test_center_of_a_result_is_that_of_its_largest_lesion(scene: slicer.vtkMRMLScene) -> None:
    segmentation = two_parts(scene)
    segmentation.SetAttribute(FACTS, json.dumps({"center": [-20.0, -21.0, 22.0]}))
    np.testing.assert_allclose(tumorCenter(resultOf(segmentation)), (-20, -21, 22))


def test_center_without_a_lesion_is_that_of_all_segments(scene: slicer.vtkMRMLScene) -> None:
    middle = (27 * 3 + 125 * 32) / 152
    np.testing.assert_allclose(tumorCenter(resultOf(two_parts(scene))), (-middle, -middle, middle))


def test_segments_that_were_emptied_have_no_center(scene: slicer.vtkMRMLScene) -> None:
    segmentation = two_parts(scene)
    image = slicer.util.arrayFromSegmentInternalBinaryLabelmap(segmentation, "ED")
    image[image == 2] = 0
    np.testing.assert_allclose(tumorCenter(resultOf(segmentation)), (-3, -3, 3))
    image[:] = 0
    assert tumorCenter(resultOf(segmentation)) is None


def test_scene_without_views_is_no_problem(scene: slicer.vtkMRMLScene) -> None:
    outcome = make(scene)
    showResult(outcome.segmentation)
    showUncertainty(scene, outcome.uncertainty)
    hideResult(outcome.segmentation)
    assert not uncertaintyShown(scene, outcome.uncertainty)


def foreground(composite: slicer.vtkMRMLSliceCompositeNode) -> tuple[str | None, float]:
    return composite.GetForegroundVolumeID(), composite.GetForegroundOpacity()


def test_the_users_foreground_comes_back(scene: slicer.vtkMRMLScene) -> None:
    composite, other = (scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode") for _ in range(2))
    outcome, later = make(scene), make(scene)
    chosen = volumes(scene, GRIDS["isotropic"])["flair"]
    composite.SetForegroundVolumeID(chosen.GetID())
    composite.SetForegroundOpacity(0.25)
    showUncertainty(scene, outcome.uncertainty)
    showUncertainty(scene, later.uncertainty)
    assert foreground(composite) == foreground(other) == (later.uncertainty.GetID(), 0.6)
    showUncertainty(scene, None)
    assert foreground(composite) == (chosen.GetID(), 0.25)
    assert foreground(other) == (None, 0.0)


def test_a_foreground_chosen_over_the_overlay_stays(scene: slicer.vtkMRMLScene) -> None:
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    outcome = make(scene)
    first, second = volumes(scene, GRIDS["isotropic"]).values()
    composite.SetForegroundVolumeID(first.GetID())
    showUncertainty(scene, outcome.uncertainty)
    composite.SetForegroundVolumeID(second.GetID())
    composite.SetForegroundOpacity(0.5)
    showUncertainty(scene, None)
    assert foreground(composite) == (second.GetID(), 0.5)
    showUncertainty(scene, outcome.uncertainty)
    showUncertainty(scene, None)
    assert foreground(composite) == (second.GetID(), 0.5)


def test_a_removed_foreground_does_not_come_back(scene: slicer.vtkMRMLScene) -> None:
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    outcome = make(scene)
    chosen = volumes(scene, GRIDS["isotropic"])["flair"]
    composite.SetForegroundVolumeID(chosen.GetID())
    showUncertainty(scene, outcome.uncertainty)
    scene.RemoveNode(chosen)
    showUncertainty(scene, None)
    assert composite.GetForegroundVolumeID() is None


def test_the_foreground_comes_back_after_saving_and_loading(scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    outcome = make(scene)
    composite.SetForegroundVolumeID(volumes(scene, GRIDS["isotropic"])["flair"].GetID())
    composite.SetForegroundOpacity(0.25)
    showUncertainty(scene, outcome.uncertainty)
    scene.WriteToMRB(str(tmp_path / "visit.mrb"))
    loaded = createScene()
    loaded.ReadFromMRB(str(tmp_path / "visit.mrb"))
    showUncertainty(loaded, None)
    view = loaded.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    assert loaded.GetNodeByID(view.GetForegroundVolumeID()).GetName() == "Case_7_flair"
    assert view.GetForegroundOpacity() == 0.25
