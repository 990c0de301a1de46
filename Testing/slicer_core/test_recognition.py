"""Which loaded volume is which sequence: by names, files, tags and the place in the subject hierarchy."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import pytest
import slicer

from tumorseg.volume import Geometry, Volume
from TumorSegUNetLib.dicom_tags import examinationDate, patientId
from TumorSegUNetLib.hierarchy import hierarchyOf
from TumorSegUNetLib.recognition import candidates, factsOfNode, leftOut, suggestInputs
from TumorSegUNetLib.uncertainty_volume import MADE_BY_US
from TumorSegUNetLib.volumes import nodeFromVolume, provenanceOfNode

Node = slicer.vtkMRMLScalarVolumeNode

TAGS = {
    "1.1": {"0008,103e": "Ax T1 post Gd", "0018,0081": "12", "0018,0080": "550", "0018,0010": "GADAVIST"},
    "1.2": {"0008,103e": "Ax T2 FLAIR", "0018,0081": "120", "0018,0080": "9000", "0018,0082": "2500"},
    "1.3": {"0008,103e": "Ax T2 TSE", "0018,0081": "100", "0018,0080": "4000"},
    "1.4": {"0008,103e": "Ax DWI b1000", "0018,0081": "80", "0018,0080": "5000"},
}


def lookup(uid: str, tag: str) -> str:
    return TAGS.get(uid, {}).get(tag, "")


def volume(scene: slicer.vtkMRMLScene, name: str, uid: str = "") -> Node:
    geometry = Geometry((4, 5, 6), spacing=(0.9, 0.9, 4.0))
    node = nodeFromVolume(scene, Volume(np.ones(geometry.shape, np.float32), geometry, name))
    if uid:
        node.SetAttribute("DICOM.instanceUIDs", f"{uid} {uid}.9")
    return node


def study(scene: slicer.vtkMRMLScene, patient: str, nodes: list[Node]) -> None:
    hierarchy = hierarchyOf(nodes[0])
    parent = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), patient)
    item = hierarchy.CreateStudyItem(parent, "MR")
    for node in nodes:
        hierarchy.CreateItem(item, node)


def named(suggestions: Mapping[str, object]) -> dict[str, str]:
    return {sequence: found.node.GetName() for sequence, found in suggestions.items()}


def test_brats_files_are_recognized_by_name(scene: slicer.vtkMRMLScene) -> None:
    names = {"t1": "P_t1", "t1ce": "P_t1ce", "t2": "P_t2", "flair": "P_flair"}
    for name in names.values():
        volume(scene, name)
    found = suggestInputs(scene, {})
    assert named(found) == names
    assert all(suggestion.confidence > 0.8 and suggestion.reason for suggestion in found.values())


def test_dicom_series_are_recognized_by_tags(scene: slicer.vtkMRMLScene) -> None:
    for number, uid in enumerate(TAGS, start=1):
        volume(scene, f"{number}: Unnamed Series", uid)
    found = suggestInputs(scene, {}, lookup)
    assert named(found) == {"t1ce": "1: Unnamed Series", "flair": "2: Unnamed Series", "t2": "3: Unnamed Series"}


def test_facts_come_from_the_first_instance(scene: slicer.vtkMRMLScene) -> None:
    facts = factsOfNode(volume(scene, "x", "1.2"), lookup)
    assert facts.description == "Ax T2 FLAIR"
    assert (facts.te_ms, facts.tr_ms, facts.ti_ms) == (120.0, 9000.0, 2500.0)
    assert facts.spacing == pytest.approx((0.9, 0.9, 4.0))
    assert facts.shape == (4, 5, 6)


def test_tags_with_several_values_or_none_that_is_a_number(scene: slicer.vtkMRMLScene) -> None:
    told = {"0018,0081": "2.3\\4.6", "0018,0080": "long"}
    facts = factsOfNode(volume(scene, "x", "1.2"), lambda uid, tag: told.get(tag, ""))
    assert (facts.te_ms, facts.tr_ms, facts.ti_ms) == (2.3, None, None)


def test_file_name_helps_where_the_node_has_none(scene: slicer.vtkMRMLScene) -> None:
    node = volume(scene, "Volume")
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName("/data/patient_flair.nii.gz")
    node.SetAndObserveStorageNodeID(storage.GetID())
    assert named(suggestInputs(scene, {})) == {"flair": "Volume"}


def test_what_the_user_chose_is_left_alone(scene: slicer.vtkMRMLScene) -> None:
    nodes = {name: volume(scene, f"P_{name}") for name in ("t1", "t1ce", "t2", "flair")}
    found = suggestInputs(scene, {"t1": nodes["t2"]})
    assert "t1" not in found
    assert nodes["t2"] not in [suggestion.node for suggestion in found.values()]


def test_two_patients_are_never_mixed(scene: slicer.vtkMRMLScene) -> None:
    """The one with more recognized volumes; that of the user's choice, when there is one."""
    first = [volume(scene, name) for name in ("T1 post Gd", "FLAIR", "T2")]
    second = [volume(scene, name) for name in ("FLAIR", "T2")]
    study(scene, "Ann", first)
    study(scene, "Bob", second)
    assert {found.node for found in suggestInputs(scene, {}).values()} <= set(first)
    chosen = suggestInputs(scene, {"flair": second[0]})
    assert [found.node for found in chosen.values()] == [second[1]]


