"""A result in the scene: what belongs to it, where it lies, its size in mm and mL, and what survives saving."""

from __future__ import annotations

import csv
import json
import shutil
import tracemalloc
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer

from support.ellipsoid_result import GRIDS, RADII, ellipsoid, volumes
from support.ellipsoid_result import ellipsoid_result as make
from support.ellipsoid_result import result_event as make_event
from support.mrml import linear_transform
from TumorSegUNetLib.diameter_markups import diametersShown, showDiameters
from TumorSegUNetLib.hierarchy import hierarchyOf, parentItem
from TumorSegUNetLib.naming import caseName, patientName, resultName
from TumorSegUNetLib.report import reportFile, saveReport
from TumorSegUNetLib.result import FACTS, GRID, VOXELS, Origin, outcomeMaker, removeResult, resultOf
from TumorSegUNetLib.result_table import createTable, exportTable
from TumorSegUNetLib.result_views import tumorCenter
from TumorSegUNetLib.run_files import RunFiles
from TumorSegUNetLib.scene import createScene
from TumorSegUNetLib.segmentations import labelsFromNode
from TumorSegUNetLib.volumes import geometryOfNode

WHOLE = {"WT": {"volume_ml": 221.0, "components": 3, "longest_diameter_mm": 101.5, "perpendicular_mm": 70.0}}

LESIONS: list[dict[str, Any]] = [
    {
        "number": 1,
        "volume_ml": {"WT": 216.5, "TC": 30.0, "ET": 25.0},
        "measured": "ET",
        "longest_diameter_mm": 20.5,
        "perpendicular_mm": 15.0,
        "side": "left",
    },
    {
        "number": 2,
        "volume_ml": {"WT": 3.74, "TC": 0.0, "ET": 0.0},
        "measured": "WT",
        "longest_diameter_mm": 32.39,
        "perpendicular_mm": 8.6,
        "side": "left",
    },
]
"""A large one with a small enhancing part, and a small one without."""


def world_ends(node: slicer.vtkMRMLMarkupsLineNode) -> np.ndarray:
    return np.array([node.GetNthControlPointPositionWorld(index) for index in range(2)])


def columns(table: slicer.vtkMRMLTableNode) -> dict[str, list[Any]]:
    """The cells per column; None for empty ones, which are no numbers."""
    data = table.GetTable()
    arrays = [data.GetColumn(index) for index in range(data.GetNumberOfColumns())]
    rows = range(data.GetNumberOfRows())
    cells = {array.GetName(): [array.GetValue(row) for row in rows] for array in arrays}
    return {name: [value if value == value else None for value in values] for name, values in cells.items()}


@pytest.mark.parametrize("grid", GRIDS)
def test_ellipsoid_has_its_volume_and_diameters(scene: slicer.vtkMRMLScene, grid: str) -> None:
    """Everything the user sees says the same, and the truth: an ellipsoid of 36 x 22 mm and 7.46 mL."""
    outcome = make(scene, grid)
    voxel = np.array(GRIDS[grid].spacing)
    true_ml = 4 / 3 * np.pi * RADII.prod() / 1000
    table = columns(outcome.table)
    row = table["Item"].index("Lesion 1")
    longest, perpendicular = outcome.diameters
    assert table["Volume (mL)"][row] == pytest.approx(true_ml, rel=0.03)
    assert longest.GetMeasurement("length").GetValue() == pytest.approx(36, abs=2 * voxel[0])
    assert perpendicular.GetMeasurement("length").GetValue() == pytest.approx(22, abs=2 * voxel[1])
    assert table["Longest diameter (mm)"][row] == pytest.approx(longest.GetMeasurement("length").GetValue(), abs=0.01)
    assert table["Perpendicular (mm)"][row] == pytest.approx(
        perpendicular.GetMeasurement("length").GetValue(), abs=0.01
    )


@pytest.mark.parametrize("grid", GRIDS)
def test_diameters_lie_in_the_tumor_and_cross_at_a_right_angle(scene: slicer.vtkMRMLScene, grid: str) -> None:
    outcome = make(scene, grid)
    longest, perpendicular = (world_ends(node) for node in outcome.diameters)
    first, second = longest[1] - longest[0], perpendicular[1] - perpendicular[0]
    assert abs(first @ second) / np.linalg.norm(first) / np.linalg.norm(second) < 0.1
    labels = labelsFromNode(outcome.segmentation)
    to_index = np.linalg.inv(np.diag([-1.0, -1.0, 1.0, 1.0]) @ GRIDS[grid].index_to_lps)
    for x, y, z in np.vstack([longest, perpendicular]):
        i, j, k = np.rint((to_index @ [x, y, z, 1.0])[:3]).astype(int)
        assert labels[max(k - 1, 0) : k + 2, max(j - 1, 0) : j + 2, max(i - 1, 0) : i + 2].any()


