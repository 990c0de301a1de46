"""Ages, survival, grades and the names of the years, from the CSV files of BraTS."""

from __future__ import annotations

from pathlib import Path

import pytest

from tumorseg_training.labelled_case import LabelledCase
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


@pytest.mark.parametrize("column", ["Steroid", "SiteID", "valid", "StudyUID", "Rapid", "GridID", "Center_ID"])
def test_columns_that_only_end_like_a_name_merge_no_patients(column: str, tmp_path: Path) -> None:
    names = ("BraTS2021_00001", "BraTS2021_00002", "UPENN-3")
    rows = "".join(f"{name},yes,{50 + number}\n" for number, name in enumerate(names))
    (tmp_path / "clinical.csv").write_text(f"ID,{column},Age\n{rows}")
    tables = read_tables(list_files(tmp_path).entries, names)
    assert tables.same == {}
    assert tables.age == {"brats2021_00001": 50, "brats2021_00002": 51, "upenn-3": 52}


@pytest.mark.parametrize(
    "column",
    ["BraTS_ID", "BraTS Subject ID", "study_id", "exam_id", "MRI_ID", "Image ID", "Image.ID", "File-Name", "My case"],
)
def test_columns_that_end_like_a_name_count_where_they_name_a_case(column: str, tmp_path: Path) -> None:
    rows = "Scan_7,P1,50,HGG\nBraTS2021_00001,P1,50,HGG\nunknown,,90,LGG\n"
    (tmp_path / "clinical.csv").write_text(f"{column},patient_id,Age,Grade\n{rows}")
    tables = read_tables(list_files(tmp_path).entries, ["scan_7"])
    assert tables.same["scan_7"] == tables.same["brats2021_00001"] == {"Scan_7", "BraTS2021_00001", "P1"}
    assert tables.age == {"scan_7": 50, "brats2021_00001": 50, "p1": 50}
    assert tables.grade == {"scan_7": "HGG", "brats2021_00001": "HGG", "p1": "HGG"}


def test_a_number_in_another_column_is_no_second_case(tmp_path: Path) -> None:
    (tmp_path / "clinical.csv").write_text("ID,SiteID,Age\n1,2,51\n2,1,52\n3,1,53\n")
    (tmp_path / "studies.csv").write_text("study_id,SiteID,Grade\n1,2,HGG\n2,1,LGG\n")
    tables = read_tables(list_files(tmp_path).entries, ["1", "2", "3"])
    assert tables.same == {}
    assert tables.age == {"1": 51, "2": 52, "3": 53}
    assert tables.grade == {"1": "HGG", "2": "LGG"}


def test_a_name_that_no_case_has_links_nothing(tmp_path: Path) -> None:
    (tmp_path / "mapping.csv").write_text("Case ID,TCGA_TCIA_subject_ID\nA,TCGA-1\nB,TCGA-1\n")
    assert read_tables(list_files(tmp_path).entries, ["A", "B"]).same == {}
    assert read_tables(list_files(tmp_path).entries, ["A", "B", "TCGA-1"]).same["a"] == {"A", "B", "TCGA-1"}


def test_scans_of_one_patient_id_are_one_patient(tmp_path: Path) -> None:
    rows = "case_1,P1\ncase_2,P1\ncase_3,P2\nanother,P2\n"
    (tmp_path / "scans.csv").write_text(f"case_id,patient_id\n{rows}")
    tables = read_tables(list_files(tmp_path).entries, ["case_1", "case_2", "case_3"])
    patients = {name: tables.complete(LabelledCase(name, {}, None, name)).patient for name in ("case_1", "case_2")}
    assert patients == {"case_1": "P1", "case_2": "P1"}
    assert tables.same["case_3"] == {"case_3", "P2"}


@pytest.mark.parametrize(
    "column", ["Brats17ID", "BraTS_2018_subject_ID", "BraTS2021", "BraTS 2023", "TCGA_TCIA_subject_ID"]
)
def test_columns_of_the_public_tables_are_known(column: str, tmp_path: Path) -> None:
    (tmp_path / "mapping.csv").write_text(f"BraTS_2020_subject_ID,{column}\nBraTS20_Training_001,Brats18_A_1\n")
    assert read_tables(list_files(tmp_path).entries).same["brats18_a_1"] == {"Brats18_A_1", "BraTS20_Training_001"}


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