def test_last_loaded_patient_is_suggested_where_names_tell_patients_apart(scene: slicer.vtkMRMLScene) -> None:
    for patient in ("P1", "P2"):
        for name in ("t1", "t1ce", "t2", "flair"):
            volume(scene, f"{patient}_{name}")
    assert {name.split("_")[0] for name in named(suggestInputs(scene, {})).values()} == {"P2"}


ONE_EXAMINATION = (
    ("sub-01_T1w", "sub-01_ce-gadolinium_T1w", "sub-01_T2w", "sub-01_FLAIR"),
    ("sub-01_acq-mprage_T1w", "sub-01_acq-mprage_ce-gd_T1w", "sub-01_acq-tse_T2w", "sub-01_acq-3D_FLAIR"),
    ("pat1_T1", "pat1_T1ce", "pat1_T2", "pat1_T2_FLAIR"),
    ("AX T1", "AX T1 POST", "AX T2", "SAG FLAIR"),
    ("3_AX_T1", "9_AX_T1_POST", "5_AX_T2", "7_AX_FLAIR"),
    ("T1_to_T1ce", "T1ce", "T2_to_T1ce", "FLAIR_to_T1ce"),
    ("P1_T1_2020", "P1_T1ce_2020", "P1_T2_2020", "P1_FLAIR_2020"),
    # What dcm2niix, consoles and programs add.
    ("anon_t1_sag_2019_3", "anon_t1_sag_KM_2019_9", "anon_t2_2019_5", "anon_FLAIR_2019_7"),
    ("T1_MPRAGE_SAG_3", "T1_MPRAGE_SAG_POST_9", "T2_TSE_TRA_5", "FLAIR_TRA_7"),
    ("T1 MPRAGE 1mm", "T1 MPRAGE 1mm KM", "T2 TSE 4mm", "FLAIR 3D 0.9mm"),
    ("t1_sag_iso_ND", "t1_sag_iso_KM_ND", "t2_tse_tra_DRB", "t2_space_dark-fluid_sag_NORM_DIS2D"),
    ("T1_bet", "T1CE_hd_bet", "T2_hdbet", "FLAIR_bet"),
    ("T1 tra", "T1 tra - KM", "T2 tra", "FLAIR tra"),
)


@pytest.mark.parametrize("names", ONE_EXAMINATION)
def test_names_of_one_examination_stay_together(scene: slicer.vtkMRMLScene, names: tuple[str, ...]) -> None:
    """Also when the user chooses one of the volumes, which empties no other row."""
    expected = dict(zip(("t1", "t1ce", "t2", "flair"), names, strict=True))
    nodes = {sequence: volume(scene, name) for sequence, name in expected.items()}
    assert named(suggestInputs(scene, {})) == expected
    for sequence, node in nodes.items():
        assert named(suggestInputs(scene, {sequence: node})) == {s: n for s, n in expected.items() if s != sequence}


