"""Preparing data: everything that is wrong at once, patients told apart, the same split when it is repeated."""

import json
import os
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from support.layouts import brats_2018, brats_2019, brats_2024
from support.small_data import NESTED, write_data, write_labelled
from tumorseg.errors import BadInputError
from tumorseg.normalise import flat_zscore
from tumorseg_training import cache_cases
from tumorseg_training.cli import main
from tumorseg_training.preparation import Settings, prepare_folder
from tumorseg_training.prepared import load_prepared
from tumorseg_training.split import load_splits

TWO = Settings(folds=2, test=0)
Usage = namedtuple("Usage", "total used free")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six cases; read only."""
    return write_data(tmp_path_factory.mktemp("data") / "brats", [f"Case_{number}" for number in range(6)])


def test_the_command_writes_cache_index_split_and_chart(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "prepared"
    arguments = ["prepare", "--data", str(data), "--output", str(output), "--folds", "2", "--test", "0.2"]
    assert main([*arguments, "--workers", "1"]) == 0
    prepared, splits = load_prepared(output), load_splits(output)
    assert [case.name for case in prepared.cases] == [f"Case_{number}" for number in range(6)]
    assert {(case.group, case.source, case.undivided) for case in prepared.cases} == {("brats", str(data), False)}
    assert sorted(splits[0].validation + splits[1].validation + splits[0].test) == [f"Case_{n}" for n in range(6)]
    assert len(splits[0].test) == 1
    assert (output / "split.png").read_bytes().startswith(b"\x89PNG")
    said = capsys.readouterr().out
    assert "A test of 1 patient says little" in said
    assert splits[0].sha256[:16] in said


def test_a_coarser_folder_says_so_and_holds_coarser_voxels(data: Path, tmp_path: Path) -> None:
    fine = prepare_folder([data], tmp_path / "fine", TWO).prepared
    arguments = ["prepare", "--data", str(data), "--output", str(tmp_path / "coarse"), "--folds", "2", "--test", "0"]
    assert main([*arguments, "--workers", "1", "--spacing", "2"]) == 0
    coarse = load_prepared(tmp_path / "coarse")
    assert (fine.spacing, coarse.spacing) == (1.0, 2.0)
    sizes = [prepared.cases[0].cached.load()[1].size for prepared in (fine, coarse)]
    assert sizes[1] < sizes[0] / 2  # the margin has as many voxels on either grid


def test_a_flattened_folder_says_so_and_holds_what_the_engine_feeds_its_network(data: Path, tmp_path: Path) -> None:
    plain = prepare_folder([data], tmp_path / "both", TWO).prepared
    arguments = ["prepare", "--data", str(data), "--output", str(tmp_path / "both"), "--folds", "2", "--test", "0"]
    assert main([*arguments, "--workers", "1", "--normalisation", "zscore-flat"]) == 0
    flat = load_prepared(tmp_path / "both")
    assert (plain.normalisation, flat.normalisation) == ("zscore-brain", "zscore-flat")
    (before, _), (after, _) = (prepared.cases[0].cached.load() for prepared in (plain, flat))
    brain = (before != 0).any(axis=0)
    expected = [flat_zscore(channel, brain) for channel in before.astype(np.float32)]
    np.testing.assert_allclose(after.astype(np.float32), expected, atol=0.01)  # float16 of values up to 4
    assert np.abs(after - before).max() > 0.05


@pytest.mark.parametrize("spacing", [0.2, 5.0, float("nan")])
def test_an_absurd_voxel_size_is_refused(spacing: float, data: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"--spacing must be from 0\.5 to 4 mm, got"):
        prepare_folder([data], tmp_path / "prepared", Settings(folds=2, test=0, spacing=spacing))


@pytest.mark.parametrize("place", ["", "prepared"])
def test_the_data_are_only_read(place: str, data: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="lies in the data folder, which is only read"):
        prepare_folder([data], data / place, TWO)
    (tmp_path / "more").mkdir()
    with pytest.raises(BadInputError, match="lies in the data folder, which is only read"):
        prepare_folder([data], tmp_path / "more" / place, TWO, [tmp_path / "more"])
    assert sorted(path.name for path in data.iterdir()) == [f"Case_{number}" for number in range(6)]


def test_two_processes_prepare_the_same_as_one(data: Path, tmp_path: Path) -> None:
    first = prepare_folder([data], tmp_path / "one", TWO)
    second = prepare_folder([data], tmp_path / "two", Settings(folds=2, test=0, workers=2))
    assert first.splits == second.splits
    for one, two in zip(first.prepared.cases, second.prepared.cases, strict=True):
        for mine, others in zip(one.cached.load(), two.cached.load(), strict=True):
            np.testing.assert_array_equal(mine, others)


def test_all_bad_cases_are_named_and_can_be_skipped(data: Path, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(data, mixed)
    for number in (1, 3):
        shutil.copy(mixed / f"Case_{number}" / f"Case_{number}_t1.nii.gz", mixed / "same.nii.gz")
        shutil.move(mixed / "same.nii.gz", mixed / f"Case_{number}" / f"Case_{number}_t2.nii.gz")
    with pytest.raises(BadInputError) as caught:
        prepare_folder([mixed], tmp_path / "prepared", TWO)
    *problems, advice = caught.value.problems
    assert [problem.split(":")[0] for problem in problems] == ["Case_1", "Case_3"]
    assert advice == "2 of 6 cases cannot be used; mend them, or leave them out with --skip-bad."
    result = prepare_folder([mixed], tmp_path / "prepared", Settings(folds=2, test=0, skip_bad=True))
    assert [case.name for case in result.prepared.cases] == ["Case_0", "Case_2", "Case_4", "Case_5"]
    assert [note.split(":")[:2] for note in result.notes] == [["Left out", " Case_1"], ["Left out", " Case_3"]]


def test_nothing_usable_is_refused_even_when_skipping(tmp_path: Path) -> None:
    folder = write_labelled(tmp_path / "data" / "Case", 0)
    shutil.copy(folder / "Case_t1.nii.gz", folder / "Case_t2.nii.gz")
    with pytest.raises(BadInputError, match="No case can be used; tumorseg-train audit tells more"):
        prepare_folder([tmp_path / "data"], tmp_path / "prepared", Settings(skip_bad=True))


def test_the_same_scan_in_two_data_folders_is_one_patient(data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(data / "Case_0", other / "Twin")
    for path in (other / "Twin").iterdir():
        path.rename(path.with_name(path.name.replace("Case_0", "Twin")))
    result = prepare_folder([data, other], tmp_path / "prepared", TWO)
    (note,) = [note for note in result.notes if "Twin" in note]
    assert note.startswith("Twin shows the same scan as Case_0, so they count as one patient")
    for split in result.splits:
        assert ("Twin" in split.train) == ("Case_0" in split.train)


def test_a_copy_that_lacks_sequences_is_recognised_by_the_others(data: Path, tmp_path: Path) -> None:
    (tmp_path / "other" / "Twin").mkdir(parents=True)
    for kind in ("t1ce", "t2", "seg"):
        shutil.copy(data / "Case_0" / f"Case_0_{kind}.nii.gz", tmp_path / "other" / "Twin" / f"Twin_{kind}.nii.gz")
    result = prepare_folder([data, tmp_path / "other"], tmp_path / "prepared", TWO)
    assert "Twin shows the same scan as Case_0, so they count as one patient; leave one of them out." in result.notes
    for split in result.splits:
        assert {"Twin", "Case_0"} <= set(split.train)


def test_a_case_in_two_folders_is_taken_once_and_another_of_its_name_is_refused(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "Case_0", tmp_path / "again" / "Case_0")
    result = prepare_folder([data, tmp_path / "again"], tmp_path / "prepared", TWO)
    assert len(result.prepared.cases) == 6
    assert any(note.endswith("; it is taken once.") for note in result.notes)
    write_labelled(tmp_path / "else" / "Case_0", 99)
    with pytest.raises(BadInputError, match=r"Case_0 is in .*brats and, with other images, in .*else; rename one"):
        prepare_folder([data, tmp_path / "else"], tmp_path / "prepared", TWO)
    with pytest.raises(BadInputError, match="is given more than once"):
        prepare_folder([data, data], tmp_path / "prepared", TWO)


def test_a_case_that_lies_in_one_folder_twice_is_said(data: Path, tmp_path: Path) -> None:
    for number in (0, 1, 2):
        shutil.copytree(data / f"Case_{number}", tmp_path / "more" / f"Case_{number}")
    shutil.copytree(data / "Case_0", tmp_path / "more" / "again" / "Case_0")
    result = prepare_folder([tmp_path / "more"], tmp_path / "prepared", TWO)
    assert [case.name for case in result.prepared.cases] == ["Case_0", "Case_1", "Case_2"]
    (note,) = result.notes
    assert note.startswith("Case_0 is also in ")


def test_partial_and_synthetic_cases_only_train(data: Path, tmp_path: Path) -> None:
    partial = tmp_path / "partial"
    for number in (7, 8):
        write_labelled(partial / f"Part_{number}", number, ("t1", "flair"), np.minimum(NESTED, 2))
    synthetic = write_data(tmp_path / "synthetic", ["Synthetic_1"], first_seed=50)
    result = prepare_folder([data, partial], tmp_path / "prepared", TWO, [synthetic])
    for split in result.splits:
        assert {"Part_7", "Part_8", "Synthetic_1"} <= set(split.train)
    assert result.notes == [
        "2 cases lack sequences or divide the tumor no further (Part_7, Part_8); they only train, so that scores are "
        "of complete cases."
    ]
    assert {case.name: case.sequences for case in result.prepared.cases}["Part_7"] == ("t1", "flair")


def test_masks_of_the_whole_tumor_are_never_taken_for_core(data: Path, tmp_path: Path) -> None:
    for number in (7, 8):
        write_labelled(tmp_path / "masks" / f"Whole_{number}", number, labels=(NESTED > 0).astype(np.uint8))
    with pytest.raises(BadInputError, match=r"1 is the only label of all cases in .*masks \(such as Whole_7\)"):
        prepare_folder([data, tmp_path / "masks"], tmp_path / "prepared", TWO)


def test_partial_cases_are_scored_when_there_are_no_others(tmp_path: Path) -> None:
    for number in (7, 8):
        write_labelled(tmp_path / "partial" / f"Part_{number}", number, ("t1", "flair"))
    result = prepare_folder([tmp_path / "partial"], tmp_path / "prepared", TWO)
    assert sorted(len(split.validation) for split in result.splits) == [1, 1]
    assert result.notes == []


def test_another_split_than_before_is_told(data: Path, tmp_path: Path) -> None:
    assert prepare_folder([data], tmp_path, TWO).notes == []
    assert prepare_folder([data], tmp_path, TWO).notes == []
    changed = prepare_folder([data], tmp_path, Settings(folds=3, test=0))
    assert changed.notes == [
        "split.json was another one before; what was trained with that must not be scored with this one."
    ]


def test_a_disk_that_is_too_small_is_told_after_the_first_case(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_cases.shutil, "disk_usage", lambda _: Usage(100, 90, 10_000))
    with pytest.raises(BadInputError, match=r"The other 5 cases need about .* GB in .*, and 1e-05 GB are free; free"):
        prepare_folder([data], tmp_path, TWO)
    assert len(list(tmp_path.glob("*.seg.npy"))) == 1
    monkeypatch.undo()
    prepare_folder([data], tmp_path, TWO)
    monkeypatch.setattr(cache_cases.shutil, "disk_usage", lambda _: Usage(100, 90, 0))
    assert len(prepare_folder([data], tmp_path, TWO).prepared.cases) == 6  # nothing is left to be written


def test_numbers_out_of_range_are_refused_before_any_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["prepare", "--data", str(tmp_path / "nowhere"), "--output", str(tmp_path / "prepared")]
    for option, value in (("--folds", "1"), ("--test", "1"), ("--workers", "0")):
        assert main([*arguments, option, value]) == 2
        assert capsys.readouterr().err.startswith(f"tumorseg-train: {option} must be")
    assert not (tmp_path / "prepared").exists()


def test_the_split_file_names_every_part(data: Path, tmp_path: Path) -> None:
    prepare_folder([data], tmp_path, TWO)
    document = json.loads((tmp_path / "split.json").read_text())
    assert list(document) == ["version", "seed", "test", "folds"]
    assert [list(fold) for fold in document["folds"]] == [["train", "validation"]] * 2


def test_what_a_killed_run_was_writing_is_removed(data: Path, tmp_path: Path) -> None:
    old, new = tmp_path / ".tmp-1234-Case.npy", tmp_path / ".tmp-5678-Case.npy"
    for path in (old, new):
        path.touch()
    os.utime(old, (1, 1))
    prepare_folder([data], tmp_path, TWO)
    assert [path.name for path in tmp_path.glob(".tmp-*")] == [new.name]  # somebody may be writing it


def test_grades_time_points_and_releases_of_public_layouts_are_kept_in_mind(tmp_path: Path) -> None:
    data = [brats_2018(tmp_path), brats_2019(tmp_path), brats_2024(tmp_path)]
    result = prepare_folder(data, tmp_path / "prepared", TWO)
    cases = {case.name: case for case in result.prepared.cases}
    assert (cases["Brats18_TCIA01_131_1"].grade, cases["BraTS19_TCIA09_141_1"].grade) == ("HGG", "LGG")
    time_points = [name for name, case in cases.items() if sum(case.patient == c.patient for c in cases.values()) > 1]
    assert any(name.startswith("BraTS-GLI") for name in time_points)
    assert result.notes[0] == (
        "3 patients have several cases, as names, folders or tables say, which stay together (BraTS-GLI-00005: "
        "BraTS-GLI-00005-100, BraTS-GLI-00005-101; TCIA01_131_1: BraTS19_TCIA01_131_1, Brats18_TCIA01_131_1; "
        "TCIA09_141_1: BraTS19_TCIA09_141_1, Brats18_TCIA09_141_1)."
    )
    for split in result.splits:
        sides = {name: name in split.validation for name in cases}
        assert sides["Brats18_TCIA01_131_1"] == sides["BraTS19_TCIA01_131_1"]
        for name, case in cases.items():
            assert all(sides[name] == sides[other] for other in cases if cases[other].patient == case.patient)
