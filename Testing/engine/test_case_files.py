"""Finding the four volumes of a patient by name, and reading them together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tumorseg.case_files import case_folders_by_name, find_case, find_case_folders, read_case, sequence_of
from tumorseg.errors import BadInputError
from tumorseg.sequences import SEQUENCES


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).touch()
    return folder


def names_of(files: dict[str, Path]) -> list[str]:
    return [path.name for path in files.values()]


@pytest.mark.parametrize(
    ("name", "sequence"),
    [
        ("BraTS20_Training_001_flair.nii", "flair"),
        ("BraTS2021_01477_t1ce.nii.gz", "t1ce"),
        ("BraTS-GLI-00001-000-t1c.nii.gz", "t1ce"),
        ("BraTS-GLI-00001-000-t1n.nii.gz", "t1"),
        ("BraTS-GLI-00001-000-t2f.nii.gz", "flair"),
        ("sub-01_T1w.nii.gz", "t1"),
        ("Doe_John_FLAIR.NRRD", "flair"),
        ("t2.mha", "t2"),
        ("BraTS2021_01477_seg.nii.gz", None),
        ("brainmask_t1.nii.gz", None),
        ("case_seg_t1.nii.gz", None),
        ("._BraTS_t1.nii.gz", None),
        (".hidden_t1.nii", None),
        ("case_t1.txt", None),
        ("caset1.nii", None),
        ("seguin_t1.nii", "t1"),
        ("x_flair_to_t1ce.nii.gz", "flair"),
        ("x_T1_reg_to_T1ce.nii.gz", "t1"),
        ("x_t2_space-t1.nii.gz", "t2"),
        ("x_on_t1.nii.gz", "t1"),
        ("to_t2.nii.gz", "t2"),
    ],
)
def test_sequence_by_file_name(name: str, sequence: str | None) -> None:
    assert sequence_of(Path("/folder_t1") / name) == sequence


def test_brats_2021_and_2023_folders(tmp_path: Path) -> None:
    old = [f"BraTS2021_1_{ending}.nii.gz" for ending in ("t1", "t1ce", "t2", "flair")]
    (tmp_path / "old").mkdir()
    fill(tmp_path / "old", *reversed(old), "BraTS2021_1_seg.nii.gz", "._BraTS2021_1_t1.nii.gz", "survival_t1.csv")
    files = find_case(tmp_path / "old")
    assert tuple(files) == SEQUENCES
    assert names_of(files) == old

    new = [f"BraTS-GLI-00001-100-{ending}.nii.gz" for ending in ("t1n", "t1c", "t2w", "t2f")]
    (tmp_path / "new").mkdir()
    assert names_of(find_case(fill(tmp_path / "new", *new))) == new


def test_missing_and_ambiguous_sequences_are_told_together(tmp_path: Path) -> None:
    fill(tmp_path, "a_t1.nii", "a_t2.nii.gz", "b_t2.nrrd")
    with pytest.raises(BadInputError) as caught:
        find_case(tmp_path)
    assert caught.value.problems == (
        f"{tmp_path} has no T1ce volume; expected an image whose name ends in _t1ce or _t1c or _t1gd (or - for _).",
        f"{tmp_path} has 2 T2 volumes (a_t2.nii.gz, b_t2.nrrd); keep one, or name the four files one by one.",
        f"{tmp_path} has no FLAIR volume; expected an image whose name ends in _flair or _t2f (or - for _).",
    )


NAMED = {
    "dcm2niix": "4_AX_T1 5_AX_T1_POST_GD 6_AX_T2 3_AX_T2_FLAIR | 5_AX_T1_POST_GD_ROI1 2_LOC",
    "bids": (
        "sub-01_ses-01_T1w sub-01_ses-01_ce-gadolinium_T1w sub-01_ses-01_T2w sub-01_ses-01_FLAIR"
        " | sub-01_ses-01_brainmask sub-01_ses-01_dwi"
    ),
    "T1 FLAIR": "4_AX_T1 9_AX_T1GD 6_AX_T2 3_AX_T2_FLAIR_FS | 2_SAG_T2_DWI 7_AX_DWI",
    "other kinds": "T1 T1CE T2 FLAIR | Perfusion_T1 DCE_T1 sub_T1 difference_t1 dwi_b0_T2 seg_t1 brainmask_t1",
    "patient": "CHO_t1 CHO_t1ce CHO_t2 CHO_flair | CHO_seg",
}
"""Names of the four sequences in order, and of what lies beside them."""


@pytest.mark.parametrize("names", NAMED.values(), ids=NAMED)
def test_names_that_the_recognition_knows(tmp_path: Path, names: str) -> None:
    wanted, others = ([f"{name}.nii.gz" for name in part.split()] for part in names.split("|"))
    fill(tmp_path, *wanted, *others)
    assert names_of(find_case(tmp_path)) == wanted
    assert find_case_folders(tmp_path) == [tmp_path]


def test_a_t1_flair_is_no_flair(tmp_path: Path) -> None:
    wanted = ["4_AX_T1.nii", "9_AX_T1GD.nii", "6_AX_T2.nii", "3_AX_T2_FLAIR_FS.nii"]
    fill(tmp_path, *wanted, "2_SAG_T1_FLAIR.nii")
    assert names_of(find_case(tmp_path)) == wanted


def test_folders_without_a_plain_name_are_found(tmp_path: Path) -> None:
    (tmp_path / "P01").mkdir()
    (tmp_path / "other").mkdir()
    fill(tmp_path / "P01", "2_T1_MPR_SAG.nii", "5_T1_POST_GD.nii", "3_T2_TSE.nii", "4_FLAIR_AX.nii")
    fill(tmp_path / "other", "DTI_64.nii", "T1_MPR_SAG_mask.nii")
    assert find_case_folders(tmp_path) == [tmp_path / "P01"]


def test_images_that_were_passed_over_are_told(tmp_path: Path) -> None:
    fill(tmp_path, "a_t1.nii", "a_t2.nii", "a_flair.nii", "a_t1_gd_1.nii", "a_t1_gd_2.nii", "a_dwi.nii", "a_seg.nii")
    with pytest.raises(BadInputError) as caught:
        find_case(tmp_path)
    (sentence,) = caught.value.problems
    assert sentence.endswith(" Images that were passed over: a_dwi.nii, a_t1_gd_1.nii, a_t1_gd_2.nii.")


def test_not_a_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        find_case(tmp_path / "no")
    assert caught.value.problems == (
        f"{tmp_path}/no is not a folder; give the folder that holds the four volumes of a patient.",
    )


def test_a_folder_with_the_name_of_an_image_is_not_taken(tmp_path: Path) -> None:
    fill(tmp_path, "a_t1.nii", "a_t1ce.nii", "a_t2.nii", "a_flair.nii")
    (tmp_path / "b_t1.nii").mkdir()
    assert names_of(find_case(tmp_path)) == ["a_t1.nii", "a_t1ce.nii", "a_t2.nii", "a_flair.nii"]


def test_read_case_reads_each_file(tmp_path: Path) -> None:
    files = {sequence: tmp_path / f"{sequence}.nrrd" for sequence in SEQUENCES}
    for number, path in enumerate(files.values()):
        sitk.WriteImage(sitk.GetImageFromArray(np.full((2, 3, 4), number, np.int16)), path)
    case = read_case(files)
    assert tuple(case) == SEQUENCES
    assert [int(volume.array.max()) for volume in case.values()] == [0, 1, 2, 3]
    assert [volume.name for volume in case.values()] == ["t1.nrrd", "t1ce.nrrd", "t2.nrrd", "flair.nrrd"]


def test_read_case_tells_all_problems(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.Image(2, 3, 4, sitk.sitkUInt8), tmp_path / "good.nii")
    (tmp_path / "text.nrrd").write_text("text")
    files = {"t1": tmp_path / "no.nii", "t2": tmp_path / "good.nii", "flair": tmp_path / "text.nrrd"}
    with pytest.raises(BadInputError) as caught:
        read_case(files)
    assert caught.value.problems == (
        f"{tmp_path}/no.nii does not exist; check the name.",
        f"{tmp_path}/text.nrrd is not an image of the format that its extension says; export it again.",
    )


@pytest.mark.parametrize(
    "folder", ["brats2021/BraTS2021_01477", "algorithmic-labels/BraTS-GLI-00001-000", "native/TCGA-DU-7294"]
)
def test_real_folders(data_folder: Path, folder: str) -> None:
    files = find_case(data_folder / folder)
    assert list(files) == list(SEQUENCES)
    assert not any("mask" in path.name or "seg" in path.name for path in files.values())


def test_case_folders_are_found_at_any_depth_and_through_links_once(tmp_path: Path) -> None:
    data, batch = tmp_path / "data", tmp_path / "batch"
    for folder in (data / "A", data / "site" / "B", data / "notes"):
        folder.mkdir(parents=True)
    for folder in (data / "A", data / "site" / "B"):
        (folder / "x_t1ce.nii.gz").touch()
    (data / "notes" / "x_seg.nii.gz").touch()
    batch.mkdir()
    (batch / "linked").symlink_to(data)
    (data / "loop").symlink_to(data)
    assert find_case_folders(data) == [data / "A", data / "site" / "B"]
    assert find_case_folders(batch) == [batch / "linked" / "A", batch / "linked" / "site" / "B"]
    with pytest.raises(BadInputError, match="notes holds no volumes named like"):
        find_case_folders(data / "notes")


def test_results_are_named_after_the_folders_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for case in ("A", "site1/B", "site2/B"):
        (tmp_path / case).mkdir(parents=True)
        fill(tmp_path / case, "x_t1.nii")
    assert list(case_folders_by_name(tmp_path)) == ["A", "site1_B", "site2_B"]
    monkeypatch.chdir(tmp_path)
    assert list(case_folders_by_name(Path("."))) == ["A", "site1_B", "site2_B"]
    monkeypatch.chdir(tmp_path / "A")
    assert list(case_folders_by_name(Path("."))) == ["A"]


def test_two_cases_never_share_a_result(tmp_path: Path) -> None:
    for case in ("a_b", "a/b"):
        (tmp_path / case).mkdir(parents=True)
        fill(tmp_path / case, "x_t1.nii")
    with pytest.raises(BadInputError, match=r"would both be called a_b; rename one"):
        case_folders_by_name(tmp_path)
