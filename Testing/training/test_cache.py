"""The cache holds what the engine feeds its network, is kept, and is renewed when a source changes."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from support.cases import small_case, write_case
from tumorseg.errors import BadInputError
from tumorseg.images import read_labels, to_image, write_labels
from tumorseg.normalise import network_input
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Geometry
from tumorseg_training.cache import prepare
from tumorseg_training.cases import find_labelled_cases, read_truth


def test_the_arrays_are_the_networks_input_and_the_truth(coarse_cases: Path, tmp_path: Path) -> None:
    case = find_labelled_cases(coarse_cases)[0]
    (cached,) = prepare([case], tmp_path, SEQUENCES)
    images, labels = cached.load()
    expected, box = network_input([case.images[name].read_volume().array for name in SEQUENCES])
    np.testing.assert_array_equal(images, expected.astype(np.float16))
    np.testing.assert_array_equal(labels, read_truth(case)[0][box])
    assert (images.dtype, labels.dtype) == (np.float16, np.uint8)


def test_a_second_run_keeps_the_files(coarse_cases: Path, tmp_path: Path) -> None:
    cases = find_labelled_cases(coarse_cases)
    prepare(cases, tmp_path, SEQUENCES)
    for path in tmp_path.iterdir():
        os.utime(path, (1, 1))
    prepare(cases, tmp_path, SEQUENCES)
    assert {path.stat().st_mtime for path in tmp_path.iterdir()} == {1}
    assert len(list(tmp_path.iterdir())) == 9


def _case_with_labels(folder: Path, geometry: Geometry | None = None) -> Path:
    case = small_case()
    write_case(case, folder)
    labels = (case["t1ce"].array > 300).astype(np.uint8)
    grid = geometry or case["t1ce"].geometry
    write_labels(np.resize(labels, grid.shape), grid, folder / "Case_seg.nii.gz")
    return folder


def test_a_changed_source_makes_a_new_entry(tmp_path: Path) -> None:
    folder = _case_with_labels(tmp_path / "Case")
    (first,) = prepare(find_labelled_cases(folder), tmp_path / "cache", SEQUENCES)
    labels, geometry = read_labels(folder / "Case_seg.nii.gz")
    write_labels(labels * 2, geometry, folder / "Case_seg.nii.gz")
    (second,) = prepare(find_labelled_cases(folder), tmp_path / "cache", SEQUENCES)
    assert first.labels != second.labels
    assert second.load()[1].max() == 2


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        (Geometry((20, 22, 25), (-10.0, 5.0, 30.0)), "does not fit the segmentation of Case: size 24 x 22 x 20"),
        (Geometry((20, 22, 24), (-10.0, 5.0, 31.0)), "does not fit the segmentation of Case: shifted by 1 mm"),
    ],
)
def test_volumes_that_do_not_fit_the_labels_are_named(tmp_path: Path, geometry: Geometry, message: str) -> None:
    folder = _case_with_labels(tmp_path / "Case", geometry)
    with pytest.raises(BadInputError, match=message):
        prepare(find_labelled_cases(folder), tmp_path / "cache", SEQUENCES)


def test_a_file_given_twice_is_refused(tmp_path: Path) -> None:
    folder = _case_with_labels(tmp_path / "Case")
    shutil.copy(folder / "Case_t1.nii.gz", folder / "Case_t2.nii.gz")
    with pytest.raises(BadInputError, match=r"Case: T1 \(Case_t1.nii.gz\) and T2 .* are the same image\. Choose"):
        prepare(find_labelled_cases(folder), tmp_path / "cache", SEQUENCES)


def test_voxels_without_a_number_are_refused(tmp_path: Path) -> None:
    folder = _case_with_labels(tmp_path / "Case")
    (folder / "Case_t2.nii.gz").unlink()
    volume = small_case()["t2"]
    volume.array[10, 10, 10] = np.nan
    sitk.WriteImage(to_image(volume.array, volume.geometry), str(folder / "Case_t2.nrrd"))
    with pytest.raises(BadInputError, match=r"Case: T2 \(Case_t2.nrrd\) has 1 voxel without a valid number"):
        prepare(find_labelled_cases(folder), tmp_path / "cache", SEQUENCES)
