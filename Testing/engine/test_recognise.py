"""Recognising sequences: real-world series descriptions with expected answers, tags, and whole studies."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tumorseg.recognise import LEAST_CONFIDENCE, PLAUSIBLE, UNAMBIGUOUS, SeriesFacts, assign, recognise

CERTAIN = {
    # Data sets
    "BraTS2021_01477_t1": "t1",
    "BraTS20_Training_001_t1ce.nii.gz": "t1ce",
    "BraTS-GLI-00001-000-t1n": "t1",
    "BraTS-GLI-00001-000-t1c.nii.gz": "t1ce",
    "BraTS-GLI-00001-000-t2w": "t2",
    "BraTS-GLI-00001-000-t2f": "flair",
    "UPENN-GBM-00001_11_T1GD": "t1ce",
    "UCSF-PDGM-0004_T1c_bias": "t1ce",
    "sub-01_ce-gadolinium_T1w": "t1ce",
    "sub-01_FLAIR": "flair",
    "sub_02_FLAIR": "flair",
    "SUB-03_T2w": "t2",
    "sub-01_T2w": "t2",
    # GE
    "Ax T1 +C": "t1ce",
    "Ax T1 C+ FS": "t1ce",
    "+C Ax T1 BRAVO": "t1ce",
    "SAG 3D BRAVO +C": "t1ce",
    "Ax FSPGR 3D POST GAD": "t1ce*",
    "Ax T2 FRFSE-XL": "t2",
    "Ax T2 PROPELLER": "t2",
    "AX T2 FLAIR": "flair",
    "Sag CUBE T2 FLAIR": "flair",
    "Ax T1 FLAIR PRE": "t1",
    "AX T1 FLAIR +C": "t1ce",
    "Ax T1 W/O CONTRAST": "t1",
    "Sag T1 pre gad": "t1",
    "AXT1POST": "t1ce",
    "3D T1 POST-CONTRAST AX MPR": "t1ce",
    "AX T1 SE WITH CONTRAST": "t1ce",
    # Siemens
    "t1_mprage_sag_p2_iso_KM": "t1ce",
    "t1_mpr_ns_sag_post_Gd": "t1ce",
    "t1_se_tra_nach KM": "t1ce",
    "t1_tse_tra nativ": "t1",
    "t1_vibe_tra_fs_Gd": "t1ce",
    "t1_fl3d_tra_vor_KM": "t1",
    "t1_se_tra ohne KM": "t1",
    "MPRAGE post gado": "t1ce",
    "t2_tse_tra_512": "t2",
    "t2_blade_tra": "t2",
    "t2_space_sag_p2_iso": "t2",
    "t2_tirm_tra_dark-fluid": "flair",
    "tirm t2 tra": "flair",
    "Fluid Attenuated IR ax": "flair",
    "t2_tirm_tra_dark-fluid_fs": "flair",
    "t2_space_dark-fluid_sag_p2_iso": "flair",
    "t1_tirm_tra_dark-fluid nativ": "t1",
    "t1_space_sag_iso_+KM": "t1ce",
    # Philips
    "sT1W_3D_TFE +Gd": "t1ce",
    "T1W_3D_TFE_POST": "t1ce",
    "3DT1 TFE pre": "t1",
    "T2W_TSE": "t2",
    "sT2W_TSE_ax": "t2",
    "T2W_TSE_MultiVane": "t2",
    "FLAIR_longTR": "flair",
    "3D_Brain_VIEW_FLAIR_SHC": "flair",
    "3DFLAIR": "flair",
    "t2_spc_da-fl_sag_p2_iso": "flair",
    "T1 nach Gadovist": "t1ce",
    "T1 vor Gadovist": "t1",
    "T1 pre-op + Gd": "t1ce",
    "AX T1 SE SANS": "t1",
    "Sag FLAIR CUBE FS": "flair",
    "sag 3D FLAIR CS": "flair",
    "T1W_SE_Gd-DTPA": "t1ce",
    "WIP T1W_SE ohne KM": "t1",
    # Canon / Toshiba
    "FSE T2 AX": "t2",
    "AX FLAIR FATSAT": "flair",
    "3D T1 FFE CE": "t1ce",
    # Languages
    "AX T1 APRES INJECTION": "t1ce",
    "SAG T1 sans injection": "t1",
    "T1 3D GADO": "t1ce",
    "T1 EG 3D avant injection": "t1",
    "T1 axial con contraste": "t1ce",
    "T1 axial sin contraste": "t1",
    "T1 SE assiale dopo mdc": "t1ce",
    "T1 SE assiale senza mdc": "t1",
    "T1 tra met contrast": "t1ce",
    "T1 tra zonder contrast": "t1",
    "T1 po kontraście": "t1ce",
    "T1 с контрастом": "t1ce",
    "T1 造影": "t1ce",
    "T2 gewichtet tra": "t2",
    "T1 FS KM tra": "t1ce",
    "T1_post-op_Gd": "t1ce",
    "5: Ax T1 Post": "t1ce",
    "AxT1PostGd": "t1ce",
    "T1_tse_cor_mKM +KM": "t1ce",
    # Grades and time points
    "GBM_IV_T1ce": "t1ce",
    "WHO_IV_FLAIR": "flair",
    "Pat IV T1 nativ": "t1",
    "T1 IV+": "t1ce",
    "T1 +IV": "t1ce",
    "T1 i.v.": "t1ce",
    "T1 na iv": "t1ce",
    "T1 sans IV": "t1",
    "T1 iv contrast": "t1ce",
    "T1 IV Gd": "t1ce",
    "P01_pre_t1ce": "t1ce",
    "P01_pre_t1gd": "t1ce",
    "P01_pre_t1c": "t1ce",
    "T1 post chemo +C": "t1ce",
    "T1 post chemo nativ": "t1",
    # A minus that denies
    "T1 GD-": "t1",
    "T1Gd-": "t1",
    "T1 KM-": "t1",
    "T1 CE-": "t1",
    "T1C-": "t1",
    "AX T1 SE C-": "t1",
    "T1 GAD(-)": "t1",
    "T1 GAD (-)": "t1",
    "T1 -gd": "t1",
    "T1 -KM": "t1",
    "T1 -C": "t1",
    "T1 (-) C": "t1",
    "T1 - contrast": "t1ce",
    "T1 tra - KM": "t1ce",
    "SAG T1 - CE": "t1ce",
    "AX T1 - GADAVIST": "t1ce",
    "T1_CE_minus": "t1",
    "T1 gd neg": "t1",
    "T1 KM negativ": "t1",
    # A hyphen that joins
    "T1-gd": "t1ce",
    "T1-CE": "t1ce",
    "T1-GAD ax": "t1ce",
    "t1-km": "t1ce",
    "T1_KM-tra": "t1ce",
    "T1 Gd-DTPA": "t1ce",
    "T1 - post contrast": "t1ce",
    "T1 TSE - KM+": "t1ce",
    "t1ce-2021": "t1ce",
    "T1_C+": "t1ce",
    "T1 GD+": "t1ce",
    # Without contrast, in words
    "T1 not enhanced": "t1",
    "T1 non-enhanced": "t1",
    "T1 unenh": "t1",
    "T1 kein KM": "t1",
    "T1 kontrastfrei": "t1",
    "T1 sem contraste": "t1",
    "T1 com contraste": "t1ce",
    "T1 uten kontrast": "t1",
    "T1 kontrastsiz": "t1",
    "T1 kontrastsız": "t1",
    "T1 kontrastli": "t1ce",
    "T1 造影前": "t1",
    "T1 造影なし": "t1",
    "T1 造影無し": "t1",
    "T1 造影後": "t1ce",
    "T1 增强前": "t1",
    "T1 平扫": "t1",
    "T1 增强": "t1ce",
}
REGISTERED = {
    "FLAIR_to_T1ce": "flair",
    "FLAIR_to_T1ce.nii.gz": "flair",
    "FLAIR_to_T1Gd": "flair",
    "FLAIR_to_T1 post": "flair",
    "FLAIR_reg_T1ce": "flair",
    "FLAIR-reg-T1ce": "flair",
    "FLAIR in T1ce space": "flair",
    "FLAIR_to_T1": "flair",
    "FLAIR_to_MPRAGE": "flair",
    "P01_FLAIR_space-T1ce": "flair",
    "sub-01_space-T1w_FLAIR": "flair",
    "T1_to_T1ce": "t1",
    "T1 registered to T1ce": "t1",
    "T1_reg_to_T1ce": "t1",
    "MPRAGE_2_FLAIR": "t1",
    "T2_to_T1ce": "t2",
    "T2 in T1 space": "t2",
    "T2_coreg_to_T1ce_bet": "t2",
    "T2 on FLAIR": "t2",
    "sub-01_space-T1w_desc-preproc_T2w": "t2",
    "T1ce_to_T1": "t1ce",
    "T1 post Gd to T2": "t1ce",
    "t1_space_sag": "t1",
    "t1_space_+KM": "t1ce",
    "T2_SPACE-FLAIR": "flair",
}
PLAUSIBLE_NAMES = {
    "Ax T1": "t1",
    "T1 post-op": "t1",
    "T1 post chemo": "t1",
    "T1 post SRS": "t1",
    "T1 post TMZ 3 months": "t1",
    "T1 post RCT": "t1",
    "T1 post GammaKnife": "t1",
    "T1 après chimio": "t1",
    "GBM_IV_T1": "t1",
    "glioma_grade_IV_t1": "t1",
    "t1_mprage_sag": "t1",
    "SAG MPRAGE": "t1",
    "mp2rage_UNI": "t1",
    "Ax FSPGR 3D": "t1",
    "3D TFE": "t1",
    "Ax FRFSE": "t2",
    "Ax PROPELLER": "t2",
    "tirm_tra": "flair",
    "AX FLAIR POST GD": "flair",
    "T2 post contrast": "t2",
    "Ax T1 FLAIR": "t1",
    "BRAIN T1 W WO CONTRAST": "t1",
    "Ax POST GAD": "t1ce",
    "AX DIR T1 unknown": None,
}
NOT_ASSIGNED = (
    "ep2d_diff_3scan_trace_p2 ADC TRACEW DWI_b1000 DTI_64 resolve_3scan_trace_tra_p2_ADC|SWI_Images|Mag_Images"
    "|Pha_Images"
    "|mIP_Images(SW)|Ax SWAN|AX T2* GRE|t2_fl2d_tra_hemo|T2 star|Ax T2 GRE|ep2d_perf|perfusion DSC|rCBV|ASL"
    "|T1 Dynamic DCE"
    "|3-Plane Loc|localizer|AAHead_Scout|Survey|SmartBrain|3D TOF MRA|TOF_3D_multi-slab|MRV|svs_se_135|PRESS 35"
    "|PD TSE ax|Ax PD/T2|t2_stir_cor|Cor STIR|BOLD task|FieldMap|T1 map|T2 mapping|brainmask_t1|case_seg|t1ce label"
    "|tumor mask|T1 SUB|Ax FIESTA|CISS 3D|t1_mprage_INV1|T1 T2 axial|C-spine T1|MRI BRAIN|Axial|Series 5"
    "|CT Head|T1 MT"
    "|T1 pre und post KM|ax t1 native + Gd|Scan|APTw|DIR|mIP_T1|t2_fl2d|t2_ciss3d|Screen Save|DSC MoCo|Processed Images"
)


@pytest.mark.parametrize(("name", "expected"), CERTAIN.items())
def test_unambiguous_names(name: str, expected: str) -> None:
    guess = recognise(SeriesFacts(name))
    assert guess.sequence == expected.strip("?*"), guess
    if "?" not in expected and "*" not in expected:
        assert guess.confidence >= UNAMBIGUOUS, guess


@pytest.mark.parametrize(("name", "expected"), PLAUSIBLE_NAMES.items())
def test_plausible_names(name: str, expected: str | None) -> None:
    guess = recognise(SeriesFacts(name))
    assert guess.sequence == expected, guess
    if expected:
        assert PLAUSIBLE <= guess.confidence < UNAMBIGUOUS, guess


@pytest.mark.parametrize(("name", "expected"), REGISTERED.items())
def test_a_registered_volume_is_not_its_target(name: str, expected: str) -> None:
    guess = recognise(SeriesFacts(name))
    assert guess.sequence == expected, guess
    assert guess.confidence >= (PLAUSIBLE if expected == "t1" else UNAMBIGUOUS), guess


@pytest.mark.parametrize("name", NOT_ASSIGNED.split("|"))
def test_other_series_stay_unassigned(name: str) -> None:
    guess = recognise(SeriesFacts(name))
    assert guess.sequence is None, guess
    assert guess.confidence == 0


def test_the_table_holds_what_was_promised() -> None:
    assert len(CERTAIN) + len(PLAUSIBLE_NAMES) + len(NOT_ASSIGNED.split("|")) >= 120


TIMES = {
    # te, tr, ti
    (10, 500, None): "t1",  # spin echo
    (3.0, 2300, 900): "t1",  # MPRAGE
    (3.2, 8.2, None): "t1",  # gradient echo
    (9, 2200, 860): "t1",  # T1 FLAIR
    (100, 4000, None): "t2",
    (409, 3200, None): "t2",  # SPACE
    (120, 9000, 2500): "flair",
    (388, 5000, 1800): "flair",  # SPACE
    (12, 3000, None): None,  # proton density
    (60, 5000, 150): None,  # STIR
    (100, 6000, None): None,  # T2, or FLAIR without its inversion time
    (25, 600, None): "t1",
    (None, 600, None): None,
    (0, 0, 0): None,
}


def test_a_short_echo_with_the_inversion_of_stir_contradicts_t1() -> None:
    stir = recognise(SeriesFacts("Ax T1 pre", te_ms=25, tr_ms=4000, ti_ms=150))
    assert stir.confidence < recognise(SeriesFacts("Ax T1 pre")).confidence
    assert "do not fit" in stir.reason


@pytest.mark.parametrize(("times", "expected"), TIMES.items())
def test_times_alone_give_a_plausible_guess(times: tuple[float | None, ...], expected: str | None) -> None:
    te, tr, ti = times
    guess = recognise(SeriesFacts("Series 7", te_ms=te, tr_ms=tr, ti_ms=ti))
    assert guess.sequence == expected, guess
    assert guess.confidence == (PLAUSIBLE if expected else 0)


def test_times_that_agree_raise_the_confidence_and_others_lower_it() -> None:
    silent = SeriesFacts("Ax T2")
    agreeing = recognise(replace(silent, te_ms=100, tr_ms=4000))
    contradicting = recognise(replace(silent, te_ms=10, tr_ms=500))
    assert agreeing.confidence > recognise(silent).confidence > contradicting.confidence
    assert contradicting.sequence == "t2"
    assert contradicting.confidence < UNAMBIGUOUS
    assert "do not fit" in contradicting.reason


def test_a_weak_name_whose_times_contradict_it_is_not_assigned() -> None:
    guess = recognise(SeriesFacts("Ax PROPELLER", te_ms=10, tr_ms=500))
    assert (guess.sequence, guess.confidence) == (None, 0.0)
    assert guess.reason == "Its name says propeller, but its echo and repetition times do not fit: too uncertain."


@pytest.mark.parametrize(
    ("name", "agent", "expected", "surely"),
    [
        ("Ax T1", "Gadovist", "t1ce", False),
        ("Ax T1", "none", "t1", False),
        ("Ax T1 pre", "Gadovist", "t1", False),
        ("Ax T1 +C", "Dotarem", "t1ce", True),
        ("Ax T2", "Dotarem", "t2", True),
        ("AX FLAIR", "Dotarem", "flair", True),
    ],
)
def test_the_tag_on_the_contrast_agent(name: str, agent: str, expected: str, surely: bool) -> None:
    guess = recognise(SeriesFacts(name, contrast_agent=agent))
    assert guess.sequence == expected
    assert (guess.confidence >= UNAMBIGUOUS) is surely
    assert guess.confidence >= PLAUSIBLE


@pytest.mark.parametrize(
    ("tag", "expected", "confidence"),
    [
        ("Gadovist", "t1ce", 0.85),
        ("GADAVIST", "t1ce", 0.85),
        ("MultiHance 15 ml", "t1ce", 0.85),
        ("10 ML", "t1ce", 0.85),
        ("IV", "t1ce", 0.85),
        ("Applied", "t1ce", 0.85),
        ("YES", "t1ce", 0.85),
        ("No contrast", "t1", 0.85),
        ("sin contraste", "t1", 0.85),
        ("ohne KM", "t1", 0.85),
        ("kein KM", "t1", 0.85),
        ("Not given", "t1", 0.85),
        ("Applied no contrast", "t1", 0.85),
        ("NONE", "t1", 0.85),
        ("n", "t1", 0.85),
        ("0", "t1", 0.85),
        ("0 ml", "t1", 0.75),
        ("-", "t1", 0.75),
        ("N/A", "t1", 0.75),
        ("unknown", "t1", 0.75),
        ("", "t1", 0.75),
    ],
)
def test_words_of_the_tag_on_the_contrast_agent(tag: str, expected: str, confidence: float) -> None:
    guess = recognise(SeriesFacts("t1_mprage_sag", contrast_agent=tag))
    assert (guess.sequence, guess.confidence) == (expected, confidence)


@pytest.mark.parametrize(
    ("name", "te", "tr", "ti"),
    [
        ("t2_tirm_cor", 30, 4000, 150),
        ("t2_tirm_cor", 70, 4000, 150),
        ("Ax T1 pre", 25, 4000, 150),
    ],
)
def test_a_name_does_not_help_when_the_times_are_those_of_a_stir(
    name: str, te: float, tr: float, ti: float | None
) -> None:
    guess = recognise(SeriesFacts(name, te_ms=te, tr_ms=tr, ti_ms=ti))
    assert (guess.sequence, guess.confidence) == (None, 0.0)
    assert "do not fit" in guess.reason


@pytest.mark.parametrize(("name", "te", "tr", "sequence"), [("Ax T2", 25, 5000, "t2"), ("T1 FLAIR", 9, 3100, "t1")])
def test_times_of_a_proton_density_image_only_cast_doubt(name: str, te: float, tr: float, sequence: str) -> None:
    guess = recognise(SeriesFacts(name, te_ms=te, tr_ms=tr))
    assert guess.sequence == sequence
    assert guess.confidence == pytest.approx(0.62, abs=0.01)


@pytest.mark.parametrize("start", ["KM ", "Gd_", "Post Gd ", "contrast_"])
def test_an_agent_before_all_names_is_no_patient(start: str) -> None:
    found = assign({name: SeriesFacts(f"{start}{name}") for name in ("T1", "FLAIR")}, {})
    assert {sequence: item.key for sequence, item in found.items() if item.key} == {"t1ce": "T1", "flair": "FLAIR"}


def test_a_t1_flair_without_its_inversion_time_is_no_proton_density_image() -> None:
    assert recognise(SeriesFacts("Ax T1 FLAIR PRE", te_ms=9, tr_ms=2200)).sequence == "t1"
    assert recognise(SeriesFacts("Series 5", te_ms=9, tr_ms=2200)).sequence is None


@pytest.mark.parametrize(
    ("name", "image_type", "sequence_name"),
    [
        ("Ax T2", r"DERIVED\SECONDARY\ADC\ND", ""),
        ("Ax T2", r"ORIGINAL\PRIMARY\DIFFUSION\NONE", ""),
        ("T1", r"DERIVED\PRIMARY\PROJECTION IMAGE\NONE", ""),
        ("T1", r"ORIGINAL\PRIMARY\P\ND", ""),
        ("T2", "", "*ep_b1000#1"),
        ("T2", "", "*swi3d1r"),
    ],
)
def test_tags_that_exclude_a_series(name: str, image_type: str, sequence_name: str) -> None:
    assert recognise(SeriesFacts(name, image_type=image_type, sequence_name=sequence_name)).sequence is None


def test_protocol_and_sequence_name_are_asked_when_name_and_description_are_silent() -> None:
    assert recognise(SeriesFacts("Series 5", protocol="t2_tse_tra")).sequence == "t2"
    assert recognise(SeriesFacts("+C", protocol="t1_mprage")).sequence == "t1ce"
    assert recognise(SeriesFacts("Series 5", sequence_name="*tfl3d1_16ns")).sequence == "t1"
    assert recognise(SeriesFacts("Series 5", sequence_name="*spcir_278ns")).sequence == "flair"
    assert recognise(SeriesFacts("Ax FLAIR", protocol="T1 BRAIN W WO")).sequence == "flair"


def test_name_and_description_that_disagree_are_less_sure() -> None:
    assert recognise(SeriesFacts("t1ce", "Ax T1 post Gd")).confidence >= UNAMBIGUOUS
    guess = recognise(SeriesFacts("T2", "Ax FLAIR"))
    assert guess.confidence < 0.7
    assert "name different weightings" in guess.reason


def test_overlays_of_dcm2niix_are_no_series() -> None:
    assert recognise(SeriesFacts("5_AX_T1_POST_GD_ROI1")).other == "region of interest"


def _assigned(*names: str, **fixed: str) -> dict[str, str | None]:
    return {s: suggestion.key for s, suggestion in assign({n: SeriesFacts(n) for n in names}, fixed).items()}


def test_a_whole_study() -> None:
    study = ("3-Plane Loc", "Ax DWI", "Ax T1", "Ax T2 FLAIR", "Ax T2 FRFSE", "Ax T2* GRE", "Ax T1 +C", "ADC")
    assert _assigned(*study) == {"t1": "Ax T1", "t1ce": "Ax T1 +C", "t2": "Ax T2 FRFSE", "flair": "Ax T2 FLAIR"}
    suggestion = assign({name: SeriesFacts(name) for name in study})["t1"]
    assert suggestion.confidence >= UNAMBIGUOUS
    assert suggestion.reason == "It is a T1, and another T1 has contrast."


SEQUENCES_OF_A_CASE = ("t1", "t1ce", "t2", "flair")


PATIENTS = "CHO|Nguyen_Loc|ROI_MARIE|FA|B100|B1200|MT_SINAI|PD_001|Case_CT_001|GBM_IV_001|P01_post|P01_pre"


@pytest.mark.parametrize("patient", PATIENTS.split("|"))
def test_what_all_names_of_a_case_begin_with_says_nothing(patient: str) -> None:
    """Also beside a volume of which nothing is known."""
    names = {sequence: f"{patient}_{sequence}" for sequence in SEQUENCES_OF_A_CASE}
    assert _assigned(*names.values(), "Volume") == names


def test_what_only_some_names_begin_with_counts() -> None:
    assert _assigned("T1", "POST T1", "T2", "POST T2")["t1ce"] == "POST T1"
    assert _assigned("POST T1 ax", "T1 sag", "T2")["t1ce"] == "POST T1 ax"


def test_what_volumes_of_a_single_weighting_begin_with_counts() -> None:
    assert _assigned("POST T1 ax", "POST T1 sag", t1ce="POST T1 ax")["t1"] is None


@pytest.mark.parametrize("start", ["C-spine", "Knee", "mask", "seg", "Map"])
def test_what_is_no_brain_volume_stays_none_though_all_names_begin_so(start: str) -> None:
    names = [f"{start} T1", f"{start} T2", f"{start} FLAIR"]
    assert _assigned(*names) == dict.fromkeys(SEQUENCES_OF_A_CASE)


def test_the_name_of_the_data_set_still_counts() -> None:
    facts = {s: SeriesFacts(f"BraTS21_001_{s}") for s in ("t1", "t2")}
    assert assign(facts)["t1"].confidence == 0.95


@pytest.mark.parametrize("agent", ["GD", "KM", "CE", "C"])
def test_plus_and_minus_tell_two_series_apart(agent: str) -> None:
    plain, enhanced = f"T1 {agent}-", f"T1 {agent}+"
    assert _assigned(plain, enhanced, "T2", "FLAIR") == {"t1": plain, "t1ce": enhanced, "t2": "T2", "flair": "FLAIR"}


def test_equal_candidates_stay_unassigned_with_a_reason() -> None:
    facts = {name: SeriesFacts(name) for name in ("Ax T1", "Ax T1 +C", "Cor T1 +C")}
    suggestion = assign(facts)["t1ce"]
    assert (suggestion.key, suggestion.confidence) == (None, 0.0)
    assert suggestion.reason == "2 series look like T1ce: Ax T1 +C, Cor T1 +C; choose one."
    assert assign(facts)["t2"].reason == "No series looks like T2."


def test_equal_candidates_are_told_apart_by_their_slices() -> None:
    facts = {
        "Ax T1 +C": SeriesFacts("Ax T1 +C", spacing=(0.5, 0.5, 5.0), shape=(30, 512, 512)),
        "3D T1 +C": SeriesFacts("3D T1 +C", spacing=(1.0, 1.0, 1.0), shape=(176, 256, 256)),
    }
    suggestion = assign(facts)["t1ce"]
    assert suggestion.key == "3D T1 +C"
    assert PLAUSIBLE <= suggestion.confidence < UNAMBIGUOUS
    assert "finest resolution" in suggestion.reason
    same = {key: replace(value, spacing=(1.0, 1.0, 1.0), shape=(9, 9, 9)) for key, value in facts.items()}
    assert assign(same)["t1ce"].key is None


def test_what_the_user_chose_is_neither_repeated_nor_taken() -> None:
    names = ("Ax T1", "Ax T1 +C", "Cor T1 +C", "T2", "FLAIR")
    assert _assigned(*names, t1ce="Cor T1 +C") == {"t1": "Ax T1", "t2": "T2", "flair": "FLAIR"}
    assert _assigned(*names, t2="FLAIR")["flair"] is None
    assert _assigned("x", "Ax T1", t1ce="x") == {"t1": "Ax T1", "t2": None, "flair": None}
    assert _assigned() == dict.fromkeys(("t1", "t1ce", "t2", "flair"))


def test_no_series_is_suggested_twice_and_no_guess_is_uncertain() -> None:
    facts = {name: SeriesFacts(name) for name in (*CERTAIN, *PLAUSIBLE_NAMES, *NOT_ASSIGNED.split("|"))}
    keys = [s.key for s in assign(facts).values() if s.key is not None]
    assert len(keys) == len(set(keys))
    guesses = [recognise(f) for f in facts.values()]
    assert all(guess.confidence >= LEAST_CONFIDENCE for guess in guesses if guess.sequence)
    assert all(guess.reason.endswith(".") for guess in guesses)


@given(st.text(max_size=40), st.text(max_size=40), st.floats(0, 20_000), st.floats(0, 20_000), st.floats(0, 5000))
def test_any_text_and_times_give_a_guess(name: str, description: str, te: float, tr: float, ti: float) -> None:
    guess = recognise(SeriesFacts(name, description, te_ms=te, tr_ms=tr, ti_ms=ti))
    assert (guess.sequence is None) == (guess.confidence == 0)
    assert guess.confidence == 0 or LEAST_CONFIDENCE <= guess.confidence < 1