def test_an_edited_copy_empties_no_row(scene: slicer.vtkMRMLScene) -> None:
    for name in ("P1_T1", "P1_T1ce", "P1_T2", "P1_FLAIR"):
        volume(scene, name)
    chosen = suggestInputs(scene, {"t1ce": volume(scene, "P1_T1ce Copy")})
    assert named(chosen) == {"t1": "P1_T1", "t2": "P1_T2", "flair": "P1_FLAIR"}


def test_no_volume_of_another_patient_fills_a_gap(scene: slicer.vtkMRMLScene) -> None:
    nodes = {name: volume(scene, name) for name in ("A_T1", "A_T2", "A_FLAIR", "B_T1_POST")}
    assert named(suggestInputs(scene, {})) == {"t1": "A_T1", "t2": "A_T2", "flair": "A_FLAIR"}
    assert suggestInputs(scene, {"t1ce": nodes["B_T1_POST"]}) == {}


def test_two_dates_of_a_patient_are_never_mixed(scene: slicer.vtkMRMLScene) -> None:
    nodes = {
        f"{s}_{year}": volume(scene, f"{s}_{year}") for year in (2019, 2020) for s in ("T1", "T1ce", "T2", "FLAIR")
    }
    newest = {"t1": "T1_2020", "t1ce": "T1ce_2020", "t2": "T2_2020", "flair": "FLAIR_2020"}
    assert named(suggestInputs(scene, {})) == newest
    older = {"t1": "T1_2019", "t1ce": "T1ce_2019", "flair": "FLAIR_2019"}
    assert named(suggestInputs(scene, {"t2": nodes["T2_2019"]})) == older


def test_volumes_before_and_after_an_operation_are_never_mixed(scene: slicer.vtkMRMLScene) -> None:
    expected = {
        time: {sequence: f"P01_{time}_{sequence}" for sequence in ("t1", "t1ce", "t2", "flair")}
        for time in ("pre", "post")
    }
    nodes = {name: volume(scene, name) for names in expected.values() for name in names.values()}
    assert named(suggestInputs(scene, {})) == expected["post"]
    before = named(suggestInputs(scene, {"t1": nodes["P01_pre_t1"]}))
    assert {"t1": "P01_pre_t1", **before} == expected["pre"]


def test_a_name_that_says_only_the_sequence_belongs_to_every_patient(scene: slicer.vtkMRMLScene) -> None:
    for name in ("A_T1", "A_T2", "FLAIR", "T1ce_reg"):
        volume(scene, name)
    assert named(suggestInputs(scene, {})) == {"t1": "A_T1", "t1ce": "T1ce_reg", "t2": "A_T2", "flair": "FLAIR"}


def test_ambiguous_volumes_are_left_to_the_user(scene: slicer.vtkMRMLScene) -> None:
    for name in ("series 3", "series 4", "MPRAGE", "MPRAGE 2"):
        volume(scene, name)
    assert not set(suggestInputs(scene, {})) - {"t1", "t1ce"}
    assert "flair" not in suggestInputs(scene, {})


def test_results_hidden_volumes_and_label_maps_are_no_candidates(scene: slicer.vtkMRMLScene) -> None:
    image = volume(scene, "P_flair")
    volume(scene, "P_t2").SetHideFromEditors(True)
    volume(scene, "P_t1").SetAttribute(MADE_BY_US, "uncertainty")
    scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "P_t1ce")
    scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "hollow_t1")
    assert candidates(scene) == [image]


def test_empty_scene_has_no_suggestions(scene: slicer.vtkMRMLScene) -> None:
    assert suggestInputs(scene, {}) == {}


