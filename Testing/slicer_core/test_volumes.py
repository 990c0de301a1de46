"""Volume nodes to volumes and back: the same voxels at the same place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk

from support.mrml import GEOMETRIES, SHAPE, linear_transform, random_volume
from tumorseg.errors import BadInputError
from tumorseg.volume import Geometry
from TumorSegUNetLib.volume_files import loadVolumeFile
from TumorSegUNetLib.volumes import geometryOfNode, nodeFromVolume, provenanceOfNode, stateOfNode, viewOfNode


@pytest.mark.parametrize("name", GEOMETRIES)
def test_volume_survives_the_way_to_a_node_and_back(scene: slicer.vtkMRMLScene, name: str) -> None:
    volume = random_volume(GEOMETRIES[name])
    back = viewOfNode(nodeFromVolume(scene, volume))
    assert back.array.dtype == np.float32
    np.testing.assert_array_equal(back.array, volume.array)
    assert back.geometry.shape == volume.geometry.shape
    assert back.geometry.spacing == tuple(map(float, volume.geometry.spacing))
    np.testing.assert_allclose(back.geometry.index_to_lps, volume.geometry.index_to_lps, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", GEOMETRIES)
def test_every_voxel_lies_where_mrml_puts_it(scene: slicer.vtkMRMLScene, name: str) -> None:
    volume = random_volume(GEOMETRIES[name])
    node = nodeFromVolume(scene, volume)
    to_ras = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(to_ras)
    for index in [(0, 0, 0), (5, 0, 0), (0, 4, 0), (0, 0, 3), (5, 4, 3)]:
        x, y, z, _ = volume.geometry.index_to_lps @ [*index, 1]
        assert to_ras.MultiplyPoint([*index, 1])[:3] == pytest.approx((-x, -y, z), abs=1e-9)


@pytest.mark.parametrize("name", ["oblique", "oblique left-handed", "anisotropic"])
def test_file_loaded_by_slicer_has_the_geometry_that_simpleitk_reads(
    scene: slicer.vtkMRMLScene, tmp_path: Path, name: str
) -> None:
    volume = random_volume(GEOMETRIES[name])
    image = sitk.GetImageFromArray(volume.array)
    image.SetOrigin(volume.geometry.origin)
    image.SetSpacing(volume.geometry.spacing)
    image.SetDirection(volume.geometry.direction)
    path = str(tmp_path / "volume.nrrd")
    sitk.WriteImage(image, path)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "loaded")
    node.AddDefaultStorageNode(path)
    assert node.GetStorageNode().ReadData(node)
    loaded = viewOfNode(node)
    # Slicer's reader turns a left-handed grid round: other indices, same value at every place.
    to_loaded = np.linalg.inv(loaded.geometry.index_to_lps) @ volume.geometry.index_to_lps
    for (k, j, i), value in np.ndenumerate(volume.array):
        x, y, z = np.rint(to_loaded @ [i, j, k, 1]).astype(int)[:3]
        assert loaded.array[z, y, x] == value
    assert loaded.provenance["file"] == path


def test_voxels_are_the_nodes_own_in_their_own_type(scene: slicer.vtkMRMLScene) -> None:
    node = nodeFromVolume(scene, random_volume(Geometry(SHAPE)))
    slicer.util.updateVolumeFromArray(node, np.full(SHAPE, 1234, np.int16))
    seen = viewOfNode(node).array
    assert seen.dtype == np.int16
    assert np.shares_memory(seen, slicer.util.arrayFromVolume(node))


def test_every_change_of_the_voxels_is_another_state(scene: slicer.vtkMRMLScene) -> None:
    node = nodeFromVolume(scene, random_volume(Geometry(SHAPE)))
    states = [viewOfNode(node).state, viewOfNode(node).state]
    node.SetOrigin(1, 2, 3)
    states.append(viewOfNode(node).state)
    assert len(set(states)) == 1
    slicer.util.arrayFromVolumeModified(node)
    assert viewOfNode(node).state != states[0]


def test_every_change_that_a_check_would_see_is_another_state(scene: slicer.vtkMRMLScene) -> None:
    node = nodeFromVolume(scene, random_volume(Geometry(SHAPE)))
    warp = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode")
    states = [stateOfNode(node)]

    def changed() -> bool:
        states.append(stateOfNode(node))
        return states[-1] not in states[:-1]

    node.GetDisplayNode().SetWindow(5.0)
    assert not changed()
    slicer.util.arrayFromVolumeModified(node)
    assert changed()
    node.SetOrigin(1, 2, 3)
    assert changed()
    node.SetName("T2")
    assert changed()
    node.SetAndObserveTransformNodeID(warp.GetID())
    assert changed()
    warp.Inverse()
    assert changed()
    assert not changed()


def test_linear_parent_transforms_count(scene: slicer.vtkMRMLScene) -> None:
    volume = random_volume(GEOMETRIES["oblique"])
    node = nodeFromVolume(scene, volume)
    turn = np.array([[0, -1, 0, 5], [1, 0, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1]], float)  # RAS
    inner, outer = linear_transform(scene, turn), linear_transform(scene, turn)
    inner.SetAndObserveTransformNodeID(outer.GetID())
    node.SetAndObserveTransformNodeID(inner.GetID())
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    expected = flip @ turn @ turn @ flip @ volume.geometry.index_to_lps
    np.testing.assert_allclose(geometryOfNode(node).index_to_lps, expected, atol=1e-9)


def test_scaling_transform_changes_the_spacing(scene: slicer.vtkMRMLScene) -> None:
    node = nodeFromVolume(scene, random_volume(Geometry(SHAPE, spacing=(1, 2, 3))))
    node.SetAndObserveTransformNodeID(linear_transform(scene, np.diag([2.0, 2.0, 2.0, 1.0])).GetID())
    assert geometryOfNode(node).spacing == (2, 4, 6)


def test_non_linear_transform_gets_a_sentence(scene: slicer.vtkMRMLScene) -> None:
    node = nodeFromVolume(scene, random_volume(Geometry(SHAPE)))
    warp = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "warp")
    node.SetAndObserveTransformNodeID(warp.GetID())
    with pytest.raises(BadInputError, match=r'"T1ce" is under the non-linear transform "warp"; harden'):
        viewOfNode(node, "T1ce")


@pytest.mark.parametrize("amount", [0.5, 0.005])
def test_shear_gets_a_sentence(scene: slicer.vtkMRMLScene, amount: float) -> None:
    node = nodeFromVolume(scene, random_volume(Geometry(SHAPE)))
    shear = np.eye(4)
    shear[0, 1] = amount
    node.SetAndObserveTransformNodeID(linear_transform(scene, shear).GetID())
    with pytest.raises(BadInputError, match=r'"T1ce" is sheared.*resample'):
        viewOfNode(node, "T1ce")


def test_nothing_chosen_gets_a_sentence() -> None:
    with pytest.raises(BadInputError, match=r"^No FLAIR volume is chosen; choose one\.$"):
        viewOfNode(None, "FLAIR")


def test_node_without_voxels_gets_a_sentence(scene: slicer.vtkMRMLScene) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "hollow")
    with pytest.raises(BadInputError, match=r'"hollow" \(T2\) holds no voxels'):
        viewOfNode(node, "T2")


def test_label_map_gets_a_sentence(scene: slicer.vtkMRMLScene) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "mask")
    with pytest.raises(BadInputError, match=r'"mask" \(T2\) is a label map'):
        viewOfNode(node, "T2")


def test_color_volume_gets_a_sentence(scene: slicer.vtkMRMLScene) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "photo")
    slicer.util.updateVolumeFromArray(node, np.zeros((*SHAPE, 3), np.uint8))
    with pytest.raises(BadInputError, match=r'"photo" \(T1\) has 3 values per voxel'):
        viewOfNode(node, "T1")


def test_provenance_names_node_and_dicom_instances(scene: slicer.vtkMRMLScene) -> None:
    node = nodeFromVolume(scene, random_volume(Geometry(SHAPE)))
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    assert provenanceOfNode(node) == {"node": "T1ce", "node_id": node.GetID(), "uids": "1.2.3 1.2.4"}


def test_a_file_that_does_not_say_where_left_is(scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(random_volume(GEOMETRIES["anisotropic"]).array)
    for name in ("told", "untold"):
        sitk.WriteImage(image, str(tmp_path / f"{name}.nii"))
    untold = tmp_path / "untold.nii"
    content = bytearray(untold.read_bytes())
    content[252:256] = bytes(4)
    untold.write_bytes(content)
    sides = {}
    for name in ("told", "untold"):
        node = loadVolumeFile(scene, tmp_path / f"{name}.nii", name)
        sides[name] = provenanceOfNode(node).get("sides")
    assert sides == {"told": None, "untold": "unknown"}
