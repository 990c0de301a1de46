"""The list of what the check of the volumes found."""

from __future__ import annotations

from typing import Any

import pytest

from TumorSegUNetLib.presenter_findings import (
    Fix,
    Severity,
    blockingReason,
    findingsState,
    fixOfLink,
    hasRemarks,
)


def finding(code: str, severity: str, message: str = "T1 is odd.", **values: Any) -> dict[str, Any]:
    return {"code": code, "severity": severity, "volumes": (), "message": message, "remedy": "Look at it.", **values}


def test_without_findings_there_is_no_list() -> None:
    state = findingsState([])
    assert (state.visible, state.severity, state.html) == (False, Severity.NONE, "")


def test_all_findings_are_told_blocking_ones_first() -> None:
    state = findingsState([finding("dark", "warning", "T1 is dark."), finding("empty", "blocking", "T2 is empty.")])
    assert state.severity is Severity.BLOCKING
    assert state.html.index("T2 is empty. Look at it.") < state.html.index("T1 is dark. Look at it.")
    assert "These volumes cannot be segmented:" in state.html
    assert "Please check before you go on:" in state.html


def test_warnings_alone_do_not_say_that_nothing_can_be_done() -> None:
    state = findingsState([finding("dark", "warning")])
    assert state.severity is Severity.WARNING
    assert "cannot" not in state.html


def test_notes_come_last_and_ask_for_nothing() -> None:
    note = finding("different-grid", "note", "T2 lies elsewhere.")
    alone = findingsState([note])
    assert (alone.severity, alone.visible) == (Severity.NOTE, True)
    assert alone.html.startswith('<p style="margin:0"><b>What will be done:</b>')
    assert "Please check" not in alone.html
    both = findingsState([note, finding("dark", "warning", "T1 is dark.")])
    assert both.severity is Severity.WARNING
    assert both.html.index("T1 is dark.") < both.html.index("T2 lies elsewhere.")
    assert not hasRemarks([note])
    assert hasRemarks([note, finding("dark", "warning")])
    assert blockingReason([note]) == ""


def test_names_of_volumes_are_no_markup() -> None:
    assert "&lt;b&gt;" in findingsState([finding("dark", "warning", "<b> is dark.")]).html


def test_swapped_volumes_can_be_exchanged_by_a_link() -> None:
    html = findingsState([finding("swapped", "warning", volumes=("t1", "t1ce"))]).html
    assert '<a href="swap:t1:t1ce">Exchange T1 and T1ce</a>' in html
    assert fixOfLink("swap:t1:t1ce") == Fix(swap=("t1", "t1ce"))


def test_the_same_volume_twice_can_be_chosen_anew() -> None:
    html = findingsState([finding("same-volume", "blocking", volumes=("t2", "flair"))]).html
    assert '<a href="recognize:t2:flair">Choose by recognition</a>' in html
    assert fixOfLink("recognize:t2:flair") == Fix(recognize=("t2", "flair"))


def test_three_volumes_in_wrong_places_are_chosen_anew() -> None:
    html = findingsState([finding("swapped", "warning", volumes=("t1", "t1ce", "t2"))]).html
    assert '<a href="recognize:t1:t1ce:t2">Choose by recognition</a>' in html


@pytest.mark.parametrize("code", ["skull", "no-background", "inexact-background"])
def test_what_a_brain_mask_answers_leads_to_its_selector(code: str) -> None:
    html = findingsState([finding(code, "warning", volumes=("t1", "t2"))]).html
    assert '<a href="mask">Choose a brain mask</a>' in html
    assert fixOfLink("mask") == Fix(mask=True)


def test_unknown_links_change_no_volume() -> None:
    assert fixOfLink("swap:t1:nonsense") == Fix(recognize=("t1",))


@pytest.mark.parametrize(
    ("findings", "reason"),
    [
        ([], ""),
        ([finding("dark", "warning")], ""),
        ([finding("empty", "blocking", "T2 is empty.")], "T2 is empty. Look at it."),
        (
            [finding("empty", "blocking"), finding("far", "blocking")],
            "2 problems keep the volumes from being segmented; see the list.",
        ),
    ],
)
def test_blocking_findings_say_why(findings: list[dict[str, Any]], reason: str) -> None:
    assert blockingReason(findings) == reason
