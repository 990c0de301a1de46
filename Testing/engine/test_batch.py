"""Many cases: what overlaps, what order the outcomes have, and what happens to errors and cancels."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support.cases import expected_threshold_labels, small_case, write_case
from support.models import threshold_model
from tumorseg import batch as module
from tumorseg.batch import Batch, run_batch
from tumorseg.errors import CancelledError, ModelError
from tumorseg.pipeline import Options, Result
from tumorseg.progress import Progress, Report

SECONDS = 60.0
"""Until a test that waits in vain fails."""


def ignore(_: str) -> Report:
    return lambda _: None


def batch_of(write: Callable[[str, Result], None], report: Callable[[str], Report] = ignore) -> Batch:
    model = threshold_model()
    return Batch(model.spec, lambda: model, Options("cpu"), write, report)


def cases_in(folder: Path, names: str) -> dict[str, Path]:
    for number, name in enumerate(names):
        write_case(small_case(seed=number), folder / name)
    return {name: folder / name for name in names}


def test_outcomes_come_in_order_with_their_results(tmp_path: Path) -> None:
    folders = cases_in(tmp_path, "ABCDE")
    written: dict[str, Result] = {}
    outcomes = list(run_batch(folders, batch_of(written.__setitem__)))
    assert [outcome.name for outcome in outcomes] == list("ABCDE")
    for number, outcome in enumerate(outcomes):
        assert outcome.result is written[outcome.name]
        expected = expected_threshold_labels(small_case(seed=number)["t1ce"])
        np.testing.assert_array_equal(outcome.result.labels, expected)


def test_the_next_case_is_read_and_the_last_one_written_while_the_network_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = {name: threading.Event() for name in "ABCD"}
    running = {name: threading.Event() for name in "ABCD"}
    read_case = module.read_case

    def reading(files: dict[str, Path]) -> object:
        case = read_case(files)
        read[files["t1"].parent.name].set()
        return case

    def report(name: str) -> Report:
        def of_case(progress: Progress) -> None:
            running[name].set()
            following = chr(ord(name) + 1)
            assert name == "D" or read[following].wait(SECONDS)

        return of_case

    def write(name: str, _: Result) -> None:
        following = chr(ord(name) + 1)
        assert name == "D" or running[following].wait(SECONDS)

    monkeypatch.setattr(module, "read_case", reading)
    outcomes = list(run_batch(cases_in(tmp_path, "ABCD"), batch_of(write, report)))
    assert all(outcome.result for outcome in outcomes)


def test_only_a_few_cases_are_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[object] = []
    monkeypatch.setattr(module, "_prepared", lambda folder, batch: begun.append(folder))
    monkeypatch.setattr(module, "_after_reading", lambda name, reading, batch, writers: reading)
    steps = run_batch({str(number): tmp_path for number in range(20)}, batch_of(lambda *_: None))
    next(steps)
    assert len(begun) <= 1 + module.AHEAD + module.BEHIND
    assert len(list(steps)) == 19


def test_bad_cases_do_not_stop_the_others(tmp_path: Path) -> None:
    folders = cases_in(tmp_path, "ABC")
    (folders["B"] / "Case_t2.nii.gz").write_bytes(b"not an image")
    (folders["B"] / "Case_flair.nii.gz").unlink()
    first, second, third = run_batch(folders, batch_of(lambda *_: None))
    assert first.result
    assert third.result
    assert second.result is None
    assert "has no FLAIR volume" in second.problems[0]


@pytest.mark.skipif(sys.platform != "linux", reason="such files and names exist on Linux only")
def test_files_that_cannot_be_read_do_not_stop_the_others(tmp_path: Path) -> None:
    folders = cases_in(tmp_path, "ABC")
    unreadable = folders["A"] / "Case_t1.nii.gz"
    unreadable.unlink()
    unreadable.symlink_to("/proc/self/mem")
    latin = Path(os.fsdecode(bytes(folders["B"]) + b"/caf\xe9_t1.nii.gz"))
    (folders["B"] / "Case_t1.nii.gz").rename(latin)
    first, second, third = run_batch(folders, batch_of(lambda *_: None))
    assert first.problems == (
        f"{unreadable} cannot be read (Input/output error); check its access rights and the disk.",
    )
    assert second.problems == (
        rf"{tmp_path}/B/caf\xe9_t1.nii.gz cannot be used: "
        "its name, or that of a folder on the way, is not UTF-8; rename it.",
    )
    assert third.result


@pytest.mark.parametrize("stage", ["read_case", "infer", "finish"])
def test_an_unexpected_error_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    calls: list[object] = []
    work = getattr(module, stage)

    def fail_second(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 2:
            raise ZeroDivisionError("by zero")
        return work(*arguments)

    monkeypatch.setattr(module, stage, fail_second)
    monkeypatch.setattr(module, "AHEAD", 1)  # cases are read one after the other
    monkeypatch.setattr(module, "BEHIND", 1)
    first, second, third = run_batch(cases_in(tmp_path, "ABC"), batch_of(lambda *_: None))
    assert first.result
    assert third.result
    assert second.problems == (
        "The segmentation stopped with an unexpected error (ZeroDivisionError: by zero); "
        "segment this case by itself for the details, and report them.",
    )


def test_a_model_that_cannot_be_used_stops_the_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ModelError("The weights do not fit.")

    monkeypatch.setattr(module, "infer", fail)
    with pytest.raises(ModelError):
        list(run_batch(cases_in(tmp_path, "AB"), batch_of(lambda *_: None)))


def test_a_cancel_stops_the_batch(tmp_path: Path) -> None:
    written: list[str] = []

    def cancel(name: str) -> Report:
        def report(_: Progress) -> None:
            if name == "B":
                raise CancelledError

        return report

    with pytest.raises(CancelledError):
        list(run_batch(cases_in(tmp_path, "ABCDE"), batch_of(lambda name, _: written.append(name), cancel)))
    assert set(written) <= {"A"}
