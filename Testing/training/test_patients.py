"""Cases of one patient are found by the patient's name and by their scans, and through others."""

from pathlib import Path

from tumorseg_training.cache import CachedCase
from tumorseg_training.patients import Patient, find_patients
from tumorseg_training.prepared import PreparedCase


def _case(name: str, patient: str = "", grade: str | None = None, group: str = "data") -> PreparedCase:
    cached = CachedCase(name, Path(f"{name}.npy"), Path(f"{name}.seg.npy"))
    return PreparedCase(cached, patient or name, grade, group, ("t1",), False, "/data")


def test_time_points_of_a_patient_stay_together() -> None:
    cases = [_case("P1-100", "P1"), _case("P2-100", "P2"), _case("P1-101", "P1", "LGG")]
    patients, notes = find_patients(cases)
    assert patients == [
        Patient(("P1-100", "P1-101"), ("data", "LGG"), False),
        Patient(("P2-100",), ("data", ""), False),
    ]
    assert notes == []


def test_the_same_scan_makes_one_patient_also_through_others() -> None:
    cases = [_case("a", group="new"), _case("b", "P", group="old"), _case("c", "P", group="old"), _case("d")]
    patients, notes = find_patients(cases, [("a", "b"), ("a", "c")])
    assert [patient.cases for patient in patients] == [("a", "b", "c"), ("d",)]
    assert notes == ["b shows the same scan as a, so they count as one patient; leave one of them out."]


def test_a_patient_of_two_data_folders_belongs_to_that_of_the_first_case() -> None:
    for first, second in (("a", "b"), ("b", "a")):
        (patient,), _ = find_patients([_case("2", "P", group=second), _case("1", "P", group=first)])
        assert patient == Patient(("1", "2"), (first, ""), False)


def test_a_name_of_a_patient_is_no_name_of_a_case() -> None:
    patients, _ = find_patients([_case("x", "y"), _case("y", "z")])
    assert [patient.cases for patient in patients] == [("x",), ("y",)]


def test_other_cases_of_a_patient_that_only_trains_do_so_too() -> None:
    patients, _ = find_patients([_case("a", "P"), _case("b", "P"), _case("c")], trains_only=["b"])
    assert [patient.trains_only for patient in patients] == [True, False]