def test_everything_moves_with_the_reference_volume(scene: slicer.vtkMRMLScene) -> None:
    """A transform that is applied after the run, and one that was there before."""
    nodes = volumes(scene, GRIDS["oblique"])
    before = linear_transform(scene, np.array([[0, -1, 0, 5], [1, 0, 0, -6], [0, 0, 1, 7], [0, 0, 0, 1]], float))
    for node in nodes.values():
        node.SetAndObserveTransformNodeID(before.GetID())
    outcome = make(scene, "oblique", nodes)
    line = outcome.diameters[0]
    expected = np.array(outcome.lesions[0]["longest"]) * (-1, -1, 1)
    np.testing.assert_allclose(world_ends(line), expected, atol=0.01)
    assert line.GetTransformNodeID() == outcome.uncertainty.GetTransformNodeID() == nodes["t1ce"].GetTransformNodeID()
    shift = slicer.util.vtkMatrixFromArray(np.array([[1, 0, 0, 100], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], float))
    before.SetMatrixTransformToParent(shift)
    assert world_ends(line)[:, 0].min() > expected[:, 0].min() + 20


def test_center_of_the_tumor_moves_with_the_segmentation(scene: slicer.vtkMRMLScene) -> None:
    """Also where the volume was under another transform when the run was started."""
    nodes = volumes(scene, GRIDS["oblique"])
    for node in nodes.values():
        node.SetAndObserveTransformNodeID(linear_transform(scene, shift(0, 30, 0)).GetID())
    segmentation = make(scene, nodes=nodes).segmentation
    for transform in (None, linear_transform(scene, shift(50, 0, 0))):
        segmentation.SetAndObserveTransformNodeID(transform and transform.GetID())
        expected = segmentation.GetSegmentCenterRAS("ET")
        np.testing.assert_allclose(tumorCenter(resultOf(segmentation)), expected, atol=0.01)


def test_center_of_the_tumor_is_right_after_a_transform_was_hardened(scene: slicer.vtkMRMLScene) -> None:
    nodes = volumes(scene, GRIDS["oblique"])
    for node in nodes.values():
        node.SetAndObserveTransformNodeID(linear_transform(scene, shift(0, 30, 0)).GetID())
    segmentation = make(scene, nodes=nodes).segmentation
    segmentation.HardenTransform()
    expected = segmentation.GetSegmentCenterRAS("ET")
    np.testing.assert_allclose(tumorCenter(resultOf(segmentation)), expected, atol=0.01)
    assert not resultOf(segmentation).edited


def test_a_hardened_scaling_is_an_edit(scene: slicer.vtkMRMLScene) -> None:
    segmentation = make(scene).segmentation
    segmentation.ApplyTransformMatrix(slicer.util.vtkMatrixFromArray(np.diag([1.5, 1.5, 1.5, 1.0])))
    assert resultOf(segmentation).edited
    expected = segmentation.GetSegmentCenterRAS("ET")
    np.testing.assert_allclose(tumorCenter(resultOf(segmentation)), expected, atol=0.01)


def test_center_is_that_of_the_segments_on_another_grid(scene: slicer.vtkMRMLScene) -> None:
    segmentation = make(scene).segmentation
    facts = json.loads(segmentation.GetAttribute(FACTS))
    facts[GRID][1] = [1, 1, 1]
    segmentation.SetAttribute(FACTS, json.dumps(facts))
    assert resultOf(segmentation).center is None
    assert resultOf(segmentation).edited


