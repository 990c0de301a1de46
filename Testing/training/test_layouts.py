"""Every public layout is read as downloaded: the same voxels and labels come out that went in."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from support.layouts import (
    BRATS,
    PUBLIC_LAYOUTS,
    brats_2020,
    brats_2024,
    decathlon,
    kaggle_2020,
    kaggle_slices,
    tar_folder,
    write_case,
    write_image,
    zip_folder,
)
from support.tiny_patients import SHAPE, tiny_patient
from tumorseg.errors import BadInputError
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Geometry
from tumorseg_training.cases import cases_and_notes, find_labelled_cases, read_labelled, read_truth
from tumorseg_training.conventions import Convention

CASES = {
    "BraTS 2018": {"Brats18_TCIA01_131_1": 1, "Brats18_TCIA09_141_1": 2},
    "BraTS 2019": {"BraTS19_TCIA01_131_1": 1, "BraTS19_TCIA09_141_1": 2},
    "BraTS 2020": {"BraTS20_Training_001": 1, "BraTS20_Training_084": 3},
    "BraTS 2020 (Kaggle)": {"BraTS20_Training_001": 1, "BraTS20_Training_084": 3, "BraTS20_Training_355": 4},
    "BraTS 2021": {"BraTS2021_00000": 10, "BraTS2021_00495": 505},
    "BraTS 2023 GLI": {"BraTS-GLI-00002-000": 22, "BraTS-GLI-00003-000": 23},
    "Decathlon Task01": {"BRATS_001": 41, "BRATS_002": 42},
}
"""Seed of the patient behind each case."""


@pytest.mark.parametrize("layout", CASES)
def test_voxels_and_labels_come_out_as_they_went_in(layout: str, tmp_path: Path) -> None:
    cases = find_labelled_cases(PUBLIC_LAYOUTS[layout](tmp_path))
    assert [case.name for case in cases] == list(CASES[layout])
    for case in cases:
        patient = tiny_patient(CASES[layout][case.name])
        volumes, truth, geometry = read_labelled(case, SEQUENCES)
        for sequence in SEQUENCES:
            np.testing.assert_array_equal(volumes[sequence].array, patient.images[sequence])
        np.testing.assert_array_equal(truth, patient.labels)
        assert case.layout == layout
        assert geometry.spacing == (1, 1, 1)


@pytest.mark.parametrize("layout", PUBLIC_LAYOUTS)
def test_hashes_differ_and_stay(layout: str, tmp_path: Path) -> None:
    cases = find_labelled_cases(PUBLIC_LAYOUTS[layout](tmp_path))
    sources = [source for case in cases for source in (*case.images.values(), case.segmentation)]
    hashes = [source.sha256() for source in sources]
    assert len(set(hashes)) == len(hashes)
    assert [source.sha256() for source in sources] == hashes


def test_the_slice_version_is_stacked_on_the_grid_of_brats(tmp_path: Path) -> None:
    case = find_labelled_cases(kaggle_slices(tmp_path))[1]
    patient = tiny_patient(41)
    volumes, truth, geometry = read_labelled(case, SEQUENCES)
    np.testing.assert_array_equal(truth, patient.labels)
    assert geometry.matches(Geometry(SHAPE, BRATS[0]))
    for sequence in SEQUENCES:
        original, read = patient.images[sequence], volumes[sequence].array
        np.testing.assert_array_equal(read == 0, original == 0)
        inside = original > 0
        assert np.corrcoef(read[inside], original[inside])[0, 1] > 0.99999  # z-scored, and lifted above 0


@pytest.mark.parametrize("order", [("t1", "t1ce", "t2", "flair"), ("flair", "t1", "t1ce", "t2")])
def test_the_order_of_channels_is_told_from_the_data(order: tuple[str, ...], tmp_path: Path) -> None:
    case = find_labelled_cases(kaggle_slices(tmp_path, order))[0]
    t1ce = case.images["t1ce"].read_volume().array
    assert np.corrcoef(t1ce.ravel(), tiny_patient(1).images["t1ce"].ravel())[0, 1] > 0.99


def test_a_missing_slice_takes_its_volume_out(tmp_path: Path) -> None:
    folder = kaggle_slices(tmp_path)
    (folder / "volume_1_slice_7.h5").unlink()
    assert [case.name for case in find_labelled_cases(folder)] == ["volume_41"]


def test_a_damaged_slice_is_named(tmp_path: Path) -> None:
    folder = kaggle_slices(tmp_path)
    case = find_labelled_cases(folder)[1]
    (folder / "volume_41_slice_7.h5").write_bytes(b"not HDF5")
    with pytest.raises(BadInputError, match=r"volume_41_slice_7\.h5 is incomplete or damaged"):
        read_truth(case)


def test_time_points_share_their_patient_and_cavities_are_background(tmp_path: Path) -> None:
    cases = find_labelled_cases(brats_2024(tmp_path))
    assert [case.patient for case in cases] == ["BraTS-GLI-00005", "BraTS-GLI-00005", "BraTS-GLI-00006"]
    numbers, geometry = cases[1].segmentation.read_labels()
    assert geometry.orientation == "LAS"
    assert set(np.unique(numbers)) == {0, 1, 2, 4}  # 4 without a 3, as in BraTS 2020, and yet no enhancing tumor
    truth, _ = read_truth(cases[1])
    assert set(np.unique(truth)) == {0, 1, 2}


def test_partial_data_have_an_undivided_tumor(tmp_path: Path) -> None:
    case, _ = find_labelled_cases(PUBLIC_LAYOUTS["BraTS-like folders"](tmp_path))
    assert list(case.images) == ["t1", "flair"]
    assert case.convention is Convention.WHOLE_TUMOR
    assert set(np.unique(read_truth(case)[0])) == {0, 5}
    with pytest.raises(BadInputError, match="case_0 has no T1ce and no T2; leave the case out"):
        read_labelled(case, SEQUENCES)


def _write_ones(case: Path, seed: int) -> None:
    write_case(tiny_patient(seed), case)
    write_image((tiny_patient(seed).labels != 0).astype(np.uint8), case / f"{case.name}_seg.nii.gz")


def test_a_folder_whose_only_label_is_1_is_refused_until_the_names_say_what_it_is(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        _write_ones(tmp_path / "data" / name, seed)
    with pytest.raises(BadInputError) as refused:
        find_labelled_cases(tmp_path / "data")
    assert refused.value.problems == (
        f"1 is the only label of all cases in {tmp_path / 'data'} (such as a), and nothing says what it means. If it "
        "is the whole tumor, let the names of the segmentations end in _seg_wt; if it is core, name the cases as BraTS "
        "does.",
    )
    for name in ("a", "b"):
        case = tmp_path / "data" / name
        (case / f"{name}_seg.nii.gz").rename(case / f"{name}_seg_wt.nii.gz")
    assert [case.convention for case in find_labelled_cases(tmp_path / "data")] == [Convention.WHOLE_TUMOR] * 2


@pytest.mark.parametrize("other", ["c", "BraTS2021_00003"])
def test_a_case_whose_only_label_is_1_among_others_is_read(other: str, tmp_path: Path) -> None:
    _write_ones(tmp_path / "a", 1)
    write_case(tiny_patient(3), tmp_path / other)
    cases = {case.name: case for case in find_labelled_cases(tmp_path)}
    assert set(np.unique(read_truth(cases["a"])[0])) == {0, 1}


def test_healthy_brains_need_no_other_label(tmp_path: Path) -> None:
    write_image(np.zeros(SHAPE, np.uint8), write_case(tiny_patient(1), tmp_path / "a") / "a_seg.nii.gz")
    assert [case.name for case in find_labelled_cases(tmp_path)] == ["a"]


def test_grades_ages_survival_and_patients_are_read_along(tmp_path: Path) -> None:
    first, second, last = find_labelled_cases(kaggle_2020(tmp_path))
    assert (first.grade, first.age, first.survival_days, first.alive) == ("HGG", 60.46, 289, False)
    assert (second.grade, second.age, second.survival_days, second.alive) == ("LGG", 57.2, 361, True)
    assert (last.grade, last.age, last.survival_days) == ("HGG", None, None)
    (hgg, _) = find_labelled_cases(PUBLIC_LAYOUTS["BraTS 2018"](tmp_path / "2018"))
    assert (hgg.grade, hgg.age, hgg.survival_days) == ("HGG", 61.5, 289)
    assert hgg.patient == first.patient == "TCIA01_131_1"


def test_the_slice_version_is_known_by_its_official_names(tmp_path: Path) -> None:
    case, _ = find_labelled_cases(kaggle_slices(tmp_path))
    assert (case.name, case.patient, case.grade, case.age) == ("volume_1", "TCIA01_131_1", "HGG", 60.46)


def test_unpacked_renamed_and_linked_folders_are_read(tmp_path: Path) -> None:
    archive = kaggle_2020(tmp_path)
    archive.unlink()
    (tmp_path / "unpacked").rename(tmp_path / "something else")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "something else")
    (tmp_path / "something else" / "circle").symlink_to(tmp_path / "data")
    assert len(find_labelled_cases(tmp_path / "data")) == 3


def test_archives_in_a_folder_are_read_and_what_is_also_unpacked_only_once(tmp_path: Path) -> None:
    folder = brats_2020(tmp_path / "unpacked")
    zip_folder(folder, tmp_path / "unpacked" / "BraTS2020.zip")
    tar_folder(folder, tmp_path / "unpacked" / "stray.tar", "BraTS20_Training_001")
    cases = find_labelled_cases(tmp_path / "unpacked")
    assert len(cases) == 2
    assert all(Path(case.segmentation.location).is_file() for case in cases)


def test_a_tar_of_one_case_without_a_folder_is_named_after_the_tar(tmp_path: Path) -> None:
    write_case(tiny_patient(1), tmp_path / "BraTS2021_00495")
    tar_folder(tmp_path / "BraTS2021_00495", tmp_path / "BraTS2021_00495.tar", ".")
    shutil.rmtree(tmp_path / "BraTS2021_00495")
    (case,) = find_labelled_cases(tmp_path)
    assert (case.name, case.layout) == ("BraTS2021_00495", "BraTS 2021")


def test_a_renamed_case_is_known_by_its_files(tmp_path: Path) -> None:
    write_case(tiny_patient(1), tmp_path / "BraTS20_Training_007").rename(tmp_path / "my patient")
    (case,) = find_labelled_cases(tmp_path)
    assert (case.name, case.patient, case.layout) == ("my patient", "BraTS20_Training_007", "BraTS 2020")


def test_all_cases_in_one_folder_are_told_apart_by_name(tmp_path: Path) -> None:
    for name, seed in (("A_1", 1), ("A_10", 2)):
        for path in write_case(tiny_patient(seed), tmp_path / "cases" / name).iterdir():
            path.rename(tmp_path / path.name)
        (tmp_path / "cases" / name).rmdir()
    cases = find_labelled_cases(tmp_path)
    assert [case.name for case in cases] == ["A_1", "A_10"]
    np.testing.assert_array_equal(read_truth(cases[1])[0], tiny_patient(2).labels)


def test_numbered_cases_of_several_folders_get_longer_names(tmp_path: Path) -> None:
    write_case(tiny_patient(1), tmp_path / "site A" / "case_1")
    write_case(tiny_patient(2), tmp_path / "site B" / "case_1")
    assert [case.name for case in find_labelled_cases(tmp_path)] == ["case_1", "site B-case_1"]


def test_cases_of_one_name_get_as_many_folders_as_tell_them_apart(tmp_path: Path) -> None:
    for seed, folder in enumerate(("A/scans", "B/scans", "C/scans", "C/later"), start=1):
        write_case(tiny_patient(seed), tmp_path / folder / "case1")
    cases = find_labelled_cases(tmp_path)
    assert [case.name for case in cases] == ["B-scans-case1", "C-scans-case1", "case1", "later-case1"]
    assert [case.patient for case in cases] == ["B-scans-case1", "C-scans-case1", "case1", "later-case1"]
    np.testing.assert_array_equal(read_truth(cases[1])[0], tiny_patient(3).labels)


def test_a_longer_name_is_never_that_of_another_case(tmp_path: Path) -> None:
    for seed, folder in enumerate(("A/case1", "B/case1", "C/B-case1"), start=1):
        write_case(tiny_patient(seed), tmp_path / folder)
    names = [case.name for case in find_labelled_cases(tmp_path)]
    assert sorted(names) == ["B-case1", "case1", f"{tmp_path.name}-B-case1"]


def _write_two_of_one_folder(folder: Path, seed: int) -> None:
    """Two cases that are called like their folder, by the folder and by their files."""
    write_case(tiny_patient(seed), folder)
    for file in folder.iterdir():
        file.rename(folder / file.name.removeprefix(f"{folder.name}_"))
    write_case(tiny_patient(seed + 1), folder)


def test_cases_of_one_name_in_one_folder_are_numbered_and_of_one_patient(tmp_path: Path) -> None:
    _write_two_of_one_folder(tmp_path / "case1", seed=1)
    cases = find_labelled_cases(tmp_path)
    assert [(case.name, case.patient) for case in cases] == [("case1", "case1"), ("case1-2", "case1")]
    for case, seed in zip(cases, (2, 1), strict=True):
        np.testing.assert_array_equal(read_truth(case)[0], tiny_patient(seed).labels)


def test_a_number_comes_after_the_folders_that_tell_a_case_apart(tmp_path: Path) -> None:
    for seed, site in enumerate("AB"):
        _write_two_of_one_folder(tmp_path / site / "case1", seed=1 + 2 * seed)
    write_case(tiny_patient(5), tmp_path / "case1-2")
    assert [(case.name, case.patient) for case in find_labelled_cases(tmp_path)] == [
        ("B-case1", "B-case1"),
        ("B-case1-2", "B-case1"),
        ("case1", "case1"),
        ("case1-2", "case1-2"),
        ("case1-3", "case1"),
    ]


def test_a_case_whose_longer_names_are_all_taken_is_numbered(tmp_path: Path) -> None:
    parts = (tmp_path / "B" / "case1").parts[1:]
    longer = ["-".join(parts[-count:]) for count in range(2, len(parts) + 1)]
    for seed, folder in enumerate(("A/case1", "B/case1", *(f"C/{name}" for name in longer)), start=1):
        write_case(tiny_patient(seed), tmp_path / folder)
    cases = find_labelled_cases(tmp_path)
    assert sorted(case.name for case in cases) == sorted(["case1", "case1-2", *longer])
    assert {case.name: case.patient for case in cases}["case1-2"] == "case1-2"


def test_two_cases_of_one_folder_are_of_the_patient_that_bids_names(tmp_path: Path) -> None:
    for seed, patient in enumerate(("sub-A", "sub-B")):
        _write_two_of_one_folder(tmp_path / patient / "case1", seed=1 + 2 * seed)
    assert [(case.name, case.patient) for case in find_labelled_cases(tmp_path)] == [
        ("case1", "sub-A"),
        ("case1-2", "sub-A"),
        ("sub-B-case1", "sub-B"),
        ("sub-B-case1-2", "sub-B"),
    ]


def test_files_that_are_the_same_are_read_once_and_that_is_said(tmp_path: Path) -> None:
    for seed, folder in enumerate(("A/case1", "B/case1"), start=1):
        write_case(tiny_patient(seed), tmp_path / folder)
    for copy in ("copy 1", "copy 2"):
        shutil.copytree(tmp_path / "B" / "case1", tmp_path / copy / "case1")
    cases, notes = cases_and_notes(tmp_path)
    assert [case.name for case in cases] == ["B-case1", "case1"]
    assert notes == [
        f"case1 is also in {tmp_path}/copy 1/case1/case1_seg.nii.gz; {tmp_path}/B/case1/case1_seg.nii.gz is read. "
        f"Keep one of them. (1 more like it in {tmp_path})"
    ]


def test_patients_of_bids_keep_their_sessions_together(tmp_path: Path) -> None:
    for seed, folder in enumerate(("sub-A/ses-1", "sub-A/ses-2", "sub-B/ses-1"), start=1):
        write_case(tiny_patient(seed), tmp_path / folder / "anat", f"{folder.replace('/', '_')}_{{kind}}.nii.gz")
    cases = find_labelled_cases(tmp_path)
    assert {case.name: case.patient for case in cases} == {
        "anat": "sub-A",
        "ses-2-anat": "sub-A",
        "sub-B-ses-1-anat": "sub-B",
    }


def test_a_folder_above_the_data_names_no_patient(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_case(tiny_patient(seed), tmp_path / "sub-project" / f"case{seed}")
    assert [case.patient for case in find_labelled_cases(tmp_path / "sub-project")] == ["case1", "case2"]


def test_patients_of_bids_are_others_at_another_site(tmp_path: Path) -> None:
    for seed, folder in enumerate(("site 1/sub-01", "site 2/sub-01"), start=1):
        write_case(tiny_patient(seed), tmp_path / folder)
    assert {case.name: case.patient for case in find_labelled_cases(tmp_path)} == {
        "sub-01": "site 1-sub-01",
        "site 2-sub-01": "site 2-sub-01",
    }


def test_renamed_cases_of_a_release_are_others_where_their_patients_are(tmp_path: Path) -> None:
    for seed, site in enumerate(("A", "B"), start=1):
        write_case(tiny_patient(seed), tmp_path / site / f"BraTS2021_0000{seed}").rename(tmp_path / site / "scan")
    cases = find_labelled_cases(tmp_path)
    assert {case.name: case.patient for case in cases} == {"scan": "BraTS2021_00001", "B-scan": "BraTS2021_00002"}


def test_the_data_set_of_the_decathlon_needs_no_description(tmp_path: Path) -> None:
    decathlon(tmp_path)
    root = tmp_path / "unpacked" / "Task01_BrainTumour"
    (root / "dataset.json").unlink()
    case = find_labelled_cases(root)[0]
    assert case.convention is Convention.DECATHLON
    np.testing.assert_array_equal(case.images["t1ce"].read_volume().array, tiny_patient(41).images["t1ce"])
    (root / "dataset.json").write_text('{"modality": {"0": "CT"}, "labels": {}}')
    with pytest.raises(BadInputError, match="does not describe the volumes"):
        find_labelled_cases(root)


@pytest.mark.parametrize("kind", ["PED", "MEN", "MET"])
def test_other_tumors_are_refused_in_one_sentence(kind: str, tmp_path: Path) -> None:
    for number in (4, 5):
        write_case(tiny_patient(number), tmp_path / "data" / f"BraTS-{kind}-{number:05d}-000", "{name}-{kind}.nii.gz")
    write_case(tiny_patient(6), tmp_path / "data" / "BraTS-GLI-00006-000", "{name}-{kind}.nii.gz")
    with pytest.raises(BadInputError) as refused:
        find_labelled_cases(tmp_path / "data")
    (sentence,) = refused.value.problems
    assert "holds 2 case(s) that show no glioma of an adult" in sentence
    assert f"such as BraTS-{kind}-00004-000" in sentence


@pytest.mark.parametrize("described", [False, True])
def test_the_layout_of_nnunet_is_refused_in_words(described: bool, tmp_path: Path) -> None:
    for number in range(4):
        write_image(np.ones(SHAPE, np.float32), tmp_path / "imagesTr" / f"BRATS_001_000{number}.nii.gz")
    write_image(np.ones(SHAPE, np.uint8), tmp_path / "labelsTr" / "BRATS_001.nii.gz")
    if described:
        channels = {"0": "T1", "1": "T1ce", "2": "T2", "3": "FLAIR"}
        (tmp_path / "dataset.json").write_text(json.dumps({"channel_names": channels, "file_ending": ".nii.gz"}))
    with pytest.raises(BadInputError, match="are in the layout of nnU-Net, whose numbers do not say") as refused:
        find_labelled_cases(tmp_path)
    assert len(refused.value.problems) == 1


def test_a_volume_that_a_4d_file_lacks_is_named(tmp_path: Path) -> None:
    decathlon(tmp_path)
    root = tmp_path / "unpacked" / "Task01_BrainTumour"
    write_image(np.ones((3, *SHAPE), np.float32), root / "imagesTr" / "BRATS_001.nii.gz")
    with pytest.raises(BadInputError, match=r"BRATS_001\.nii\.gz holds 3 volumes; number 3 is missing"):
        find_labelled_cases(root)[0].images["t2"].read_volume()


def test_reading_leaves_the_data_as_they_were(tmp_path: Path) -> None:
    path = kaggle_2020(tmp_path)
    path.chmod(0o444)
    before = {file: os.stat(file).st_mtime_ns for file in tmp_path.rglob("*")}
    for case in find_labelled_cases(path):
        read_labelled(case, SEQUENCES)
    assert {file: os.stat(file).st_mtime_ns for file in tmp_path.rglob("*")} == before


def test_the_real_partial_cases_are_read(data_folder: Path) -> None:
    cases = find_labelled_cases(data_folder / "brats2018-partial")
    assert len(cases) == 7
    assert set(np.unique(read_truth(cases[0])[0])) == {0, 5}


def test_labels_made_by_programs_are_no_truth(data_folder: Path) -> None:
    with pytest.raises(BadInputError, match=r"only cases without an expert's segmentation .*BraTS-GLI-00001-000"):
        find_labelled_cases(data_folder / "algorithmic-labels")
