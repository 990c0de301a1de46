"""Whether the volumes show one brain, and all of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from tumorseg.case_files import find_case, read_case
from tumorseg.guard import Finding, check_case
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import BoolArray, FloatArray, Geometry, Volume

GRID = Geometry((80, 100, 90), spacing=(2.0, 2.0, 2.0))
Case = dict[str, Volume]


def egg(height: float = 64, length: float = 84, width: float = 68, centre: int = 50) -> BoolArray:
    """A brain of about 1.5 L; half axes in mm, ``centre`` in voxels along y."""
    z, y, x = (np.arange(size) for size in GRID.shape)
    distance = ((z - 40) * 2 / height) ** 2
    distance = distance[:, None] + ((y - centre) * 2 / length) ** 2
    return np.asarray(distance[:, :, None] + ((x - 45) * 2 / width) ** 2 < 1)


def noise(seed: int) -> FloatArray:
    return np.random.default_rng(seed).normal(500, 100, GRID.shape).astype(np.float32)


def case_of(*masks: BoolArray) -> Case:
    """A sequence per mask, in the order T1, T1ce, T2, FLAIR."""
    named = enumerate(zip(SEQUENCES, masks, strict=False))
    return {name: Volume(np.where(mask, noise(seed), 0), GRID, f"{name}.nii") for seed, (name, mask) in named}


def only_slices(mask: BoolArray, kept: slice) -> BoolArray:
    part = np.zeros_like(mask)
    part[kept] = mask[kept]
    return part


def findings(case: Case) -> list[Finding]:
    return check_case(case, tuple(case))


def test_a_volume_of_a_part_of_the_brain() -> None:
    brain = egg()
    finding, *others = findings(case_of(brain, brain, brain, only_slices(brain, slice(0, 35))))
    assert (finding.code, finding.severity, finding.volumes, others) == ("partial-brain", "warning", ("flair",), [])
    assert finding.sentence == (
        "FLAIR (flair.nii) covers only 37% of the brain that T1, T1ce and T2 show. "
        "Choose a volume of the whole brain; where this one is 0, tumor can be missed, and called where there is none."
    )


def test_each_part_of_a_brain_is_told_and_two_volumes_are_enough() -> None:
    brain = egg()
    slab = only_slices(brain, slice(30, 50))
    messages = [finding.message for finding in findings(case_of(slab, brain, slab))]
    assert messages == [
        "T1 (t1.nii) covers only 45% of the brain that T1ce and T2 show.",
        "T2 (t2.nii) covers only 45% of the brain that T1 and T1ce show.",
    ]
    assert [f.message for f in findings(case_of(slab, brain))] == [
        "T1 (t1.nii) covers only 45% of the brain that T1ce shows."
    ]


def test_another_brain() -> None:
    own, other = egg(), egg(height=60, length=90, width=64)
    finding, *others = findings(case_of(own, other, own, own))
    assert (finding.code, finding.severity, others) == ("different-brain", "warning", [])
    assert finding.volumes == ("t1ce", "t1", "t2", "flair")
    assert finding.sentence == (
        "T1ce (t1ce.nii) does not show the same brain as T1 (t1.nii), T2 (t2.nii) and FLAIR (flair.nii): "
        "each shows a part of it where the other is 0. "
        "Check that all are of one patient, and register them if they are."
    )


def test_a_brain_in_another_position() -> None:
    finding, *others = findings(case_of(egg(), egg(), egg(centre=55)))
    assert (finding.code, finding.volumes, others) == ("different-brain", ("t1ce", "t2"), [])


@pytest.mark.parametrize("voxels", [6, 10, 12])
def test_a_displaced_brain_is_no_reason_to_blame_the_others(voxels: int) -> None:
    brain = egg()
    (finding,) = findings(case_of(brain, brain, brain, egg(centre=50 + voxels)))
    assert (finding.code, finding.volumes) == ("different-brain", ("t1ce", "flair"))
    (finding,) = findings(case_of(brain, egg(centre=50 + voxels), brain, brain))
    assert (finding.code, finding.volumes) == ("different-brain", ("t1ce", "t1", "t2", "flair"))


def test_a_part_is_told_beside_a_displaced_brain() -> None:
    brain = egg()
    told = findings(case_of(only_slices(brain, slice(0, 35)), brain, brain, egg(centre=60)))
    assert [(finding.code, finding.volumes) for finding in told] == [
        ("partial-brain", ("t1",)),
        ("different-brain", ("t1ce", "flair")),
    ]
    assert "covers only 37% of the brain that T1ce and T2 show" in told[0].message


def test_a_flair_upside_down(data_folder: Path) -> None:
    case = real_case(data_folder, 1483)
    flair = replace(case["flair"], array=np.flip(case["flair"].array, 0))
    assert [(f.code, f.volumes) for f in findings({**case, "flair": flair})] == [("different-brain", ("t1ce", "flair"))]


def wandering(mask: BoolArray, seed: int) -> BoolArray:
    """The mask with its surface moved in or out by up to about 3 mm, as brain extraction per sequence leaves it."""
    depth = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
    waves: npt.NDArray[np.float64] = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=mask.shape), 4)
    return np.asarray(depth + waves * (0.75 / waves.std()) > 0)


def test_surfaces_that_differ_are_one_brain() -> None:
    brain = egg()
    smaller, larger = ndimage.binary_erosion(brain), ndimage.binary_dilation(brain)
    assert findings(case_of(brain, smaller, larger, brain)) == []
    assert findings(case_of(*(wandering(brain, seed) for seed in range(4)))) == []


def test_fluid_that_is_zero_and_a_missing_top_are_allowed() -> None:
    brain = egg()
    hollow = brain & ~egg(height=20, length=40, width=20)
    assert findings(case_of(brain, brain, only_slices(brain, slice(0, 62)), hollow)) == []


def test_heads_and_pieces_of_brains_are_not_compared() -> None:
    """What is not 0 is no brain there: air is noise in one sequence and 0 in another."""
    part = only_slices(egg(), slice(0, 35))
    head = {s: replace(v, geometry=replace(GRID, spacing=(3.0, 3.0, 3.0))) for s, v in case_of(egg(), part).items()}
    assert [finding.code for finding in findings(head)] == ["skull"]
    small = {s: replace(v, geometry=replace(GRID, spacing=(1.6, 1.6, 1.6))) for s, v in head.items()}
    assert [finding.code for finding in findings(small)] == ["small-brain"]


def real_case(data_folder: Path, number: int) -> Case:
    return read_case(find_case(data_folder / "brats2021" / f"BraTS2021_{number:05}"))


def test_the_volume_of_another_real_patient(data_folder: Path) -> None:
    case, other = real_case(data_folder, 1479), real_case(data_folder, 1477)
    names, finding = findings({**case, "t1ce": other["t1ce"]})
    assert (names.code, names.volumes) == ("different-names", ("t1", "t2", "flair", "t1ce"))
    assert (finding.code, finding.volumes) == ("different-brain", ("t1ce", "t1", "t2", "flair"))


def test_half_of_a_real_flair(data_folder: Path) -> None:
    case = real_case(data_folder, 1478)
    half = np.where(np.arange(155)[:, None, None] < 70, case["flair"].array, 0)
    (finding,) = findings({**case, "flair": replace(case["flair"], array=half)})
    assert finding.message == (
        "FLAIR (BraTS2021_01478_flair.nii.gz) covers only 37% of the brain that T1, T1ce and T2 show."
    )
