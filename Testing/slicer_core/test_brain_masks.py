"""Brain mask nodes on their way to the worker: every kind lies where MRML puts it, whatever it is parented to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk

from support.models import saved
from support.moved import HEAD, head_model, head_patient
from support.mrml import GEOMETRIES, SHAPE, box_labels, linear_transform, random_volume
from support.runs import finish, run_folders
from tumorseg.errors import BadInputError
from tumorseg.given_mask import on_grid
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import BoolArray, Geometry, Volume
from TumorSegUNetLib.brain_masks import stateOfMask, viewOfMask
from TumorSegUNetLib.hand_over import handOver
from TumorSegUNetLib.logic import TumorSegUNetLogic
from TumorSegUNetLib.result import FACTS
from TumorSegUNetLib.segmentations import createSegmentationNode, labelsFromNode, provenanceOf
from TumorSegUNetLib.volumes import geometryOfNode, nodeFromVolume
from TumorSegUNetLib.voxel_files import VoxelFiles

TURN = np.array([[0, -1, 0, 5], [1, 0, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1]], float)  # RAS

Node = slicer.vtkMRMLNode

pytestmark = pytest.mark.usefixtures("temporary")


def label_map(scene: slicer.vtkMRMLScene, mask: BoolArray, geometry: Geometry, name: str = "mask") -> Node:
    node = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", name)
    slicer.util.updateVolumeFromArray(node, mask.astype(np.int16))
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(flip @ geometry.index_to_lps))
    return node


def scalar_volume(scene: slicer.vtkMRMLScene, mask: BoolArray, geometry: Geometry, name: str = "mask") -> Node:
    return nodeFromVolume(scene, Volume(mask.astype(np.float32) * 7, geometry, name))


def segmentation(scene: slicer.vtkMRMLScene, mask: BoolArray, geometry: Geometry, name: str = "mask") -> Node:
    """Two segments, which together are the mask."""
    parts = np.where(mask, 2, 0).astype(np.uint8)
    parts[: len(parts) // 2][mask[: len(parts) // 2]] = 3
    return createSegmentationNode(scene, parts, geometry, name=name)


KINDS = pytest.mark.parametrize("make", [label_map, scalar_volume, segmentation])

Make = Callable[..., Node]


def seen_on(node: Node, grid: Geometry) -> BoolArray:
    """What the worker gets, on a grid."""
    view = viewOfMask(node)
    return on_grid(Volume(view.array.astype(np.float32), view.geometry, view.name), grid).array != 0


@KINDS
@pytest.mark.parametrize("name", GEOMETRIES)
def test_a_mask_lies_where_mrml_puts_it(scene: slicer.vtkMRMLScene, make: Make, name: str) -> None:
    mask = box_labels() > 0
    node = make(scene, mask, GEOMETRIES[name])
    assert viewOfMask(node).name == "mask"
    np.testing.assert_array_equal(seen_on(node, GEOMETRIES[name]), mask)


@KINDS
@pytest.mark.parametrize("parents", ["mask", "volume", "both"])
def test_parent_transforms_of_mask_and_volume_count(scene: slicer.vtkMRMLScene, make: Make, parents: str) -> None:
    """The mask lies where the transforms put it: as before if both have the same, turned if only one has it."""
    grid = GEOMETRIES["oblique"]
    mask, transform = box_labels() > 0, linear_transform(scene, TURN)
    volume, node = nodeFromVolume(scene, random_volume(grid)), make(scene, mask, grid)
    for name, moved in (("volume", volume), ("mask", node)):
        if parents in (name, "both"):
            moved.SetAndObserveTransformNodeID(transform.GetID())
    found = seen_on(node, geometryOfNode(volume))
    if parents == "both":
        np.testing.assert_array_equal(found, mask)
        return
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    there = flip @ (TURN if parents == "mask" else np.linalg.inv(TURN)) @ flip @ grid.index_to_lps
    for (k, j, i), inside in np.ndenumerate(found):
        z, y, x = np.rint(np.linalg.inv(there) @ grid.index_to_lps @ [i, j, k, 1])[2::-1].astype(int)
        within = all(0 <= index < size for index, size in zip((z, y, x), SHAPE, strict=True))
        assert inside == (within and bool(mask[z, y, x])), (i, j, k)


def test_a_segmentation_under_the_transform_of_its_volume_is_exact(scene: slicer.vtkMRMLScene) -> None:
    volume = nodeFromVolume(scene, random_volume(GEOMETRIES["oblique"]))
    volume.SetAndObserveTransformNodeID(linear_transform(scene, TURN).GetID())
    node = createSegmentationNode(scene, box_labels(), geometryOfNode(volume), name="mask", reference=volume)
    assert node.GetParentTransformNode() is volume.GetParentTransformNode()
    view, grid = viewOfMask(node), geometryOfNode(volume)
    assert grid.shares_voxels(view.geometry)
    np.testing.assert_array_equal(seen_on(node, grid), box_labels() > 0)


def test_a_mask_of_surfaces_only_is_filled_and_stays_as_it_is(scene: slicer.vtkMRMLScene) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "ball")
    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(20)
    sphere.SetCenter(3, -4, 5)
    sphere.SetThetaResolution(40)
    sphere.SetPhiResolution(40)
    sphere.Update()
    segment = slicer.vtkSegment()
    segment.AddRepresentation("Closed surface", sphere.GetOutput())
    node.GetSegmentation().SetSourceRepresentationName("Closed surface")
    node.GetSegmentation().AddSegment(segment, "brain")
    nodes = scene.GetNumberOfNodes()
    grid = Geometry((60, 60, 60), (-29.5, -29.5, -29.5))
    found = seen_on(node, grid)
    centers = np.argwhere(found)[:, ::-1] + grid.origin
    assert np.count_nonzero(found) == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.03)
    np.testing.assert_allclose(centers.mean(axis=0), (-3, 4, 5), atol=0.1)
    assert not node.GetSegmentation().ContainsRepresentation("Binary labelmap")
    assert scene.GetNumberOfNodes() == nodes


def test_a_segmentation_without_anything_in_it_is_named(scene: slicer.vtkMRMLScene) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "brain of A")
    with pytest.raises(BadInputError, match=r'^"brain of A" \(brain mask\) has no segments; choose another mask\.$'):
        viewOfMask(node)
    node.GetSegmentation().AddEmptySegment("brain")
    with pytest.raises(BadInputError, match=r'^"brain of A" \(brain mask\) has only empty segments; choose another'):
        viewOfMask(node)


def test_a_tumor_that_we_found_is_no_brain_mask(scene: slicer.vtkMRMLScene) -> None:
    node = segmentation(scene, np.ones(SHAPE, bool), next(iter(GEOMETRIES.values())), "Anna tumor")
    node.SetAttribute(FACTS, "{}")
    with pytest.raises(BadInputError, match=r'^"Anna tumor" is a tumor that was found, not a brain mask; choose'):
        viewOfMask(node)


def test_unusable_masks_are_named(scene: slicer.vtkMRMLScene) -> None:
    hollow = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "hollow")
    with pytest.raises(BadInputError, match=r'"hollow" \(brain mask\) holds no voxels'):
        viewOfMask(hollow)
    warp = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "warp")
    for make in (label_map, segmentation):
        node = make(scene, box_labels() > 0, GEOMETRIES["plain"], "bent")
        node.SetAndObserveTransformNodeID(warp.GetID())
        with pytest.raises(BadInputError, match=r'^"bent(_1)?" is under the non-linear transform "warp"; harden'):
            viewOfMask(node)


@KINDS
def test_every_change_of_a_mask_is_another_state(scene: slicer.vtkMRMLScene, make: Make) -> None:
    node = make(scene, box_labels() > 0, GEOMETRIES["plain"])
    states = [stateOfMask(node)]

    def changed() -> bool:
        states.append(stateOfMask(node))
        return states[-1] not in states[:-1]

    assert states[0] == stateOfMask(node)
    node.SetName("other")
    assert changed()
    node.SetAndObserveTransformNodeID(linear_transform(scene, TURN).GetID())
    assert changed()
    if make is segmentation:
        node.GetSegmentation().GetSegment("ED").GetRepresentation("Binary labelmap").Modified()
        assert changed()
        node.GetSegmentation().RemoveSegment("ET")
        assert changed()
        node.GetSegmentation().GetSegment("ED").SetColor(1, 0, 0)
        assert not changed()
    else:
        slicer.util.arrayFromVolumeModified(node)
        assert changed()


@KINDS
def test_a_run_takes_the_mask_that_its_check_has_written(scene: slicer.vtkMRMLScene, make: Make) -> None:
    t1 = nodeFromVolume(scene, random_volume(GEOMETRIES["plain"], "t1"))
    node, voxels = make(scene, box_labels() > 0, GEOMETRIES["plain"]), VoxelFiles()
    check = handOver({"t1": t1}, voxels, node, keep=True)
    run = handOver({"t1": t1}, voxels, node)
    assert set(run.entries) == {"t1"}
    assert run.brainMask is not None
    first, second = (handed.files.folder / handed.brainMask["file"] for handed in (check, run))
    assert second.samefile(first)
    assert run.brainMask["provenance"]["node_id"] == node.GetID()
    assert handOver({"t1": t1}, voxels).brainMask is None
    if make is segmentation:
        node.GetSegmentation().RemoveSegment("ET")
        again = handOver({"t1": t1}, voxels, node)
        assert np.load(again.files.folder / again.brainMask["file"]).sum() < np.load(first).sum()


def test_a_mask_that_cannot_be_used_leaves_no_files(scene: slicer.vtkMRMLScene, temporary: Path) -> None:
    t1 = nodeFromVolume(scene, random_volume(GEOMETRIES["plain"], "t1"))
    with pytest.raises(BadInputError, match="no segments"):
        handOver({"t1": t1}, VoxelFiles(), scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "none"))
    assert run_folders(temporary) == []


@pytest.fixture(scope="module")
def real() -> Iterator[TumorSegUNetLogic]:
    """One warm worker for all tests of this file: it loads PyTorch once."""
    logic = TumorSegUNetLogic()
    yield logic
    logic.shutdown()


def test_heads_with_skull_are_segmented_within_the_mask(
    scene: slicer.vtkMRMLScene, tmp_path: Path, real: TumorSegUNetLogic
) -> None:
    brains = head_patient()
    inside = brains["t1"].array != 0
    air = np.random.default_rng(0).uniform(1, 9, HEAD.shape).astype(np.float32)
    nodes = {
        name: nodeFromVolume(scene, Volume(np.where(inside, brains[name].array, air), HEAD, name)) for name in SEQUENCES
    }
    model = str(saved(head_model(), tmp_path))
    half = inside.copy()
    half[:20] = False
    mask = segmentation(scene, half, HEAD)
    bare = finish(real.startCheck(nodes, model))
    assert [finding["code"] for finding in bare.findings] == ["skull"]
    masked = finish(real.startCheck(nodes, model, brainMask=mask))
    assert "skull" not in [finding["code"] for finding in masked.findings]
    assert not [finding for finding in masked.findings if "mask" in finding["code"]]  # on the grid, only cut
    node = real.segment(nodes, model, "cpu", brainMask=mask)
    labels = labelsFromNode(node)
    assert labels.any()
    assert not labels[~half].any()
    provenance = provenanceOf(node)
    assert (provenance["brain_mask"], provenance["brain_mask_node_id"]) == ("mask", mask.GetID())
    assert float(provenance["brain_mask_volume_ml"]) == pytest.approx(np.count_nonzero(half) * 0.064, abs=0.1)
    far = label_map(scene, half, Geometry(HEAD.shape, (900.0, 0.0, 0.0), HEAD.spacing), "of B")
    with pytest.raises(BadInputError, match=r"The brain mask of B does not lie over T1ce \(t1ce\)"):
        real.segment(nodes, model, "cpu", brainMask=far)


def test_volumes_are_not_registered_when_that_is_not_wanted(
    scene: slicer.vtkMRMLScene, tmp_path: Path, real: TumorSegUNetLogic
) -> None:
    nodes = {name: nodeFromVolume(scene, volume) for name, volume in head_patient().items()}
    nodes["flair"].SetOrigin(*np.add(nodes["flair"].GetOrigin(), (2.0, 0.0, 0.0)))
    model = str(saved(head_model(), tmp_path))
    (note,) = finish(real.startCheck(nodes, model, register=False)).findings
    assert note["remedy"] == "They are resampled to the T1ce where their headers say."
    run = real.run(nodes, model, "cpu", register=False)
    assert "resampled" in [finding["code"] for finding in run.outcome.findings]
