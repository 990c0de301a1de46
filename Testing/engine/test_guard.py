"""The guard: one sentence for each thing that can be wrong with the inputs, and silence for good ones."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tumorseg.case_files import find_case, read_case
from tumorseg.guard import Finding, blocking, check_case
from tumorseg.images import read_volume
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Geometry, Volume

GRID = Geometry((40, 50, 60), spacing=(3.0, 3.0, 3.0))


def brain(seed: int) -> np.ndarray:
    """A noisy egg of 0.84 L in the middle of an empty field of view."""
    z, y, x = np.mgrid[-20:20, -25:25, -30:30]
    noise = np.random.default_rng(seed).normal(500, 100, GRID.shape)
    return np.where((x / 24) ** 2 + (y / 20) ** 2 + (z / 15.5) ** 2 < 1, noise, 0).astype(np.float32)


@pytest.fixture
def case() -> dict[str, Volume]:
    return {name: Volume(brain(seed), GRID, f"{name}.nii") for seed, name in enumerate(SEQUENCES)}


def renamed_copy(volume: Volume, name: str) -> Volume:
    return replace(volume, array=volume.array.copy(), name=name)


def unstripped(volume: Volume) -> Volume:
    """The volume with a noisy head around the brain."""
    noise = np.random.default_rng(8).uniform(3, 9, GRID.shape).astype(np.float32)
    return replace(volume, array=np.where(volume.array == 0, noise, volume.array))


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, [finding.sentence for finding in findings]
    return findings[0]


def test_a_good_case_has_no_findings(case: dict[str, Volume]) -> None:
    assert check_case(case, SEQUENCES) == []


def test_volumes_that_the_model_does_not_need_do_not_matter(case: dict[str, Volume]) -> None:
    case["t2"] = Volume(np.zeros((1, 1, 1), np.float32), Geometry((1, 1, 1)), "rubbish")
    assert check_case(case, ("t1", "t1ce", "flair")) == []


def test_missing(case: dict[str, Volume]) -> None:
    del case["t1ce"], case["flair"]
    finding = only(check_case(case, SEQUENCES))
    assert (finding.code, finding.severity, finding.volumes) == ("missing", "blocking", ("t1ce", "flair"))
    assert finding.sentence == (
        "T1ce and FLAIR are missing. Give all volumes that this model needs: T1, T1ce, T2 and FLAIR."
    )
    finding = only(check_case({}, ("flair",)))
    assert finding.sentence == "FLAIR is missing. Give all volumes that this model needs: FLAIR."


@pytest.mark.parametrize(("values", "count"), [([np.nan], "1 voxel"), ([np.inf, -np.inf, np.nan], "3 voxels")])
def test_not_finite(case: dict[str, Volume], values: list[float], count: str) -> None:
    case["t2"].array[0, 0, : len(values)] = values
    finding = only(check_case(case, SEQUENCES))
    assert (finding.code, finding.severity, finding.volumes) == ("not-finite", "blocking", ("t2",))
    assert finding.sentence == (
        f"T2 (t2.nii) has {count} without a valid number (NaN or infinite). Export it again, or set these voxels to 0."
    )


def test_constant(case: dict[str, Volume]) -> None:
    case["t1"].array[:] = 7
    finding = only(check_case(case, SEQUENCES))
    assert (finding.code, finding.severity, finding.volumes) == ("constant", "blocking", ("t1",))
    assert finding.sentence == "T1 (t1.nii) has the same value (7) everywhere. Choose another volume."


def test_without_a_single_voxel() -> None:
    empty = Volume(np.zeros((0, 4, 4), np.float32), Geometry((0, 4, 4)), "t1.nii")
    assert check_case({"t1": empty}, ["t1"])[0].sentence == "T1 (t1.nii) is empty. Choose another volume."


def test_nearly_empty(case: dict[str, Volume]) -> None:
    case["flair"].array[:8] = 0
    case["flair"].array[9:] = 0
    finding = only(check_case(case, SEQUENCES))
    assert (finding.code, finding.severity, finding.volumes) == ("nearly-empty", "blocking", ("flair",))
    assert finding.sentence == (
        "FLAIR (flair.nii) is nearly empty: 0.5% of its voxels are not 0. Choose another volume or crop it to the head."
    )


def test_label_map(case: dict[str, Volume]) -> None:
    case["t1"].array[case["t1"].array != 0] = 1
    case["t1"].array[15:20, 20:25, 25:30] = 4
    finding = only(check_case(case, SEQUENCES))
    assert (finding.code, finding.severity, finding.volumes) == ("label-map", "blocking", ("t1",))
    assert finding.sentence == (
        "T1 (t1.nii) is a segmentation, not an MR image: it holds only the numbers 0, 1, 4. Choose the MR volume."
    )


def test_few_values_with_fractions_are_an_image(case: dict[str, Volume]) -> None:
    case["t1"].array[case["t1"].array != 0] = 0.5
    assert check_case(case, SEQUENCES) == []


def parcellation(volume: Volume, numbers: int) -> Volume:
    """As many different whole numbers as asked for, 0 outside the brain."""
    parts = np.random.default_rng(9).integers(1, numbers, GRID.shape)
    return replace(volume, array=np.where(volume.array != 0, parts, 0).astype(np.float32))


@pytest.mark.parametrize("numbers", [11, 30, 50])
def test_a_segmentation_of_many_parts_or_a_rounded_image(case: dict[str, Volume], numbers: int) -> None:
    case["t2"] = parcellation(case["t2"], numbers)
    finding = only(check_case(case, SEQUENCES))
    assert (finding.code, finding.severity, finding.volumes) == ("few-values", "warning", ("t2",))
    assert finding.sentence == (
        f"T2 (t2.nii) holds only {numbers} different numbers, as segmentations or roughly rounded images do. "
        "Choose the MR volume, or export it again."
    )


def test_an_image_of_six_bits_is_an_image(case: dict[str, Volume]) -> None:
    case["t2"] = parcellation(case["t2"], 64)
    assert check_case(case, SEQUENCES) == []


def test_same_volume_twice(case: dict[str, Volume]) -> None:
    case["t1ce"] = replace(case["t1"], name="copy.nii")
    case["flair"] = renamed_copy(case["t1"], "flair.nii")
    finding = only(check_case(case, SEQUENCES))
    assert (finding.code, finding.severity, finding.volumes) == ("same-volume", "blocking", ("t1", "t1ce", "flair"))
    assert finding.sentence == (
        "T1 (t1.nii), T1ce (copy.nii) and FLAIR (flair.nii) are the same image. Choose a different volume for each."
    )


def test_volumes_that_differ_in_one_voxel_are_not_the_same(case: dict[str, Volume]) -> None:
    case["t2"] = renamed_copy(case["t1"], "t2.nii")
    case["t2"].array[0, 0, 0] = 1
    assert "same-volume" not in {finding.code for finding in check_case(case, SEQUENCES)}


def test_different_grids(case: dict[str, Volume]) -> None:
    case["t1"] = replace(case["t1"], geometry=replace(GRID, origin=(0.0, 0.0, 4.0)))
    case["flair"] = Volume(brain(5)[:30], replace(GRID, shape=(30, 50, 60), spacing=(3.0, 3.0, 4.0)), "f.nii")
    finding = only(check_case(case, SEQUENCES))
    assert (finding.code, finding.severity, finding.volumes) == ("different-grid", "blocking", ("t1", "flair"))
    assert finding.sentence == (
        "Not all volumes lie on the grid of T1ce (t1ce.nii) - T1 (t1.nii): shifted by 4 mm; FLAIR (f.nii): "
        "size 60 x 50 x 30 instead of 60 x 50 x 40 voxels, spacing 3 x 3 x 4 instead of 3 x 3 x 3 mm. "
        "Register and resample them to the T1ce first, e.g. in 3D Slicer with General Registration (BRAINS)."
    )


def test_flair_is_the_reference_without_a_t1ce(case: dict[str, Volume]) -> None:
    case["flair"] = replace(case["flair"], geometry=replace(GRID, origin=(0.0, 0.0, 4.0)))
    finding = only(check_case(case, ("t1", "flair")))
    assert finding.message == "Not all volumes lie on the grid of FLAIR (flair.nii) - T1 (t1.nii): shifted by 4 mm."


@pytest.mark.parametrize(("spacing", "words"), [(0.03, "0.03 x 0.03 x 0.03"), (15.0, "15 x 15 x 15")])
def test_implausible_spacing(case: dict[str, Volume], spacing: float, words: str) -> None:
    volume = replace(case["t1"], geometry=replace(GRID, spacing=(spacing,) * 3))
    finding = check_case({"t1": volume}, ["t1"])[0]
    assert (finding.code, finding.severity, finding.volumes) == ("implausible-spacing", "warning", ("t1",))
    assert finding.sentence == (
        f"T1 (t1.nii) has voxels of {words} mm, which no MR brain scan has. "
        "Check the voxel size; results are measured with it."
    )


@pytest.mark.parametrize(
    ("spacing", "words"),
    [
        ((-3.0, 3.0, 3.0), "-3 x 3 x 3"),
        ((1000.0, 1000.0, 1000.0), "1000 x 1000 x 1000"),
        ((0.001, 0.001, 0.001), "0.001 x 0.001 x 0.001"),
        ((3.0, 3.0, 0.0), "3 x 3 x 0"),
        ((30.0, 30.0, 30.0), "30 x 30 x 30"),  # 3.24 cubic metres
    ],
)
def test_impossible_spacing(case: dict[str, Volume], spacing: tuple[float, float, float], words: str) -> None:
    for sequence, volume in case.items():
        case[sequence] = replace(volume, geometry=replace(GRID, spacing=spacing))
    finding = only(check_case(case, SEQUENCES))
    assert (finding.code, finding.severity, finding.volumes) == ("impossible-spacing", "blocking", tuple(case))
    assert finding.sentence == (
        "T1 (t1.nii), T1ce (t1ce.nii), T2 (t2.nii) and FLAIR (flair.nii) have 60 x 50 x 40 voxels of "
        f"{words} mm, which no scanner makes. "
        "Check the voxel size and its unit in the header, or convert the images again."
    )


def slab(seed: int, slices: int) -> Volume:
    start = 20 - slices // 2
    return Volume(brain(seed)[start : start + slices], replace(GRID, shape=(slices, 50, 60)), f"slab{seed}.nii")


def test_small_field_of_view_is_told_once() -> None:
    finding = only(check_case({"t1": slab(0, 10)}, ["t1"]))
    assert (finding.code, finding.severity, finding.volumes) == ("small-field-of-view", "warning", ("t1",))
    assert finding.sentence == (
        "T1 (slab0.nii) covers only 180 x 150 x 30 mm, less than a brain. "
        "The model was made for whole brains; give the whole volume if there is one; the side of the tumor is not told."
    )
    finding = only(check_case({"t1": slab(0, 10), "t2": slab(1, 10)}, ["t1", "t2"]))
    assert finding.message == "T1 (slab0.nii) and T2 (slab1.nii) cover only 180 x 150 x 30 mm, less than a brain."


@pytest.mark.parametrize(("slices", "severity"), [(1, "blocking"), (3, "blocking"), (4, "warning")])
def test_a_slab_of_less_than_a_centimetre_is_refused(slices: int, severity: str) -> None:
    finding = only(check_case({"t1": slab(0, slices), "t2": slab(1, slices)}, ["t1", "t2"]))
    assert (finding.severity, finding.volumes) == (severity, ("t1", "t2"))
    if severity == "blocking":
        assert finding.sentence == (
            f"T1 (slab0.nii) and T2 (slab1.nii) cover only 180 x 150 x {3 * slices} mm, "
            "too little for a network that looks at whole brains. Give the whole volume."
        )


def test_skull(case: dict[str, Volume]) -> None:
    case["t1"], case["t2"] = unstripped(case["t1"]), unstripped(case["t2"])
    finding = only(check_case(case, SEQUENCES))
    assert (finding.code, finding.severity, finding.volumes) == ("skull", "warning", ("t1", "t2"))
    assert finding.sentence == (
        "The skull has probably not been removed from T1 (t1.nii) and T2 (t2.nii): "
        "3.2 L are not background, and a brain has less than 2.5 L. "
        "Give a brain mask (in 3D Slicer under Advanced, at a shell with --brain-mask), "
        "or remove the skull first, e.g. with the HDBrainExtraction extension of 3D Slicer."
    )


def test_all_findings_come_together_and_blocking_ones_first(case: dict[str, Volume]) -> None:
    case["t1"].array[:] = 7
    case["t2"] = unstripped(case["t2"])
    del case["flair"]
    findings = check_case(case, SEQUENCES)
    assert [finding.code for finding in findings] == ["missing", "constant", "skull"]
    assert [finding.code for finding in blocking(findings)] == ["missing", "constant"]


def test_a_warning_comes_after_what_blocks_whatever_the_order_of_the_volumes(case: dict[str, Volume]) -> None:
    case["t1"] = parcellation(case["t1"], 40)
    case["t2"].array[:] = 7
    findings = check_case(case, SEQUENCES)
    assert [(finding.code, finding.severity, finding.volumes) for finding in findings] == [
        ("constant", "blocking", ("t2",)),
        ("few-values", "warning", ("t1",)),
    ]


CASES = [f"brats2021/BraTS2021_{number:05}" for number in (1477, 1478, 1479, 1480, 1482, 1483, 1485)]


@pytest.mark.parametrize(
    "folder", [*CASES, "algorithmic-labels/BraTS-GLI-00001-000", "algorithmic-labels/TCGA-DU-7294"]
)
def test_real_cases_have_no_findings_and_are_checked_in_half_a_second(data_folder: Path, folder: str) -> None:
    case = read_case(find_case(data_folder / folder))
    start = time.process_time()
    assert check_case(case, SEQUENCES) == []
    assert time.process_time() - start < 0.5


def test_real_case_on_the_grids_of_the_scanner(data_folder: Path) -> None:
    case = read_case(find_case(data_folder / "native" / "TCGA-DU-7294"))
    finding = only(check_case(case, SEQUENCES))
    assert (finding.code, finding.volumes) == ("different-grid", ("t1", "t2", "flair"))
    assert "T1 (t1.nii.gz): size 512 x 512 x 34 instead of 512 x 512 x 68 voxels" in finding.message


@pytest.mark.parametrize(
    "name",
    [
        *(f"native/open_ms_patient12_study1/{sequence}.nii.gz" for sequence in ("t1", "t2", "flair")),
        "atlas/mni152lin_t1_head_182x218x182.nii.gz",
    ],
)
def test_real_heads_are_recognised(data_folder: Path, name: str) -> None:
    volume = read_volume(data_folder / name)
    sequence = "t1" if name.startswith("atlas") else Path(name).name.removesuffix(".nii.gz")
    findings = check_case({sequence: volume}, [sequence])
    assert [finding.code for finding in findings if finding.severity != "note"] == ["skull"]


@pytest.mark.parametrize("name", ["sri24_t1_brain", "mni152_2009a_sym_t1_brain", "mni152_fsl_t1_1mm_brain"])
def test_real_brains_are_recognised(data_folder: Path, name: str) -> None:
    volume = read_volume(data_folder / "atlas" / f"{name}.nii.gz")
    assert check_case({"t1": volume}, ["t1"]) == []


def test_real_tissue_labels_are_recognised(data_folder: Path) -> None:
    volume = read_volume(data_folder / "atlas" / "sri24_tissues.nii.gz")
    finding = only(check_case({"t1": volume}, ["t1"]))
    assert finding.message.endswith("it holds only the numbers 0, 1, 2, 3.")
