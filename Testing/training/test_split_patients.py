"""The draw of a split: whole patients, every stratum in every part, and words where that cannot be."""

import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tumorseg.errors import BadInputError
from tumorseg_training.patients import Patient
from tumorseg_training.split_patients import draw_split


def _patients(counts: dict[tuple[str, str], int], cases: int = 1, trains_only: bool = False) -> list[Patient]:
    return [
        Patient(tuple(f"{group}-{grade}-{number}-{i}" for i in range(cases)), (group, grade), trains_only)
        for (group, grade), count in counts.items()
        for number in range(count)
    ]


SIZES = {"p": 1, "q": 1, "r": 1, "s": 3}
"""Cases of four patients."""

BRATS_2020 = {("BraTS", "HGG"): 293, ("BraTS", "LGG"): 76}


def test_every_part_has_its_share_of_every_grade() -> None:
    drawn = draw_split(_patients(BRATS_2020), 5, 0.1, seed=0)
    assert Counter(name.split("-")[1] for name in drawn.test) == {"HGG": 29, "LGG": 8}
    for fold in drawn.validations:
        grades = Counter(name.split("-")[1] for name in fold)
        assert grades["HGG"] in (52, 53)
        assert grades["LGG"] in (13, 14)
        assert 66 <= len(fold) <= 67
    assert drawn.notes == ()


def test_the_draw_depends_on_the_seed_and_not_on_the_order() -> None:
    patients = _patients(BRATS_2020)
    first = draw_split(patients, 5, 0.1, seed=0)
    assert draw_split(patients[::-1], 5, 0.1, seed=0) == first
    assert draw_split(patients, 5, 0.1, seed=1) != first


def test_it_does_not_matter_what_data_folders_are_called() -> None:
    def drawn(first: str, second: str) -> tuple[tuple[str, ...], ...]:
        patients = [Patient((f"a{number}",), (first, ""), False) for number in range(7)]
        patients += [Patient((f"b{number}",), (second, ""), False) for number in range(8)]
        split = draw_split(patients, 5, 0.1, seed=0)
        return (split.test, *split.validations)

    assert drawn("brats", "upenn") == drawn("xbrats", "upenn") == drawn("2", "1")


def test_a_data_folder_is_split_as_ever() -> None:
    """Networks that were trained must not meet their cases in a test."""
    drawn = draw_split(_patients(BRATS_2020), 5, 0.1, seed=0)
    assert hashlib.sha256(repr((drawn.test, drawn.validations)).encode()).hexdigest()[:16] == "5d76493c9470ae67"


@given(
    sizes=st.lists(st.tuples(st.integers(1, 5), st.sampled_from("abc")), min_size=4, max_size=40),
    folds=st.integers(2, 4),
    share=st.floats(0, 0.6),
    seed=st.integers(0, 99),
)
def test_parts_are_disjoint_whole_and_never_empty(
    sizes: list[tuple[int, str]], folds: int, share: float, seed: int
) -> None:
    patients = [
        Patient(tuple(f"{number}-{i}" for i in range(count)), (group, ""), False)
        for number, (count, group) in enumerate(sizes)
    ]
    drawn = draw_split(patients, folds, share, seed)
    parts = [drawn.test, *drawn.validations]
    assert sorted(name for part in parts for name in part) == sorted(name for p in patients for name in p.cases)
    assert all(drawn.validations)
    for patient in patients:
        assert sum(not set(part).isdisjoint(patient.cases) for part in parts) == 1


@pytest.mark.parametrize("seed", range(8))
def test_patients_with_many_cases_are_dealt_first(seed: int) -> None:
    """Wherever the seed puts the one with three cases, both folds get three."""
    patients = [Patient(tuple(f"{name}{i}" for i in range(count)), ("a", ""), False) for name, count in SIZES.items()]
    assert [len(fold) for fold in draw_split(patients, 2, 0, seed).validations] == [3, 3]


def test_what_only_trains_is_neither_validated_nor_tested() -> None:
    real, synthetic = {("real", ""): 7}, {("synthetic", ""): 36}
    drawn = draw_split(_patients(real) + _patients(synthetic, trains_only=True), 3, 0.1, 0)
    assert [len(drawn.test), *map(len, drawn.validations)] == [1, 2, 2, 2]
    assert all(name.startswith("real") for part in (drawn.test, *drawn.validations) for name in part)
    assert drawn.notes == ("A test of 1 patient says little; give also the validation scores of all folds.",)


def test_a_wanted_test_is_at_least_one_patient_unless_the_folds_need_all() -> None:
    assert len(draw_split(_patients({("a", ""): 3}), 2, 0.01, 0).test) == 1
    drawn = draw_split(_patients({("a", ""): 3}), 3, 0.3, 0)
    assert drawn.test == ()
    assert drawn.notes == ("There are too few patients to keep any for a test; every score will be of validation.",)
    assert draw_split(_patients({("a", ""): 3}), 3, 0, 0).notes == ()


def test_a_group_smaller_than_the_folds_is_told() -> None:
    drawn = draw_split(_patients({("big", ""): 9, ("small", ""): 1}), 3, 0, 0)
    (note,) = drawn.notes
    assert note.startswith("small has fewer patients than there are folds, so folds ")


@pytest.mark.parametrize(
    ("folds", "share", "count", "message"),
    [
        (1, 0.1, 9, "--folds must be at least 2, got 1; for a single split use fold 0"),
        (3, 1.0, 9, "--test must be a share from 0 to below 1, got 1"),
        (3, -0.1, 9, "--test must be a share"),
        (5, 0.1, 3, "3 patients cannot be divided into 5 folds; give --folds 3"),
        (2, 0.1, 1, "1 patient cannot be divided into 2 folds; give more data"),
    ],
)
def test_what_cannot_be_drawn_is_refused(folds: int, share: float, count: int, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        draw_split(_patients({("a", ""): count}), folds, share, 0)
