"""Whose a volume is by its name: what sequences, consoles and processing write there does not count."""

from __future__ import annotations

import pytest

from support.series_names import CONSOLES
from tumorseg.series_stem import stems

STEMS = {
    "A_T1": "a",
    "B_T1_POST": "b",
    "T1_2019": "2019",
    "FLAIR 2020-03-01": "20200301",
    "FLAIR 01.03.2020": "20200301",
    "anon_t1_mprage_sag_20190101120000_3": "anon 20190101",
    "T1_P01": "p01",
    "FLAIR 3D 0.9mm": "",
    "t2_space_dark-fluid_sag_NORM_DIS2D": "",
    "T1CE_hd_bet": "",
    "T2_mni_1mm": "",
    "T2_somethingelse": "",
    "Doe_John_AX_T2_FLAIR": "doe john",
    "pat1_T2_FLAIR": "pat1",
    "P2_T1": "p2",
    "t1_mprage_sag_p2_iso": "",
    "BraTS-GLI-00001-000-t1c": "bra ts gli 00001 000",
    "UCSF-PDGM-0004_T1c_bias": "ucsf pdgm 0004",
    "sub-01_T1w": "sub 01",
    "sub-01_ses-02_acq-mprage_ce-gadolinium_run-1_T1w": "sub 01 ses 02",
    "sub-01_space-T1w_desc-preproc_FLAIR": "sub 01",
    "P01_FLAIR_to_T1ce": "p01",
    "P01_T1ce_N4_bet": "p01",
    "P01_T1ce Copy": "p01",
    "T1_post-op_Gd": "post op",
    "P01_post_t1": "p01 post",
    "P01_pre_t2": "p01 pre",
    "P01_FLAIR_post": "p01 post",
    "P01_T1 post": "p01",
    "P01 post contrast T1": "p01",
    "Volume": "",
    "MRHead": "",
    "series 3": "",
}


@pytest.mark.parametrize(("name", "expected"), STEMS.items())
def test_what_is_left_of_a_name(name: str, expected: str) -> None:
    assert stems([name]) == [expected]


@pytest.mark.parametrize("name", CONSOLES.split("|"))
def test_names_of_consoles_leave_nothing(name: str) -> None:
    assert stems([name]) == [""]


def test_numbers_that_no_two_volumes_share_are_those_of_series() -> None:
    assert stems(["3_AX_T1", "5_AX_T2", "7: AX FLAIR", "9_AX_T1_POST"]) == ["", "", "", ""]


def test_numbers_that_volumes_share_are_those_of_patients() -> None:
    assert stems(["1_T1", "1_T2", "2_FLAIR"]) == ["1", "1", "2"]
    assert stems(["001_T1", "002_T2"]) == ["001", "002"]


@pytest.mark.parametrize(
    "names",
    [
        "anon_t1_mprage_sag_20190101120000_3|anon_t2_tse_tra_20190101120000_5|anon_FLAIR_tra_20190101120000_7",
        "T1_MPRAGE_SAG_3|T2_TSE_TRA_5|FLAIR_TRA_7|T1_MPRAGE_SAG_POST_9",
        "T1 MPRAGE 1mm|T2 TSE 4mm|FLAIR 3D 0.9mm|T1 MPRAGE 1mm KM",
        "t1_mprage_sag_iso_ND|t2_tse_tra_DRB|t2_space_dark-fluid_sag_NORM_DIS2D|t1_mprage_sag_iso_KM_ND",
        "t1_foo|t1ce_foo|t2_bar|flair_baz",
    ],
)
def test_what_consoles_and_programs_add_parts_no_examination(names: str) -> None:
    assert len(set(stems(names.split("|")))) == 1


def test_unknown_words_behind_the_sequence_tell_when_a_sequence_is_there_twice() -> None:
    names = ["T1_Smith", "T2_Smith", "T1_Jones", "T2_Jones"]
    assert stems(names) == ["smith", "smith", "jones", "jones"]
    assert stems(names[:2]) == ["", ""]
