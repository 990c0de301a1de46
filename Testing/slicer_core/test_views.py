"""The picture of a result, looked at pixel by pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk
from vtk.util import numpy_support

from support.mrml import linear_transform
from tumorseg.regions import SEGMENTS
from tumorseg.volume import Geometry, Volume
from TumorSegUNetLib.segmentations import createSegmentationNode
from TumorSegUNetLib.view_content import shownSegments, shownVolume
from TumorSegUNetLib.view_slice import PLANES, positionText
from TumorSegUNetLib.views import renderOverview
from TumorSegUNetLib.volumes import nodeFromVolume

SIZE = (640, 512)
GEOMETRY = Geometry((40, 44, 42), origin=(-40, -40, -60), spacing=(2, 2, 3))


def patient(
    scene: slicer.vtkMRMLScene, with_tumor: bool = True, geometry: Geometry = GEOMETRY
) -> tuple[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLSegmentationNode]:
    """A bright ellipsoid with edema in the patient's left half (index x grows towards the left)."""
    z, y, x = np.indices(geometry.shape)
    brain = ((z - 20) / 16) ** 2 + ((y - 22) / 18) ** 2 + ((x - 21) / 17) ** 2 < 1
    labels = np.zeros(geometry.shape, np.uint8)
    if with_tumor:
        labels[14:26, 14:30, 25:35] = 2
        labels[17:23, 18:26, 28:32] = 3
    volume = nodeFromVolume(scene, Volume(np.where(brain, 100, 0).astype(np.float32), geometry, "T1ce"))
    return volume, createSegmentationNode(scene, labels, geometry, name="tumor", reference=volume)


def picture(path: Path) -> np.ndarray:
    """RGB pixels, first row on top."""
    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(path))
    reader.Update()
    image = reader.GetOutput()
    width, height, _ = image.GetDimensions()
    pixels = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
    return pixels.reshape(height, width, -1)[::-1, :, :3].astype(int)


def colored(pixels: np.ndarray, label: int) -> np.ndarray:
    """Pixels that have exactly the colour of a label's outline."""
    return np.abs(pixels - [round(255 * part) for part in SEGMENTS[label].color]).max(axis=2) < 12


def test_picture_has_its_size_and_all_colors(scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
    path = renderOverview(*patient(scene), tmp_path / "views.png", size=SIZE)
    pixels = picture(path)
    assert pixels.shape == (SIZE[1], SIZE[0], 3)
    assert colored(pixels, 2).any()
    assert colored(pixels, 3).any()
    assert not colored(pixels, 1).any()
    assert list(tmp_path.iterdir()) == [path]


def test_left_of_the_patient_is_on_the_right_of_the_picture(scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
    pixels = picture(renderOverview(*patient(scene), tmp_path / "views.png", size=SIZE))
    axial = pixels[40 : SIZE[1] // 2 - 10, : SIZE[0] // 2]
    columns = np.nonzero(colored(axial, 2))[1]
    assert columns.min() > SIZE[0] // 4 - 5
    coronal = pixels[SIZE[1] // 2 + 5 : -50, : SIZE[0] // 2]
    assert np.nonzero(colored(coronal, 2))[1].min() > SIZE[0] // 4 - 5


def test_positions_are_coordinates_that_look_like_no_side() -> None:
    """BraTS puts the origin at the edge of the volume, so a letter would be wrong for half of the tumors."""
    center = np.array([-73.94, 116.8, 0.0])
    assert [positionText(plane, center) for plane in PLANES] == ["z = 0.0 mm", "y = 116.8 mm", "x = -73.9 mm"]
    assert positionText(PLANES[2], np.array([-0.01, 0.0, 0.0])) == "x = 0.0 mm"


def test_nothing_found_still_makes_a_picture(scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
    pixels = picture(renderOverview(*patient(scene, with_tumor=False), tmp_path / "views.png", size=SIZE))
    assert not any(colored(pixels, label).any() for label in SEGMENTS)
    assert pixels.max() > 150


def test_rendering_changes_neither_node(scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
    volume, segmentation = patient(scene)
    before = scene.GetNumberOfNodes()
    renderOverview(volume, segmentation, tmp_path / "views.png", size=SIZE)
    assert scene.GetNumberOfNodes() == before
    assert not segmentation.GetSegmentation().ContainsRepresentation("Closed surface")


def test_unwritable_path_is_an_os_error(scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        renderOverview(*patient(scene), tmp_path / "missing" / "views.png", size=SIZE)


def test_volumes_in_the_legend_are_millilitres(scene: slicer.vtkMRMLScene) -> None:
    segments = {segment.name: segment for segment in shownSegments(patient(scene)[1])}
    enhancing, edema = segments[SEGMENTS[3].name], segments[SEGMENTS[2].name]
    assert enhancing.volumeMl == pytest.approx(6 * 8 * 4 * 12 / 1000)
    assert edema.volumeMl == pytest.approx((12 * 16 * 10 - 6 * 8 * 4) * 12 / 1000)


def test_segments_are_shown_where_they_are(scene: slicer.vtkMRMLScene) -> None:
    volume, segmentation = patient(scene)
    shift = np.eye(4)
    shift[:3, 3] = (10, 20, 30)
    transform = linear_transform(scene, shift)
    for node in (volume, segmentation):
        node.SetAndObserveTransformNodeID(transform.GetID())
    enhancing = {segment.name: segment for segment in shownSegments(segmentation)}[SEGMENTS[3].name]
    x, y, z = (GEOMETRY.index_to_lps @ [29.5, 21.5, 19.5, 1])[:3]
    np.testing.assert_allclose(enhancing.center, [-x + 10, -y + 20, z + 30], atol=1e-6)
    surface = np.array(enhancing.surface.GetBounds()).reshape(3, 2).mean(axis=1)
    np.testing.assert_allclose(surface, enhancing.center, atol=0.5)
    low, high = shownVolume(volume).bounds
    assert (low < enhancing.center).all()
    assert (enhancing.center < high).all()