def shift(x: float, y: float, z: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = (x, y, z)
    return matrix


def test_uncertainty_lies_on_the_reference_grid_from_0_to_1(scene: slicer.vtkMRMLScene) -> None:
    nodes = volumes(scene, GRIDS["oblique"])
    outcome = make(scene, "oblique", nodes)
    array = slicer.util.arrayFromVolume(outcome.uncertainty)
    assert geometryOfNode(outcome.uncertainty).matches(geometryOfNode(nodes["t1ce"]))
    assert array.dtype == np.float32
    assert (array.min(), array.max()) == (0.0, pytest.approx(0.2))
    display = outcome.uncertainty.GetDisplayNode()
    assert display.GetColorNode() is not None
    # What is sure lets the image below show through.
    assert (display.GetApplyThreshold(), display.GetLowerThreshold()) == (1, pytest.approx(0.1))


def test_result_is_named_after_patient_and_time_and_lies_beside_the_volume(scene: slicer.vtkMRMLScene) -> None:
    nodes = volumes(scene, GRIDS["isotropic"])
    hierarchy = hierarchyOf(nodes["t1ce"])
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "TCGA-DU-7294")
    study = hierarchy.CreateStudyItem(patient, "MR 2026")
    for node in nodes.values():
        hierarchy.CreateItem(study, node)
    first, second = make(scene, "isotropic", nodes), make(scene, "isotropic", nodes)
    assert first.segmentation.GetName().startswith("TCGA-DU-7294 tumor 20")
    assert first.segmentation.GetName() != second.segmentation.GetName()
    for node in (first.segmentation, first.table, first.uncertainty):
        assert parentItem(node) == study
    folder = parentItem(first.diameters[0])
    assert hierarchy.GetItemParent(folder) == study
    assert hierarchy.GetItemName(folder) == f"{first.segmentation.GetName()} diameters"
    assert {parentItem(node) for node in first.diameters} == {folder}


def test_time_is_part_of_the_name() -> None:
    assert resultName("TCGA-DU-7294", datetime(2026, 11, 25, 14, 3)) == "TCGA-DU-7294 tumor 2026-11-25 14:03"
    assert resultName("", datetime(2026, 11, 25, 14, 3)) == "tumor 2026-11-25 14:03"


@pytest.mark.parametrize(
    ("names", "patient"),
    [
        (("BraTS20_001_t1ce", "BraTS20_001_flair"), "BraTS20_001"),
        (("BraTS-GLI-00001-000-t1c.nii.gz", "BraTS-GLI-00001-000-t2f.nii.gz"), "BraTS-GLI-00001-000"),
        (("t1ce", "T1"), ""),
        (("AX T1 POST",), "AX T1 POST"),
    ],
)
def test_patient_is_known_by_the_volumes_names(
    scene: slicer.vtkMRMLScene, names: tuple[str, ...], patient: str
) -> None:
    nodes = [scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name) for name in names]
    assert patientName(nodes) == patient


@pytest.mark.parametrize(
    ("patient", "case"),
    [("DOE", "DOE 2024-01-03"), ("DOE (2024-01-03)", "DOE (2024-01-03)"), ("", "2024-01-03")],
)
def test_baseline_and_follow_up_are_told_apart(scene: slicer.vtkMRMLScene, patient: str, case: str) -> None:
    """By the date of the T1ce's examination, which is the result's, whatever comes first."""
    nodes = {name: scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name) for name in ("t1", "t1ce")}
    hierarchy = hierarchyOf(nodes["t1ce"])
    above = hierarchy.GetSceneItemID()
    item = hierarchy.CreateSubjectItem(above, patient) if patient else above
    for name, date in {"t1": "20250607", "t1ce": "20240103"}.items():
        hierarchy.CreateItem(hierarchy.CreateStudyItem(item, f"MR ({date})"), nodes[name])
    assert caseName(nodes) == case


def test_diameters_are_hidden_until_they_are_shown(scene: slicer.vtkMRMLScene) -> None:
    outcome = make(scene)
    assert [node.GetName() for node in outcome.diameters] == [
        "Lesion 1 longest diameter",
        "Lesion 1 perpendicular diameter",
    ]
    assert all(node.GetLocked() for node in outcome.diameters)
    assert not diametersShown(outcome.segmentation)
    showDiameters(outcome.segmentation, True)
    assert diametersShown(outcome.segmentation)
    scene.RemoveNode(outcome.diameters[0])
    showDiameters(outcome.segmentation, False)
    assert not diametersShown(outcome.segmentation)


