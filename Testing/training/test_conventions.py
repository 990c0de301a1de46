"""The meaning of labels is told from values, geometry and T1ce; what contradicts itself is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from support.layouts import operated, renumbered
from support.tiny_patients import TinyPatient, tiny_patient
from tumorseg.volume import FloatArray
from tumorseg_training.cases import find_labelled_cases
from tumorseg_training.conventions import MEANINGS, Convention, identify_convention, shell_difference, to_engine

PATIENT = tiny_patient(1)
DECATHLON = {1: 2, 2: 1}


def _without_enhancing(patient: TinyPatient) -> TinyPatient:
    return TinyPatient(patient.images, np.where(patient.labels == 3, np.uint8(1), patient.labels))


def _never() -> FloatArray:
    raise AssertionError("T1ce is read although the labels tell")


@pytest.mark.parametrize(
    ("meaning", "convention"),
    [({3: 4}, Convention.BRATS_2020), ({}, Convention.BRATS_2023), (DECATHLON, Convention.DECATHLON)],
)
def test_values_and_geometry_tell(meaning: Mapping[int, int], convention: Convention) -> None:
    numbers = renumbered(PATIENT, meaning)
    assert identify_convention(numbers, t1ce=lambda: PATIENT.images["t1ce"]) is convention
    np.testing.assert_array_equal(to_engine(numbers, convention), PATIENT.labels)


def test_t1ce_is_read_only_when_it_must_be() -> None:
    assert identify_convention(PATIENT.labels, t1ce=_never) is Convention.BRATS_2023
    assert identify_convention(renumbered(PATIENT, {3: 4}), Convention.BRATS_2020, _never) is Convention.BRATS_2020


def test_a_dark_4_beside_a_bright_3_is_a_cavity() -> None:
    patient = operated(PATIENT)
    assert set(np.unique(patient.labels)) == {0, 1, 2, 3, 4}
    assert identify_convention(patient.labels, t1ce=lambda: patient.images["t1ce"]) is Convention.BRATS_2024


def test_a_bright_4_beside_a_dark_3_is_of_the_first_years() -> None:
    numbers = renumbered(PATIENT, {1: 3, 3: 4})
    assert identify_convention(numbers, t1ce=lambda: PATIENT.images["t1ce"]) is Convention.BRATS_2016
    labels = to_engine(numbers, Convention.BRATS_2016)
    np.testing.assert_array_equal(labels, PATIENT.labels)


def test_3_and_4_without_t1ce_are_refused() -> None:
    with pytest.raises(ValueError, match="hold both 3 and 4, and T1ce does not tell"):
        identify_convention(operated(PATIENT).labels)


def test_a_dark_4_alone_is_not_taken_for_enhancing_tumor() -> None:
    patient = operated(PATIENT, keep_enhancing=False)
    with pytest.raises(ValueError, match="label 4 is darker than edema on T1ce"):
        identify_convention(patient.labels, t1ce=lambda: patient.images["t1ce"])


def test_a_shell_of_1_without_enhancing_tumor_is_refused() -> None:
    numbers = renumbered(_without_enhancing(PATIENT), DECATHLON)
    with pytest.raises(ValueError, match="label 1 lies outside label 2"):
        identify_convention(numbers)


@pytest.mark.parametrize("declared", [Convention.BRATS_2020, Convention.BRATS_2023, Convention.DECATHLON])
def test_labels_that_contradict_their_layout_are_refused(declared: Convention) -> None:
    meaning = {} if declared is Convention.DECATHLON else DECATHLON
    numbers = renumbered(_without_enhancing(PATIENT), meaning)
    with pytest.raises(ValueError, match=f"in the {declared.value} convention, where . is edema, but . lies inside"):
        identify_convention(numbers, declared)


def test_values_that_no_year_has_are_refused() -> None:
    with pytest.raises(ValueError, match=r"labels \[7\] occur in no year"):
        identify_convention(np.array([[[0, 1, 7]]], np.uint8))
    with pytest.raises(ValueError, match=r"labels \[4\] do not occur in the BraTS 2023 convention"):
        identify_convention(np.array([[[0, 1, 4]]], np.uint8), Convention.BRATS_2023)
    with pytest.raises(ValueError, match=r"labels \[2\] do not occur in the whole tumor convention"):
        identify_convention(np.array([[[0, 1, 2]]], np.uint8), Convention.WHOLE_TUMOR)


def test_few_voxels_are_read_as_brats() -> None:
    assert identify_convention(np.array([[[0, 1, 2]]], np.uint8)) is Convention.BRATS_2023
    assert identify_convention(np.array([[[0, 1, 4]]], np.uint8)) is Convention.BRATS_2020
    assert identify_convention(np.zeros((2, 2, 2), np.uint8)) is Convention.BRATS_2023
    assert identify_convention(np.array([[[0, 5]]], np.uint8)) is Convention.WHOLE_TUMOR


def test_engine_labels_are_all_that_comes_out() -> None:
    for convention, meaning in MEANINGS.items():
        numbers = np.array([[sorted({0, *meaning})]], np.uint8)
        assert set(np.unique(to_engine(numbers, convention))) <= {0, 1, 2, 3, 5}


def test_the_shell_of_a_ball_in_a_ball() -> None:
    """A cube of 5 in a cube of 11: label 2 faces label 0 with 726 faces and label 1 with 150; label 1 only label 2."""
    labels = np.zeros((13, 13, 13), np.uint8)
    labels[1:12, 1:12, 1:12] = 2
    labels[4:9, 4:9, 4:9] = 1
    assert shell_difference(labels) == pytest.approx(726 / 876)


def test_real_labels_are_told_without_their_names(data_folder: Path) -> None:
    for case in find_labelled_cases(data_folder / "brats2021"):
        numbers, _ = case.segmentation.read_labels()
        expected = Convention.BRATS_2020 if 4 in numbers else Convention.BRATS_2023
        t1ce = case.images["t1ce"].read_volume().array
        assert identify_convention(numbers, t1ce=lambda image=t1ce: image) is expected
        assert (shell_difference(numbers) or 0) > 0.15
