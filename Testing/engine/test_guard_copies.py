"""One image given as two sequences, with its values rescaled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tumorseg.case_files import find_case, read_case
from tumorseg.guard import check_case
from tumorseg.guard_copies import rescaled_images
from tumorseg.phantom import make_patient
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import FloatArray, Geometry, Volume

Case = dict[str, Volume]
CURVES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "twice": lambda values: 2 * values,
    "z-score": lambda values: (values - values.mean()) / values.std(),
    "root": np.cbrt,
    "8 bits": lambda values: np.ceil(values * (255 / values.max())),
}


@pytest.fixture(scope="module")
def patient() -> Case:
    made = make_patient(3, shape=(39, 60, 60), spacing=4.0)
    grid = Geometry((39, 60, 60), spacing=made.spacing)
    return {sequence: Volume(array, grid, f"{sequence}.nii") for sequence, array in made.images.items()}


def with_copy(case: Case, of: str, given_as: str, curve: Callable[[FloatArray], FloatArray]) -> Case:
    array = case[of].array.copy()
    array[array != 0] = curve(array[array != 0])
    return {**case, given_as: replace(case[given_as], array=array)}


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize(("of", "given_as"), [("t1", "t1ce"), ("t2", "flair"), ("flair", "t1")])
def test_a_rescaled_copy(patient: Case, of: str, given_as: str, curve: str) -> None:
    (finding,) = check_case(with_copy(patient, of, given_as, CURVES[curve]), SEQUENCES)
    assert (finding.code, finding.severity) == ("rescaled-copy", "warning")
    assert set(finding.volumes) == {of, given_as}


def test_copies_are_one_finding_in_words(patient: Case) -> None:
    twice = with_copy(with_copy(patient, "t1", "t1ce", CURVES["twice"]), "t1", "flair", CURVES["root"])
    (finding,) = check_case(twice, SEQUENCES)
    assert finding.sentence == (
        "T1 (t1.nii), T1ce (t1ce.nii) and FLAIR (flair.nii) show the same image in different brightness. "
        "Choose a different volume for each."
    )


def test_images_that_are_only_alike_are_no_copies() -> None:
    """Noise that makes a rank correlation of 0.98: more than two sequences of a patient have, less than a copy."""
    random = np.random.default_rng(0)
    first = random.normal(50, 1, (60, 60, 60)).astype(np.float32)
    second = first + random.normal(0, 0.2, first.shape).astype(np.float32)
    grid = Geometry(first.shape)
    alike = {"t1": Volume(first, grid, "t1.nii"), "t2": Volume(second, grid, "t2.nii")}
    assert list(rescaled_images(alike)) == []


def test_too_few_points_do_not_tell(patient: Case) -> None:
    copied = with_copy(patient, "t1", "t1ce", CURVES["twice"])
    few = {s: replace(v, array=np.where(np.arange(39)[:, None, None] == 35, v.array, 0)) for s, v in copied.items()}
    assert list(rescaled_images(few)) == []


@pytest.mark.parametrize("curve", CURVES)
def test_a_rescaled_copy_of_a_real_image(data_folder: Path, curve: str) -> None:
    case = read_case(find_case(data_folder / "algorithmic-labels" / "TCGA-DU-7294"))
    (finding,) = check_case(with_copy(case, "t1", "t1ce", CURVES[curve]), SEQUENCES)
    assert (finding.code, finding.volumes) == ("rescaled-copy", ("t1", "t1ce"))
