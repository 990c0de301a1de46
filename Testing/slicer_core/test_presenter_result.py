"""What the result section shows."""

from __future__ import annotations

from typing import Any

import pytest

from TumorSegUNetLib.presenter_device import DeviceState, deviceState
from TumorSegUNetLib.presenter_result import ResultFacts, ResultState, resultState


def region(volume: float, longest: float | None = None, across: float | None = None) -> dict[str, Any]:
    return {"volume_ml": volume, "longest_diameter_mm": longest, "perpendicular_mm": across}


MEASURED = {"ET": region(1.04, 12.04, 9.0), "ED": region(10.0, 40.0, 30.0), "WT": region(11.04, 41.26, 30.0)}


def lesion(number: int, side: str | None, volume: float) -> dict[str, Any]:
    return {
        "number": number,
        "side": side,
        "volume_ml": {"WT": volume, "TC": volume / 2, "ET": volume / 4},
        "longest_diameter_mm": 10.0 * number,
        "perpendicular_mm": 5.0,
    }


def test_without_a_result_nothing_is_shown() -> None:
    assert resultState(None) == ResultState(visible=False)


def test_result_is_summed_up_and_listed_from_the_whole_to_its_parts() -> None:
    state = resultState(ResultFacts(measurements=MEASURED, foci=1, side="left"))
    assert state.headline == "Tumor with edema 11.0 mL, left hemisphere, one focus"
    assert state.header == ("Part", "mL", "Longest mm", "Across mm")
    assert state.rows == (
        ("Whole tumor", "11.0", "41.3", "30.0"),
        ("Enhancing tumor", "1.0", "12.0", "9.0"),
        ("Edema", "10.0", "40.0", "30.0"),
    )


def test_registered_volumes_are_told_below_the_finding() -> None:
    state = resultState(ResultFacts(name="Anna", measurements=MEASURED, registration="T2 registered."))
    assert state.headline.splitlines() == ["Anna", "Tumor with edema 11.0 mL", "T2 registered."]
    assert state.caution == ""


@pytest.mark.parametrize(
    ("side", "foci", "headline"),
    [
        (None, None, "Tumor with edema 11.0 mL"),
        ("right", 3, "Tumor with edema 11.0 mL, right hemisphere, 3 foci"),
        ("midline", 1, "Tumor with edema 11.0 mL, across the midline, one focus"),
        ("left", 0, "Tumor with edema 11.0 mL, left hemisphere, no part large enough for a lesion"),
    ],
)
def test_side_and_foci_are_said_where_known(side: str | None, foci: int | None, headline: str) -> None:
    assert resultState(ResultFacts(measurements=MEASURED, foci=foci, side=side)).headline == headline


def test_one_lesion_is_no_row_of_its_own() -> None:
    assert len(resultState(ResultFacts(measurements=MEASURED, lesions=[lesion(1, "left", 11.04)])).rows) == 3


def test_several_lesions_are_listed_with_their_side() -> None:
    rows = resultState(ResultFacts(measurements=MEASURED, lesions=[lesion(1, "left", 8.0), lesion(2, None, 3.0)])).rows
    assert rows[3:] == (
        ("Lesion 1, left\nwith edema", "8.0", "10.0", "5.0"),
        ("Lesion 2\nwith edema", "3.0", "20.0", "5.0"),
    )


def test_volume_of_a_lesion_is_of_the_part_that_its_diameters_are_of() -> None:
    lesions = [{**lesion(1, "left", 8.0), "measured": "ET"}, {**lesion(2, None, 3.0), "measured": "WT"}]
    rows = resultState(ResultFacts(measurements=MEASURED, lesions=lesions)).rows[3:]
    assert rows == (
        ("Lesion 1, left\nenhancing part", "2.0", "10.0", "5.0"),
        ("Lesion 2\nwith edema", "3.0", "20.0", "5.0"),
    )


def test_result_says_whose_it_is_and_what_has_become_of_it() -> None:
    facts = ResultFacts(name="A tumor 14:03", measurements=MEASURED, caution="Look twice.", elsewhere=True, edited=True)
    state = resultState(facts)
    assert state.headline == "A tumor 14:03\nTumor with edema 11.0 mL"
    assert state.caution.splitlines() == [
        "This is not a result of the volumes chosen above.",
        "The segments were edited since; table and report tell what the run had found.",
        "Look twice.",
    ]


def test_parts_without_extent_have_a_dash() -> None:
    measured = {**MEASURED, "NCR": region(0.0)}
    assert ("Necrotic or not\nenhancing core", "–", "–", "–") in resultState(ResultFacts(measurements=measured)).rows


def test_nothing_found_is_said_and_offers_nothing_to_show() -> None:
    facts = ResultFacts(measurements={"WT": region(0.0)}, table=True, diameters=True, uncertainty=True, report=True)
    state = resultState(facts)
    assert state.headline == "No tumor was found."
    assert (state.rows, state.surfaces, state.diameters) == ((), False, False)
    assert (state.uncertainty, state.report, state.table) == (True, True, True)


def test_segmentation_of_an_older_version_has_no_measurements() -> None:
    state = resultState(ResultFacts())
    assert (state.headline, state.table) == ("Segmented; no measurements are known.", False)


def test_caution_and_what_is_there_are_passed_on() -> None:
    state = resultState(
        ResultFacts(measurements=MEASURED, caution="Look twice.", diameters=True, uncertainty=True, report=True)
    )
    assert state.caution == "Look twice."
    assert state.surfaces
    assert state.diameters
    assert state.uncertainty
    assert state.report


@pytest.mark.parametrize(
    ("installed", "facts", "state"),
    [
        (False, {"reason": "x"}, DeviceState("PyTorch, which runs the network, is not installed yet.", True)),
        (True, None, DeviceState("", False)),
        (True, {"device": "cpu", "reason": "The CPU is used."}, DeviceState("The CPU is used.", False)),
        (True, {"ok": False, "sentence": "It failed."}, DeviceState("It failed.", False)),
    ],
)
def test_device_is_explained_or_installing_is_offered(
    installed: bool, facts: dict[str, Any] | None, state: DeviceState
) -> None:
    assert deviceState(installed, facts) == state
