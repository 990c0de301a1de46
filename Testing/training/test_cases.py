"""Finding labelled cases in folders and reading their truth; the public layouts are in ``test_layouts.py``."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from support.cases import SMALL, small_case, write_case
from tumorseg.errors import BadInputError
from tumorseg.images import write_labels
from tumorseg_training.cases import find_labelled_cases, read_truth


def _write_labelled(folder: Path, values: tuple[int, ...]) -> None:
    write_case(small_case(), folder)
    labels = np.zeros(SMALL.shape, np.uint8)
    labels.flat[: len(values)] = values
    write_labels(labels, SMALL, folder / "Case_seg.nii.gz")


def test_cases_are_found_by_folder_and_others_are_left_out(tmp_path: Path) -> None:
    for name in ("B", "A"):
        _write_labelled(tmp_path / name, (1, 2, 4))
    write_case(small_case(), tmp_path / "without segmentation")
    (tmp_path / "notes.txt").write_text("")
    assert [case.name for case in find_labelled_cases(tmp_path)] == ["A", "B"]
    assert [case.name for case in find_labelled_cases(tmp_path / "A")] == ["A"]


def test_real_cases_are_all_found(data_folder: Path) -> None:
    cases = find_labelled_cases(data_folder / "brats2021")
    assert len(cases) == 7
    labels, _ = read_truth(next(case for case in cases if case.name == "BraTS2021_01479"))
    assert np.count_nonzero(labels == 3) == 89_546  # the figure of the data's README


def test_truth_is_read_in_the_convention_of_the_engine(tmp_path: Path) -> None:
    _write_labelled(tmp_path / "Case", (1, 2, 4))
    (case,) = find_labelled_cases(tmp_path)
    labels, geometry = read_truth(case)
    assert labels.flat[:3].tolist() == [1, 2, 3]
    assert geometry.matches(SMALL)


def test_labels_that_cannot_be_understood_are_refused_in_words(tmp_path: Path) -> None:
    _write_labelled(tmp_path / "Case", (1, 2, 3, 4))
    (case,) = find_labelled_cases(tmp_path)
    with pytest.raises(
        BadInputError, match=r"Case_seg\.nii\.gz cannot be used: they hold both 3 and 4, and T1ce does not tell"
    ):
        read_truth(case)


def test_a_folder_without_cases_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"holds no case; each needs .*Case_seg\.nii\.gz in one folder"):
        find_labelled_cases(tmp_path)
    with pytest.raises(BadInputError, match="does not exist"):
        find_labelled_cases(tmp_path / "nowhere")


def test_hidden_files_do_not_count_as_segmentations(tmp_path: Path) -> None:
    _write_labelled(tmp_path / "Case", (1, 2, 4))
    (tmp_path / "Case" / "._Case_seg.nii.gz").write_text("of macOS")
    (case,) = find_labelled_cases(tmp_path)
    assert case.segmentation.location == str(tmp_path / "Case" / "Case_seg.nii.gz")


def test_several_segmentations_are_named(tmp_path: Path) -> None:
    _write_labelled(tmp_path / "Case", (1, 2, 4))
    (tmp_path / "Case" / "Other-seg.nrrd").write_text("")
    with pytest.raises(BadInputError) as caught:
        find_labelled_cases(tmp_path)
    assert caught.value.problems == (
        f"{tmp_path / 'Case'} has 2 segmentations (Case_seg.nii.gz, Other-seg.nrrd); keep one.",
    )


def test_a_volume_given_twice_is_named(tmp_path: Path) -> None:
    _write_labelled(tmp_path / "Case", (1, 2, 4))
    shutil.copy(tmp_path / "Case" / "Case_t1.nii.gz", tmp_path / "Case" / "Case_t1.nii")
    with pytest.raises(BadInputError, match=r"has 2 T1 volumes \(Case_t1\.nii, Case_t1\.nii\.gz\); keep one"):
        find_labelled_cases(tmp_path)


def test_something_that_is_no_data_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(BadInputError, match=r"neither a folder nor a \.zip or \.tar archive"):
        find_labelled_cases(tmp_path / "notes.txt")
