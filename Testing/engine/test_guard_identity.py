"""Whether volumes belong together: origin, overlap, names, and images in each other's places."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from tumorseg.case_files import find_case, read_case
from tumorseg.contrast_order import likely_order
from tumorseg.guard import Finding, check_case
from tumorseg.images import read_volume
from tumorseg.phantom import make_patient
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Geometry, Volume

BRATS = tuple(f"brats2021/BraTS2021_{number:05}" for number in (1477, 1478, 1479, 1480, 1482, 1483, 1485))
REAL = (*BRATS, "algorithmic-labels/BraTS-GLI-00001-000", "algorithmic-labels/TCGA-DU-7294")
GRID = Geometry((40, 50, 60), spacing=(3.0, 3.0, 3.0))


@pytest.fixture(scope="module")
def patient() -> dict[str, Volume]:
    return _patient(3)


def _patient(seed: int) -> dict[str, Volume]:
    made = make_patient(seed, shape=(39, 60, 60), spacing=4.0)
    grid = Geometry((39, 60, 60), spacing=made.spacing)
    return {sequence: Volume(array, grid, f"{sequence}.nii") for sequence, array in made.images.items()}


def _exchanged(case: dict[str, Volume], first: str, second: str) -> dict[str, Volume]:
    return {**case, first: case[second], second: case[first]}


def _with(case: dict[str, Volume], key: str, **values: str) -> dict[str, Volume]:
    return {s: replace(v, provenance={key: values[s]}) if s in values else v for s, v in case.items()}


def _only(case: dict[str, Volume]) -> Finding:
    findings = check_case(case, tuple(case))
    assert len(findings) == 1, [finding.sentence for finding in findings]
    return findings[0]


def test_different_patients_block(patient: dict[str, Volume]) -> None:
    finding = _only(_with(patient, "patient_id", t1="A1", t1ce="A1", t2="B2"))
    assert (finding.code, finding.severity, finding.volumes) == (
        "different-patient",
        "blocking",
        ("t1", "t1ce", "t2"),
    )
    assert finding.message == (
        "The volumes belong to different patients: T1 (t1.nii) to A1, T1ce (t1ce.nii) to A1 and T2 (t2.nii) to B2."
    )


@pytest.mark.parametrize(
    ("key", "code"), [("study_uid", "different-study"), ("frame_of_reference", "different-frame-of-reference")]
)
def test_other_examinations_and_positions_are_warnings(patient: dict[str, Volume], key: str, code: str) -> None:
    finding = _only(_with(patient, key, t1="1.2.3", flair="1.2.4"))
    assert (finding.code, finding.severity, finding.volumes) == (code, "warning", ("t1", "flair"))


@pytest.mark.parametrize("key", ["patient_id", "study_uid", "frame_of_reference"])
def test_equal_or_unknown_origins_are_fine(patient: dict[str, Volume], key: str) -> None:
    assert check_case(_with(patient, key, **dict.fromkeys(SEQUENCES, "1.2.3")), SEQUENCES) == []
    assert check_case(_with(patient, key, t1="1.2.3", t2=""), SEQUENCES) == []


def test_heads_with_skull_are_not_judged_by_their_looks(patient: dict[str, Volume]) -> None:
    """Their bright fat is not what the rules were made for."""
    swapped = _exchanged(patient, "t1", "t2")
    named = {sequence: replace(volume, name="x") for sequence, volume in swapped.items()}
    assert _codes(named) == ["swapped"]
    large = {s: replace(v, geometry=replace(v.geometry, spacing=(6.0, 6.0, 6.0))) for s, v in named.items()}
    assert _codes(large) == ["skull"]


def _block(first: int, last: int, name: str) -> Volume:
    """Noise in some of the slices of a grid."""
    array = np.zeros(GRID.shape, np.float32)
    array[first:last, 10:40, 10:50] = np.random.default_rng(first).normal(500, 50, (last - first, 30, 40))
    return Volume(array, GRID, name)


@pytest.mark.parametrize(
    ("slices", "severity", "words"),
    [
        ((20, 36), "blocking", "T1ce (a.nii) does not overlap with T1 (b.nii)."),
        ((16, 32), "warning", "T1ce (a.nii) hardly overlaps with T1 (b.nii) (25%)."),
    ],
)
def test_little_overlap_on_one_grid(slices: tuple[int, int], severity: str, words: str) -> None:
    finding = _only({"t1": _block(*slices, "b.nii"), "t1ce": _block(4, 20, "a.nii")})
    assert (finding.code, finding.severity, finding.volumes) == ("little-overlap", severity, ("t1",))
    assert finding.message == words
    more = {"t1": _block(8, 28, "b.nii"), "t1ce": _block(4, 20, "a.nii")}
    assert [f.code for f in check_case(more, ("t1", "t1ce"))] == ["small-brain"]


def test_overlap_is_judged_in_the_patient_not_in_the_array(patient: dict[str, Volume]) -> None:
    grid = patient["t1"].geometry
    turned = replace(
        patient["t1"],
        array=np.ascontiguousarray(patient["t1"].array[:, ::-1]),
        geometry=replace(grid, origin=(0.0, 59 * 4.0, 0.0), direction=(1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0)),
    )
    away = replace(patient["t1"], geometry=replace(grid, origin=(0.0, 300.0, 0.0)))
    assert _codes({**patient, "t1": turned}) == ["different-grid"]
    assert _codes({**patient, "t1": away}) == ["different-grid", "little-overlap"]


def _codes(case: dict[str, Volume]) -> list[str]:
    return [finding.code for finding in check_case(case, tuple(case))]


@pytest.mark.parametrize(
    ("sequence", "name", "words"),
    [
        ("t2", "Ax T2 FLAIR", "T2 (Ax T2 FLAIR) is called like a FLAIR."),
        ("flair", "Ax T1", "FLAIR (Ax T1) is called like a T1."),
        ("t1", "case_t1ce.nii.gz", "T1 (case_t1ce.nii.gz) is called like a T1ce."),
        ("t1ce", "Ax T1 pre", "T1ce (Ax T1 pre) is called like a T1."),
        ("t2", "ADC map", "T2 (ADC map) is called like a diffusion image."),
    ],
)
def test_names_that_contradict(patient: dict[str, Volume], sequence: str, name: str, words: str) -> None:
    finding = _only({**patient, sequence: replace(patient[sequence], name=name)})
    assert (finding.code, finding.severity, finding.volumes) == ("name-contradicts", "warning", (sequence,))
    assert finding.message == words


@pytest.mark.parametrize("name", ["Ax T1", "Series 5", "t1_mprage", "Ax T1 +C", "Volume_3"])
def test_names_that_do_not_contradict(patient: dict[str, Volume], name: str) -> None:
    assert check_case({**patient, "t1ce": replace(patient["t1ce"], name=name)}, SEQUENCES) == []


def test_registered_volumes_are_not_called_like_their_target(patient: dict[str, Volume]) -> None:
    names = {"t1": "T1_to_T1ce", "t1ce": "T1ce", "t2": "T2_to_T1ce", "flair": "FLAIR in T1ce space"}
    assert check_case({s: replace(volume, name=names[s]) for s, volume in patient.items()}, SEQUENCES) == []


@pytest.mark.parametrize("start", ["CHO", "MT_SINAI", "P01_post", "P01_pre"])
def test_what_all_names_begin_with_contradicts_nothing(patient: dict[str, Volume], start: str) -> None:
    named = {s: replace(volume, name=f"{start}_{s}") for s, volume in patient.items()}
    assert check_case(named, SEQUENCES) == []
    finding = _only({**named, "t2": replace(named["t2"], name=f"{start}_T2_FLAIR")})
    assert finding.message == f"T2 ({start}_T2_FLAIR) is called like a FLAIR."


def test_swapped_images_are_one_finding_even_when_their_names_say_so_too(patient: dict[str, Volume]) -> None:
    finding = _only(_exchanged(patient, "t2", "flair"))
    assert (finding.code, finding.severity, finding.volumes) == ("swapped", "warning", ("t2", "flair"))
    assert finding.sentence == (
        "T2 and FLAIR are probably swapped: flair.nii looks like a FLAIR and t2.nii looks like a T2. "
        "Look at them in the slice views, and exchange them if that is so."
    )


def test_images_in_a_circle(patient: dict[str, Volume]) -> None:
    circle = {**patient, "t1": patient["t2"], "t2": patient["flair"], "flair": patient["t1"]}
    finding = _only({s: replace(v, name=f"{s}.nii") for s, v in circle.items()})
    assert finding.message == (
        "T1, T2 and FLAIR are probably in the wrong places: "
        "t1.nii looks like a T2, t2.nii looks like a FLAIR and flair.nii looks like a T1."
    )


@pytest.mark.parametrize("seed", range(4))
def test_synthetic_patients(seed: int) -> None:
    case = _patient(seed)
    assert check_case(case, SEQUENCES) == []
    for first, second in (("t1", "t2"), ("t2", "flair"), ("t1", "flair"), ("t1ce", "t2"), ("t1ce", "flair")):
        assert likely_order(_exchanged(case, first, second)) == {first: second, second: first}


@pytest.mark.parametrize("folder", REAL)
def test_real_cases(data_folder: Path, folder: str) -> None:
    """Every exchange is found but that of T1 and T1ce of a tumor that hardly enhances (TCGA-DU-7294)."""
    case = read_case(find_case(data_folder / folder))
    for number in (2, 3, 4):
        for part in combinations(SEQUENCES, number):
            assert likely_order({sequence: case[sequence] for sequence in part}) == {}
    for first, second in combinations(SEQUENCES, 2):
        found = likely_order(_exchanged(case, first, second))
        faint = "TCGA" in folder and (first, second) == ("t1", "t1ce")
        assert found == ({} if faint else {first: second, second: first})


@pytest.mark.parametrize("number", range(7))
def test_real_pairs_of_t1_and_flair(data_folder: Path, number: int) -> None:
    folder = data_folder / "brats2018-partial" / f"case_{number}"
    case = {s: read_volume(folder / f"case_{number}_{s}.nii.gz") for s in ("t1", "flair")}
    assert check_case(case, ("t1", "flair")) == []


def test_too_little_brain_is_not_judged(patient: dict[str, Volume]) -> None:
    swapped = _exchanged(patient, "t2", "flair")
    assert likely_order(swapped) != {}
    assert likely_order({s: _kept(v, slice(20, 23)) for s, v in swapped.items()}) == {}


def _kept(volume: Volume, slices: slice) -> Volume:
    array = np.zeros_like(volume.array)
    array[slices] = volume.array[slices]
    return replace(volume, array=array)


def _head(volume: Volume) -> Volume:
    air = np.random.default_rng(0).uniform(1, 9, volume.array.shape).astype(np.float32)
    return replace(volume, array=np.where(volume.array == 0, air, volume.array), name="x.nii")


def _brain_of(volume: Volume) -> Volume:
    return replace(volume, array=(volume.array != 0).astype(np.float32), name="mask.nii")


def test_heads_with_skull_are_not_judged_by_their_images(patient: dict[str, Volume]) -> None:
    assert _codes({s: _head(v) for s, v in _exchanged(patient, "t2", "flair").items()}) == ["skull"]


def test_within_a_brain_mask_heads_are_judged_as_brains(patient: dict[str, Volume]) -> None:
    mask = _brain_of(patient["t1"])
    head = {sequence: _head(volume) for sequence, volume in patient.items()}
    assert check_case(head, SEQUENCES, mask) == []
    (finding,) = check_case(_exchanged(head, "t2", "flair"), SEQUENCES, mask)
    assert (finding.code, finding.volumes) == ("swapped", ("t2", "flair"))
    slab = {**head, "t2": _kept(head["t2"], slice(10, 20))}
    assert [f.code for f in check_case(slab, SEQUENCES, mask)] == ["partial-brain"]
    upper = replace(mask, array=_kept(mask, slice(20, None)).array)
    (finding,) = check_case(slab, SEQUENCES, upper)
    assert (finding.code, finding.severity, finding.volumes) == ("little-overlap", "blocking", ("t2",))


def test_a_mask_as_large_as_a_head_is_no_brain_to_judge(patient: dict[str, Volume]) -> None:
    head = {s: _head(v) for s, v in _exchanged(patient, "t2", "flair").items()}
    mask, inner = _brain_of(head["t1"]), (slice(1, -1),) * 3
    mask = replace(mask, array=np.pad(mask.array[inner], 1))
    (finding,) = check_case(head, SEQUENCES, mask)
    size = np.count_nonzero(mask.array) * mask.geometry.voxel_volume_ml / 1000
    assert (finding.code, finding.severity) == ("large-mask", "warning")
    assert finding.sentence == (
        f"The brain mask mask.nii has {size:.1f} L, and a brain has less than 2.5 L. "
        "Check that it is a mask of the brain, not a volume or a mask of the head."
    )