def test_patient_and_frame_reach_the_guard(scene: slicer.vtkMRMLScene, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"0010,0020": "ID7 ", "0020,0052": "2.25.1", "0020,000d": "2.25.2"}
    database = SimpleNamespace(isOpen=True, instanceValue=lambda uid, tag: values.get(tag, ""))
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    known = provenanceOfNode(volume(scene, "x", "1.1"))
    assert (known["patient_id"], known["frame_of_reference"], known["study_uid"]) == ("ID7", "2.25.1", "2.25.2")
    assert "patient_id" not in provenanceOfNode(volume(scene, "y"))


def test_patient_id_of_the_subject_hierarchy(scene: slicer.vtkMRMLScene) -> None:
    node = volume(scene, "x")
    study(scene, "Ann", [node])
    constants = slicer.vtkMRMLSubjectHierarchyConstants
    hierarchy = hierarchyOf(node)
    patient = hierarchy.GetItemByName("Ann")
    hierarchy.SetItemAttribute(patient, constants.GetDICOMPatientIDAttributeName(), "ID7")
    assert patientId(node) == "ID7"


def test_date_of_an_examination_is_that_of_the_series(scene: slicer.vtkMRMLScene) -> None:
    node = volume(scene, "x", "1.2")
    study(scene, "DOE", [node])
    assert examinationDate(node, lambda uid, tag: {"0008,0020": "20240103"}.get(tag, "")) == "2024-01-03"
    assert examinationDate(node, lookup) == ""


@pytest.mark.parametrize(
    ("attribute", "name", "date"),
    [
        ("20240103", "MR of 2023-12-31", "2024-01-03"),
        ("", "Brain MR (20250607)", "2025-06-07"),
        ("", "2025.06.07", "2025-06-07"),
        ("", "No 202506071200 of 20251399", ""),
    ],
)
def test_date_of_an_examination_is_known_to_the_subject_hierarchy(
    scene: slicer.vtkMRMLScene, attribute: str, name: str, date: str
) -> None:
    node = volume(scene, "x")
    hierarchy = hierarchyOf(node)
    item = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), name)
    hierarchy.CreateItem(item, node)
    constants = slicer.vtkMRMLSubjectHierarchyConstants
    hierarchy.SetItemAttribute(item, constants.GetDICOMStudyDateAttributeName(), attribute)
    assert examinationDate(node) == date


def test_a_volume_that_was_removed_has_no_date(scene: slicer.vtkMRMLScene) -> None:
    node = volume(scene, "x")
    scene.RemoveNode(node)
    assert examinationDate(node) == ""


SERIES = ("AX T1", "AX T1 POST", "AX T2", "AX FLAIR")


def loaded(scene: slicer.vtkMRMLScene, patient: str, names: tuple[str, ...]) -> list[Node]:
    nodes = [volume(scene, name) for name in names]
    study(scene, patient, nodes)
    return nodes


def test_a_later_patient_whose_sequences_are_not_recognized_is_told(scene: slicer.vtkMRMLScene) -> None:
    chosen = loaded(scene, "DOE", SERIES)
    assert leftOut(scene, chosen) is None
    loaded(scene, "ROE", ("AX T1", "Unbekannt", "AX T2"))
    told = leftOut(scene, chosen)
    assert told is not None
    assert (told.name, told.missing) == ("ROE", ("t1ce", "flair"))


def test_nothing_is_told_of_patients_that_need_no_choice(scene: slicer.vtkMRMLScene) -> None:
    earlier = loaded(scene, "ROE", ("AX T1", "AX T2"))
    chosen = loaded(scene, "DOE", SERIES)
    assert leftOut(scene, chosen) is None, "it was loaded before the one chosen"
    assert leftOut(scene, []) is None, "nothing is chosen"
    complete = loaded(scene, "COE", SERIES)
    assert leftOut(scene, chosen) is None, "everything is recognized"
    loaded(scene, "Atlas", ("Parcellation", "Probability"))
    assert leftOut(scene, complete) is None, "it is no patient's MR"
    loaded(scene, "LOE", ("AX T2",))
    assert leftOut(scene, complete) is None, "a single image"
    assert leftOut(scene, earlier) is None
