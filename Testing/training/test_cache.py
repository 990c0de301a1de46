"""The cache holds what the engine feeds its network, is kept, and is renewed when a source changes."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from support.cases import small_case, write_case
from tumorseg.errors import BadInputError
from tumorseg.grids import to_working, working_grid
from tumorseg.images import read_labels, to_image, write_labels
from tumorseg.normalise import network_input
from tumorseg.regions import UNDIVIDED
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Geometry
from tumorseg_training.blobs import FileBlob
from tumorseg_training.cache import CachedCase, cache_case, read_facts
from tumorseg_training.cases import find_labelled_cases, read_labelled, read_truth
from tumorseg_training.conventions import Convention
from tumorseg_training.sources import ImageSource


def test_the_arrays_are_the_networks_input_and_the_truth(coarse_cases: Path, tmp_path: Path) -> None:
    case = find_labelled_cases(coarse_cases)[0]
    images, labels = cache_case(case, tmp_path, SEQUENCES).cached.load()
    volumes, _, _ = read_labelled(case, SEQUENCES)
    expected, box = network_input([volumes[name].array for name in SEQUENCES])
    np.testing.assert_array_equal(images, expected.astype(np.float16))
    np.testing.assert_array_equal(labels, read_truth(case)[0][box])
    assert (images.dtype, labels.dtype) == (np.float16, np.uint8)


def test_the_facts_lead_back_to_the_original(coarse_cases: Path, tmp_path: Path) -> None:
    case = find_labelled_cases(coarse_cases)[0]
    entry = cache_case(case, tmp_path, SEQUENCES)
    images, labels = entry.cached.load()
    volumes, truth, geometry = read_labelled(case, SEQUENCES)
    facts = entry.facts
    box = tuple(slice(*side) for side in facts.box)
    assert facts == read_facts(entry.cached)
    assert (facts.shape, facts.outside, facts.undivided) == (list(labels.shape), 0, False)
    np.testing.assert_array_equal(truth[box], labels)
    restored = images[1].astype(float) * facts.std["t1ce"] + facts.mean["t1ce"]
    brain = images[1] != 0
    np.testing.assert_allclose(restored[brain], volumes["t1ce"].array[box][brain], rtol=2e-3)
    first_voxel = np.array(facts.affine) @ (0, 0, 0, 1)
    corner = [side.start for side in box[::-1]]
    np.testing.assert_allclose(first_voxel, geometry.index_to_lps @ (*corner, 1))


def test_a_second_run_keeps_the_files(coarse_cases: Path, tmp_path: Path) -> None:
    case = find_labelled_cases(coarse_cases)[0]
    first = cache_case(case, tmp_path, SEQUENCES)
    for path in tmp_path.iterdir():
        os.utime(path, (1, 1))
    second = cache_case(case, tmp_path, SEQUENCES)
    assert {path.stat().st_mtime for path in tmp_path.iterdir()} == {1}
    assert len(list(tmp_path.iterdir())) == 3
    assert (first.fresh, second.fresh, first.facts) == (True, False, second.facts)


@pytest.mark.parametrize("damage", ["images", "labels", "sidecar"])
def test_what_a_crash_left_incomplete_is_made_again(coarse_cases: Path, tmp_path: Path, damage: str) -> None:
    case = find_labelled_cases(coarse_cases)[0]
    cached = cache_case(case, tmp_path, SEQUENCES).cached
    path: Path = getattr(cached, damage)
    intact = path.read_bytes()
    path.write_bytes(intact[:100])
    assert read_facts(cached) is None
    assert cache_case(case, tmp_path, SEQUENCES).fresh
    assert path.read_bytes() == intact


def test_an_older_entry_is_kept_and_gets_the_fingerprints_that_it_lacks(coarse_cases: Path, tmp_path: Path) -> None:
    case = find_labelled_cases(coarse_cases)[0]
    entry = cache_case(case, tmp_path, SEQUENCES)
    intact, arrays = entry.cached.sidecar.read_text(), entry.cached.images.stat()
    whole = entry.facts.fingerprint
    entry.cached.sidecar.write_text(intact.replace(whole, whole.split()[3]))
    again = cache_case(case, tmp_path, SEQUENCES)
    assert (again.fresh, again.facts) == (False, entry.facts)
    assert entry.cached.sidecar.read_text() == intact
    assert entry.cached.images.stat().st_mtime_ns == arrays.st_mtime_ns


def test_absent_sequences_are_zero_and_recorded(coarse_cases: Path, tmp_path: Path) -> None:
    case = find_labelled_cases(coarse_cases)[0]
    lacking = replace(case, images={name: case.images[name] for name in ("t1", "flair")})
    entry = cache_case(lacking, tmp_path, SEQUENCES)
    images, _ = entry.cached.load()
    assert entry.facts.sequences == ["t1", "flair"]
    assert [bool(channel.any()) for channel in images] == [True, False, False, True]
    np.testing.assert_allclose(images[3][images[3] != 0].astype(float).std(), 1, atol=0.01)


def test_a_case_without_any_of_the_channels_is_refused(coarse_cases: Path, tmp_path: Path) -> None:
    case = replace(find_labelled_cases(coarse_cases)[0], images={})
    with pytest.raises(BadInputError, match="has none of the sequences t1, t1ce, t2, flair"):
        cache_case(case, tmp_path, SEQUENCES)


def test_a_real_case_of_a_partial_data_set(data_folder: Path, tmp_path: Path) -> None:
    case = find_labelled_cases(data_folder / "brats2018-partial")[0]
    entry = cache_case(case, tmp_path, SEQUENCES)
    images, labels = entry.cached.load()
    assert (entry.facts.sequences, entry.facts.undivided) == (["t1", "flair"], True)
    assert set(np.unique(labels)) == {0, UNDIVIDED}
    assert not images[[1, 2]].any()


def test_a_label_that_turns_out_to_be_the_whole_tumor_is_not_kept_as_core(coarse_cases: Path, tmp_path: Path) -> None:
    case = find_labelled_cases(coarse_cases)[0]
    labels, geometry = read_labels(Path(case.segmentation.location))
    write_labels((labels != 0).astype(np.uint8), geometry, tmp_path / "Case_seg.nii.gz")
    taken_for_core = replace(case, segmentation=ImageSource(FileBlob(tmp_path / "Case_seg.nii.gz")))
    (tmp_path / "cache").mkdir()
    core = cache_case(taken_for_core, tmp_path / "cache", SEQUENCES)
    assert (core.facts.undivided, set(np.unique(core.cached.load()[1]))) == (False, {0, 1})
    whole = cache_case(replace(taken_for_core, convention=Convention.WHOLE_TUMOR), tmp_path / "cache", SEQUENCES)
    assert (whole.facts.undivided, set(np.unique(whole.cached.load()[1]))) == (True, {0, UNDIVIDED})


def _case_with_labels(folder: Path, geometry: Geometry | None = None) -> Path:
    case = small_case()
    write_case(case, folder)
    labels = 2 * (case["t1ce"].array > 300).astype(np.uint8)
    grid = geometry or case["t1ce"].geometry
    write_labels(np.resize(labels, grid.shape), grid, folder / "Case_seg.nii.gz")
    return folder


def _cache(folder: Path) -> CachedCase:
    (case,) = find_labelled_cases(folder)
    cache = folder.with_name("cache")
    cache.mkdir(exist_ok=True)
    return cache_case(case, cache, SEQUENCES).cached


def test_a_changed_source_makes_a_new_entry(tmp_path: Path) -> None:
    folder = _case_with_labels(tmp_path / "Case")
    first = _cache(folder)
    labels, geometry = read_labels(folder / "Case_seg.nii.gz")
    write_labels(labels * 2, geometry, folder / "Case_seg.nii.gz")
    second = _cache(folder)
    assert first.labels != second.labels
    assert second.load()[1].max() == 3


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
        _cache(folder)


def test_a_file_given_twice_is_refused(tmp_path: Path) -> None:
    folder = _case_with_labels(tmp_path / "Case")
    shutil.copy(folder / "Case_t1.nii.gz", folder / "Case_t2.nii.gz")
    with pytest.raises(BadInputError, match=r"Case: T1 \(Case_t1.nii.gz\) and T2 .* are the same image\. Choose"):
        _cache(folder)


def test_voxels_without_a_number_are_refused(tmp_path: Path) -> None:
    folder = _case_with_labels(tmp_path / "Case")
    (folder / "Case_t2.nii.gz").unlink()
    volume = small_case()["t2"]
    volume.array[10, 10, 10] = np.nan
    sitk.WriteImage(to_image(volume.array, volume.geometry), str(folder / "Case_t2.nrrd"))
    with pytest.raises(BadInputError, match=r"Case: T2 \(Case_t2.nrrd\) has 1 voxel without a valid number"):
        _cache(folder)


def test_a_coarser_cache_holds_what_the_engine_feeds_a_coarser_network(coarse_cases: Path, tmp_path: Path) -> None:
    case = find_labelled_cases(coarse_cases)[0]
    fine, coarse = (cache_case(case, tmp_path, SEQUENCES, spacing) for spacing in (1.0, 2.0))
    volumes, truth, geometry = read_labelled(case, SEQUENCES)
    grid = working_grid(geometry, (2.0, 2.0, 2.0))
    expected, box = network_input([to_working(volumes[name], grid) for name in SEQUENCES])
    images, labels = coarse.cached.load()
    np.testing.assert_array_equal(images, expected.astype(np.float16))
    assert labels.shape == expected.shape[1:]
    assert fine.cached.images != coarse.cached.images
    assert 8 * np.count_nonzero(labels) == pytest.approx(np.count_nonzero(truth), rel=0.1)
    first_voxel = grid.working.index_to_lps @ (*(side.start for side in box[::-1]), 1)
    np.testing.assert_allclose(np.array(coarse.facts.affine) @ (0, 0, 0, 1), first_voxel)
