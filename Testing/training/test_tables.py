"""Ages, survival, grades and the names of the years, from the CSV files of BraTS."""

from __future__ import annotations

from pathlib import Path

import pytest

from tumorseg_training.listing import list_files
from tumorseg_training.releases import release_of
from tumorseg_training.tables import Tables, grade_of, parse_survival, read_tables


def _read(folder: Path, **texts: str) -> Tables:
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    return read_tables(list_files(folder).entries)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("289", (289, False)),
        ("ALIVE (361 days later)", (361, True)),
        ("  12.0 ", (12, False)),
        ("NA", None),
        ("ALIVE", None),
    ],
)
def test_survival_is_parsed(text: str, expected: tuple[int, bool] | None) -> None:
    assert parse_survival(text) == expected


def test_missing_values_and_other_tables_do_not_matter(tmp_path: Path) -> None:
    tables = _read(
        tmp_path,
        survival="BraTS19ID,Age,Survival,ResectionStatus\nA,61,NA,GTR\nB,,500,NA\nC\n",
        other="slice_path,target\nx,1\n",
        damaged='"Brats20ID,Age\n\0\xff',
    )
    assert (tables.age, tables.survival) == ({"a": 61.0}, {"b": (500, False)})


def test_names_are_linked_across_tables(tmp_path: Path) -> None:
    tables = _read(
        tmp_path,
        mapping_2019="Grade,BraTS_2018_subject_ID,BraTS_2019_subject_ID\nHGG,Brats18_A_1,BraTS19_A_1\n",
        mapping_2020="Grade,BraTS_2019_subject_ID,BraTS_2020_subject_ID\nHGG,BraTS19_A_1,BraTS20_Training_001\n"
        "LGG,NA,BraTS20_Training_002\n",
    )
    assert tables.same["brats20_training_001"] == {"Brats18_A_1", "BraTS19_A_1", "BraTS20_Training_001"}
    assert tables.same["brats18_a_1"] == tables.same["brats19_a_1"] == tables.same["brats20_training_001"]
    assert tables.grade["brats20_training_002"] == "LGG"
    assert "brats20_training_002" not in tables.same


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path: Path) -> None:
    (tmp_path / "survival.csv").write_bytes("\ufeffBrats20ID,Age\nA,50\n".encode())
    assert read_tables(list_files(tmp_path).entries).age == {"a": 50.0}


def test_grades_come_from_folders() -> None:
    assert grade_of(("data", "hgg", "case")) == "HGG"
    assert grade_of(("data", "training")) is None


@pytest.mark.parametrize(
    ("name", "layout", "patient"),
    [
        ("Brats17_CBICA_AAB_1", "BraTS 2017", "CBICA_AAB_1"),
        ("Brats18_CBICA_AAB_1", "BraTS 2018", "CBICA_AAB_1"),
        ("BraTS19_CBICA_AAB_1", "BraTS 2019", "CBICA_AAB_1"),
        ("BraTS20_Training_001", "BraTS 2020", "BraTS20_Training_001"),
        ("BraTS2021_00495", "BraTS 2021", "BraTS2021_00495"),
        ("BraTS-GLI-00020-001", "BraTS 2023 GLI", "BraTS-GLI-00020"),
        ("BraTS-GLI-02062-102", "BraTS 2024 GLI", "BraTS-GLI-02062"),
        ("BraTS-PED-00001-000", "BraTS 2023 PED", "BraTS-PED-00001"),
        ("patient 7", "BraTS-like folders", "patient 7"),
    ],
)
def test_releases_are_known_by_name(name: str, layout: str, patient: str) -> None:
    assert (release_of(name).layout, release_of(name).patient) == (layout, patient)