def test_table_is_exported_as_csv(scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
    outcome = make(scene)
    assert outcome.table.GetLocked(), "measured values are not edited by a slip"
    path = exportTable(outcome.table, tmp_path / "table.csv")
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["Item"] for row in rows][-2:] == ["All lesions", "Lesion 1"]
    assert float(rows[-1]["Volume (mL)"]) == pytest.approx(outcome.lesions[0]["volume_ml"]["WT"], abs=0.006)
    assert rows[-2]["Number"] == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_all_lesions_have_the_sum_of_their_volumes(scene: slicer.vtkMRMLScene) -> None:
    """The whole tumor has parts that are too small to be lesions."""
    table = columns(createTable(scene, "Measurements", WHOLE, LESIONS, "left"))
    assert dict(zip(table["Item"], table["Volume (mL)"], strict=True)) == {
        "Whole tumor": 221.0,
        "All lesions": 220.24,
        "Lesion 1": 216.5,
        "Lesion 2": 3.74,
    }


def test_lesions_have_the_volume_that_their_diameters_are_of(scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
    """A lesion's diameters are those of its enhancing part or of all of it; lines of both make no row together."""
    table = createTable(scene, "Measurements", WHOLE, LESIONS, "left")
    lines = exportTable(table, tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()
    assert lines == [
        "Item,Volume (mL),Enhancing (mL),Longest diameter (mm),Perpendicular (mm),Number,Measured on,Side",
        "Whole tumor,221.0,,101.5,70.0,3,WT,",
        "All lesions,220.24,25.0,,,2,,left",
        "Lesion 1,216.5,25.0,20.5,15.0,,ET,left",
        "Lesion 2,3.74,0.0,32.39,8.6,,WT,left",
    ]


def test_undivided_lesions_have_no_enhancing_volume(scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
    lesion = {**LESIONS[1], "volume_ml": {"WT": 3.74}}
    table = createTable(scene, "Measurements", WHOLE, [lesion], None)
    with open(exportTable(table, tmp_path / "table.csv"), encoding="utf-8", newline="") as file:
        assert {row["Enhancing (mL)"] for row in csv.DictReader(file)} == {""}


def test_empty_cells_survive_saving_and_loading(scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
    createTable(scene, "Measurements", WHOLE, LESIONS, "left")
    scene.WriteToMRB(str(tmp_path / "visit.mrb"))
    loaded = createScene()
    loaded.ReadFromMRB(str(tmp_path / "visit.mrb"))
    path = exportTable(loaded.GetFirstNodeByClass("vtkMRMLTableNode"), tmp_path / "table.csv")
    assert "All lesions,220.24,25.0,,,2,,left" in path.read_text(encoding="utf-8")


def test_report_opens_and_is_saved(scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
    outcome = make(scene)
    assert "Größe" in outcome.reportFile.read_text(encoding="utf-8")
    assert (
        saveReport(outcome.segmentation, tmp_path / "my report.html").read_text(encoding="utf-8").startswith("<html>")
    )


def test_full_disk_costs_the_file_of_the_report_only(
    scene: slicer.vtkMRMLScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("TumorSegUNetLib.report.saveReport", refuse)
        outcome = make(scene)
    assert outcome.reportFile is None
    assert outcome.segmentation.GetScene() is scene
    assert resultOf(outcome.segmentation).hasReport
    assert saveReport(outcome.segmentation, tmp_path / "report.html").is_file()


def test_report_opens_after_the_system_has_cleared_its_temporary_folder(scene: slicer.vtkMRMLScene) -> None:
    outcome = make(scene)
    shutil.rmtree(outcome.reportFile.parent)
    assert reportFile(outcome.segmentation).is_file()


def test_saved_scene_keeps_everything(scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
    outcome = make(scene)
    path = str(tmp_path / "visit.mrb")
    assert scene.WriteToMRB(path, None)
    restored = createScene()
    assert restored.ReadFromMRB(path, True)
    node = restored.GetFirstNodeByName(outcome.segmentation.GetName())
    result = resultOf(node)
    np.testing.assert_array_equal(labelsFromNode(node), labelsFromNode(outcome.segmentation))
    assert columns(result.table) == columns(outcome.table)
    assert [world_ends(line).round(3).tolist() for line in result.diameters] == [
        world_ends(line).round(3).tolist() for line in outcome.diameters
    ]
    assert not diametersShown(node)
    np.testing.assert_array_equal(
        slicer.util.arrayFromVolume(result.uncertainty), slicer.util.arrayFromVolume(outcome.uncertainty)
    )
    assert result.lesions == outcome.lesions
    assert result.measurements == outcome.measurements
    assert result.quality == outcome.quality
    assert result.provenance == outcome.provenance
    assert result.foci == 1
    assert not result.edited
    assert result.reference.GetName() == "Case_7_t1ce"
    assert set(result.volumes) == {"t1ce", "flair"}
    assert reportFile(node).read_text(encoding="utf-8") == outcome.reportFile.read_text(encoding="utf-8")


def test_scene_keeps_what_the_run_told(scene: slicer.vtkMRMLScene) -> None:
    outcome = make(scene)
    result = resultOf(outcome.segmentation)
    for name in ("measurements", "lesions", "foci", "side", "quality", "findings"):
        assert getattr(result, name) == getattr(outcome, name)


def test_lesions_are_counted_where_their_number_was_not_kept(scene: slicer.vtkMRMLScene) -> None:
    segmentation = make(scene).segmentation
    facts = json.loads(segmentation.GetAttribute(FACTS))
    del facts["foci"]
    segmentation.SetAttribute(FACTS, json.dumps(facts))
    assert resultOf(segmentation).foci == 1


def test_a_single_voxel_less_is_an_edit(scene: slicer.vtkMRMLScene) -> None:
    segmentation = make(scene).segmentation
    assert not resultOf(segmentation).edited
    image = slicer.util.arrayFromSegmentInternalBinaryLabelmap(segmentation, "ET")
    image[tuple(np.argwhere(image)[0])] = 0
    assert resultOf(segmentation).edited
    segmentation.GetSegmentation().RemoveSegment("ET")
    assert resultOf(segmentation).edited


def test_result_of_an_older_version_is_not_called_edited(scene: slicer.vtkMRMLScene) -> None:
    segmentation = make(scene).segmentation
    facts = json.loads(segmentation.GetAttribute(FACTS))
    del facts[VOXELS]
    segmentation.SetAttribute(FACTS, json.dumps(facts))
    segmentation.GetSegmentation().RemoveSegment("ET")
    assert not resultOf(segmentation).edited


def test_result_knows_its_volumes(scene: slicer.vtkMRMLScene) -> None:
    nodes = volumes(scene, GRIDS["isotropic"])
    other = volumes(scene, GRIDS["isotropic"])["flair"]
    segmentation = make(scene, "isotropic", nodes).segmentation
    assert resultOf(segmentation).isOf({**nodes, "t2": other, "t1": None})  # T2 was not used
    assert not resultOf(segmentation).isOf({**nodes, "flair": other})
    for node in nodes.values():
        scene.RemoveNode(node)
    assert not resultOf(segmentation).isOf({"t1ce": None, "flair": other})
    assert resultOf(segmentation).isOf({"t1ce": None, "flair": None})


def test_removed_result_leaves_the_scene_as_it_was(scene: slicer.vtkMRMLScene) -> None:
    nodes = volumes(scene, GRIDS["isotropic"])
    hierarchy = hierarchyOf(nodes["t1ce"])
    before = scene.GetNumberOfNodes(), hierarchy.GetNumberOfItems()
    removeResult(make(scene, "isotropic", nodes).segmentation)
    assert (scene.GetNumberOfNodes(), hierarchy.GetNumberOfItems()) == before


def test_empty_result_has_a_table_and_no_lines(scene: slicer.vtkMRMLScene) -> None:
    inputs = volumes(scene, GRIDS["isotropic"])
    geometries = {name: geometryOfNode(node) for name, node in inputs.items()}
    files = RunFiles()
    event = make_event(files, np.zeros(GRIDS["isotropic"].shape, np.uint8), geometries["t1ce"])
    outcome = outcomeMaker(Origin(scene, inputs, geometries))(files, event)
    files.remove()
    assert outcome.diameters == ()
    assert outcome.foci == 0
    assert set(columns(outcome.table)["Volume (mL)"]) == {0.0}
    assert tumorCenter(resultOf(outcome.segmentation)) is None


def test_result_comes_in_without_copies_as_large_as_a_float_volume(scene: slicer.vtkMRMLScene) -> None:
    nodes = volumes(scene, GRIDS["isotropic"])
    geometries = {name: geometryOfNode(node) for name, node in nodes.items()}
    files = RunFiles()
    event = make_event(files, ellipsoid(GRIDS["isotropic"]), geometries["t1ce"])
    tracemalloc.start()
    try:
        outcomeMaker(Origin(scene, nodes, geometries))(files, event)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        files.remove()
    assert peak < 4 * np.prod(GRIDS["isotropic"].shape)
