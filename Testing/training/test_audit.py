"""The audit finds what is wrong, all of it at once, in every layout, and nothing where nothing is wrong."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from support.layouts import (
    IDENTITY,
    NAMES_2023,
    PUBLIC_LAYOUTS,
    brats_2018,
    brats_2019,
    brats_2020,
    decathlon,
    renumbered,
    write_case,
    write_image,
)
from support.tiny_patients import tiny_patient
from tumorseg.errors import BadInputError
from tumorseg_training.audit import Audit, CaseAudit, audit, audit_case
from tumorseg_training.audit_report import text_report
from tumorseg_training.cli import main
from tumorseg_training.labelled_case import LabelledCase

PATIENT = tiny_patient(1)
SMALL = {"small-field-of-view"}
"""What the guard says of every patient of this size."""


def _audit(path: Path) -> Audit:
    return audit(path, workers=1, report=lambda done, count: None)


def _codes(path: Path) -> dict[str, set[str]]:
    return {case.name: {finding.code for finding in case.findings} - SMALL for case in _audit(path).cases}


@pytest.mark.parametrize("layout", PUBLIC_LAYOUTS)
def test_sound_data_in_every_layout_raise_no_alarm(layout: str, tmp_path: Path) -> None:
    found = _audit(PUBLIC_LAYOUTS[layout](tmp_path))
    codes = {finding.code for case in found.cases for finding in case.findings} - SMALL
    assert codes == ({"missing-sequence"} if layout == "BraTS-like folders" else set())
    assert {case.case.layout for case in found.cases if case.case} == {layout}
    assert found.usable == len(found.cases) > 1


def _truncate(case: Path) -> None:
    path = case / "Case_t2.nii.gz"
    path.write_bytes(path.read_bytes()[:-500])


def _shift(case: Path) -> None:
    write_image(PATIENT.images["t1"], case / "Case_t1.nii.gz", ((3.0, -239.0, 0.0), (1.0, 1.0, 1.0)))


def _crop(case: Path) -> None:
    write_image(PATIENT.images["t1"][:-1], case / "Case_t1.nii.gz")


def _turn(case: Path) -> None:
    write_image(renumbered(PATIENT, {3: 4}), case / "Case_seg.nii.gz", IDENTITY)


def _not_a_number(case: Path) -> None:
    image = PATIENT.images["flair"].copy()
    image[9, 9, 9] = np.nan
    write_image(image, case / "Case_flair.nii.gz")


def _constant(case: Path) -> None:
    write_image(np.full_like(PATIENT.images["t1"], 7), case / "Case_t1.nii.gz")


def _empty(case: Path) -> None:
    write_image(np.zeros_like(PATIENT.images["t1"]), case / "Case_t1.nii.gz")


def _unknown_label(case: Path) -> None:
    write_image(renumbered(PATIENT, {3: 9}), case / "Case_seg.nii.gz")


def _half_a_label(case: Path) -> None:
    write_image(PATIENT.labels.astype(np.float32) / 2, case / "Case_seg.nii.gz")


def _outside(case: Path) -> None:
    labels = renumbered(PATIENT, {3: 4})
    labels[:2] = 2
    write_image(labels, case / "Case_seg.nii.gz")


def _no_tumor(case: Path) -> None:
    write_image(np.zeros_like(PATIENT.labels), case / "Case_seg.nii.gz")


def _twice(case: Path) -> None:
    shutil.copy(case / "Case_t1.nii.gz", case / "Case_t2.nii.gz")


def _exchange(case: Path) -> None:
    first, second = case / "Case_t2.nii.gz", case / "Case_flair.nii.gz"
    first.rename(case / "x.tmp")
    second.rename(first)
    (case / "x.tmp").rename(second)


def _label_map(case: Path) -> None:
    write_image(PATIENT.labels, case / "Case_t2.nii.gz")


def _misname(case: Path) -> None:
    (case / "Case_t2.nii.gz").rename(case / "Case_T2_final.nii.gz")


def _segment_twice(case: Path) -> None:
    shutil.copy(case / "Case_seg.nii.gz", case / "Other_seg.nii.gz")


def _no_images(case: Path) -> None:
    for sequence in PATIENT.images:
        (case / f"Case_{sequence}.nii.gz").unlink()


def _coarsen(case: Path) -> None:
    for path in case.iterdir():
        image = sitk.ReadImage(str(path))
        image.SetSpacing((1.0, 1.0, 3.0))
        sitk.WriteImage(image, str(path))


PROBLEMS: dict[Callable[[Path], None], tuple[str, bool, str]] = {
    _truncate: ("unreadable", False, "Case_t2.nii.gz is incomplete or damaged"),
    _shift: ("labels-grid", False, "T1 does not lie on the grid of the segmentation: shifted by 3 mm"),
    _crop: ("labels-grid", False, "size 36 x 40 x 23 instead of 36 x 40 x 24 voxels"),
    _coarsen: ("voxel-size", False, "The voxels are 1 x 1 x 3 mm; training cases have voxels of 1 mm"),
    _turn: ("labels-grid", False, "orientation LPS instead of RAS"),
    _not_a_number: ("unreadable", False, "Case_flair.nii.gz has 1 voxel without a valid number"),
    _constant: ("constant", False, "has the same value (7) everywhere"),
    _empty: ("constant", False, "has the same value (0) everywhere"),
    _unknown_label: ("unreadable", False, "labels [9] occur in no year of BraTS"),
    _half_a_label: ("unreadable", False, "is not a label map: it holds the value 1.5"),
    _outside: ("labels-outside", True, "labelled voxels lie outside the brain"),
    _no_tumor: ("no-tumor", True, "The segmentation has no tumor"),
    _twice: ("same-volume", False, "are the same image"),
    _exchange: ("wrong-sequence", True, "T2 and FLAIR may be exchanged or misnamed: in fluid T2 should be"),
    _label_map: ("label-map", False, "is a segmentation, not an MR image"),
    _misname: ("missing-sequence", True, "Case has no T2; Case_T2_final.nii.gz is not understood"),
    _segment_twice: ("several-files", False, "has 2 segmentations (Case_seg.nii.gz, Other_seg.nii.gz)"),
    _no_images: ("missing-sequence", False, "Case has no T1 and no T1ce and no T2 and no FLAIR"),
}
"""What is done to a case: the code of the finding, whether the case stays usable, and words of the sentence."""


@pytest.mark.parametrize("spoil", PROBLEMS, ids=lambda spoil: spoil.__name__)
def test_a_problem_is_found_and_told(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    code, usable, words = PROBLEMS[spoil]
    spoil(write_case(PATIENT, tmp_path / "Case"))
    (case,) = _audit(tmp_path).cases
    sentences = [finding.sentence for finding in case.findings if finding.code == code]
    assert any(words in sentence for sentence in sentences), case.findings
    assert case.usable is usable


def test_one_problem_hides_no_other(tmp_path: Path) -> None:
    for number, spoil in enumerate((_truncate, _unknown_label, _shift)):
        case = write_case(tiny_patient(number + 2), tmp_path / f"case {number}", "Case_{kind}.nii.gz")
        spoil(case)
    broken = write_case(tiny_patient(1), tmp_path / "case 3", "Case_{kind}.nii.gz")
    for spoil in (_truncate, _unknown_label, _misname):
        (broken / "Case_t2.nii.gz").exists() and spoil(broken)
    write_case(tiny_patient(9), tmp_path / "sound")
    codes = _codes(tmp_path)
    assert codes["sound"] == set()
    # _shift has put this patient's T1 into case 2.
    assert codes["case 3"] == {"unreadable", "missing-sequence", "same-scan"}
    assert _audit(tmp_path).usable == 1


def test_a_case_on_another_grid_than_the_others_is_named(tmp_path: Path) -> None:
    for number in range(1, 6):
        write_case(tiny_patient(number), tmp_path / f"BraTS2021_{number:05d}")
    odd = write_case(tiny_patient(6), tmp_path / "BraTS2021_00006")
    for path in odd.iterdir():
        image = sitk.ReadImage(str(path))
        sitk.WriteImage(image[:, :, 1:], str(path))
    assert _codes(tmp_path)["BraTS2021_00006"] == {"unusual-grid"}
    (sentence,) = [f.message for f in _audit(tmp_path).cases[-1].findings if f.code == "unusual-grid"]
    assert "36 x 40 x 23 voxels of 1 x 1 x 1 mm (LPS), where 5 of 6 cases of BraTS 2021 have" in sentence


def test_one_scan_under_two_names_is_found(tmp_path: Path) -> None:
    write_case(PATIENT, tmp_path / "BraTS2021_00001")
    write_case(PATIENT, tmp_path / "BraTS-GLI-00007-000", "{name}-{kind}.nii.gz", NAMES_2023, {3: 3})
    assert _codes(tmp_path) == {"BraTS-GLI-00007-000": set(), "BraTS2021_00001": {"same-scan"}}


def test_a_scan_is_known_again_whatever_its_background_is_and_a_note_is_no_warning(tmp_path: Path) -> None:
    write_case(PATIENT, tmp_path / "BraTS2021_00001")
    copy = write_case(PATIENT, tmp_path / "BraTS2021_00002")
    for path in copy.glob("*_[tf]*.nii.gz"):
        image = sitk.ReadImage(str(path))
        sitk.WriteImage(image - 1000 * sitk.Cast(image == 0, image.GetPixelID()), str(path))
    codes = _codes(tmp_path)
    assert codes["BraTS2021_00002"] == {"constant-background", "same-scan"}
    text = text_report(_audit(tmp_path))
    assert "Note constant-background, 1 case:" in text
    assert "Warning same-scan, 1 case:" in text


def test_patients_of_several_years_are_found(tmp_path: Path) -> None:
    for write in (brats_2018, brats_2019, brats_2020):
        write(tmp_path)
    codes = _codes(tmp_path)
    assert codes["BraTS20_Training_001"] == {"same-patient", "same-scan"}
    assert codes["BraTS20_Training_084"] == set()
    cases = {case.name: case.case.patient for case in _audit(tmp_path).cases if case.case}
    assert cases["Brats18_TCIA01_131_1"] == cases["BraTS19_TCIA01_131_1"] == cases["BraTS20_Training_001"]


def test_labels_of_two_kinds_in_one_set_are_found(tmp_path: Path) -> None:
    for number in range(1, 4):
        write_case(tiny_patient(number), tmp_path / f"case {number}")
    write_case(tiny_patient(4), tmp_path / "case 4", meaning={1: 2, 2: 1})
    assert _codes(tmp_path)["case 4"] == {"mixed-conventions"}


def test_cases_whose_only_label_is_1_are_found_where_no_other_tells(tmp_path: Path) -> None:
    for number in (1, 2):
        case = write_case(tiny_patient(number), tmp_path / f"case_{number}")
        write_image((tiny_patient(number).labels != 0).astype(np.uint8), case / f"{case.name}_seg.nii.gz")
    found = _audit(tmp_path)
    assert _codes(tmp_path) == {"case_1": {"one-label"}, "case_2": {"one-label"}}
    assert found.usable == 0
    assert "case_1 has no label but 1, as all cases here, and nothing says what it means. If it" in text_report(found)
    write_case(tiny_patient(3), tmp_path / "case_3")
    assert _codes(tmp_path) == {"case_1": set(), "case_2": set(), "case_3": set()}


def test_the_command_writes_a_table_and_leaves_the_data_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = decathlon(tmp_path / "data")
    before = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "data").rglob("*"))
    assert main(["audit", str(data), "--output", str(tmp_path / "out"), "--workers", "1"]) == 0
    assert sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "data").rglob("*")) == before
    printed = capsys.readouterr().out
    assert "2 of 2 cases are usable, 2 patients." in printed
    assert "Not counted, because without an expert's segmentation: 1 (BRATS_485)." in printed
    with (tmp_path / "out" / "audit.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["case"], row["usable"], row["labels"]) for row in rows] == [
        ("BRATS_001", "yes", "Decathlon"),
        ("BRATS_002", "yes", "Decathlon"),
    ]
    enhancing = np.count_nonzero(tiny_patient(41).labels == 3) / 1000
    assert float(rows[0]["volume_ET_ml"]) == pytest.approx(enhancing, abs=1e-3)
    document = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert document["usable"] == 2
    assert document["cases"][0]["files"]["seg"].endswith(
        "Task01_BrainTumour.tar/Task01_BrainTumour/labelsTr/BRATS_001.nii.gz"
    )


def test_nothing_usable_is_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _truncate(write_case(PATIENT, tmp_path / "data" / "Case"))
    assert main(["audit", str(tmp_path / "data"), "--output", str(tmp_path / "out")]) == 2
    assert "0 of 1 cases are usable" in capsys.readouterr().out
    assert main(["audit", str(tmp_path / "nowhere"), "--output", str(tmp_path / "out")]) == 2
    assert "does not exist; check the path" in capsys.readouterr().err


def test_reports_are_not_written_into_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_case(PATIENT, tmp_path / "Case")
    assert main(["audit", str(tmp_path), "--output", str(tmp_path / "audit")]) == 2
    assert "lies in the data folder, which is only read" in capsys.readouterr().err
    assert not (tmp_path / "audit").exists()


def test_other_tumors_are_named(tmp_path: Path) -> None:
    write_case(PATIENT, tmp_path / "BraTS-PED-00001-000", "{name}-{kind}.nii.gz", NAMES_2023, {3: 3})
    write_case(tiny_patient(2), tmp_path / "BraTS-GLI-00001-000", "{name}-{kind}.nii.gz", NAMES_2023, {3: 3})
    assert _codes(tmp_path) == {"BraTS-PED-00001-000": {"other-tumor"}, "BraTS-GLI-00001-000": set()}
    assert _audit(tmp_path).usable == 1


def test_a_case_that_is_refused_as_a_whole_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(case: LabelledCase) -> CaseAudit:
        if case.name == "case 0":
            raise BadInputError("case 0 is odd.")
        return audit_case(case)

    monkeypatch.setattr("tumorseg_training.audit.audit_case", refuses)
    for number in range(2):
        write_case(tiny_patient(number + 1), tmp_path / f"case {number}")
    first, second = _audit(tmp_path).cases
    assert [(finding.code, finding.message) for finding in first.findings] == [("unreadable", "case 0 is odd.")]
    assert (first.usable, second.usable) == (False, True)


def test_several_processes_find_the_same(tmp_path: Path) -> None:
    path = PUBLIC_LAYOUTS["BraTS 2020 (Kaggle)"](tmp_path)
    reports: list[tuple[int, int]] = []
    found = audit(path, workers=2, report=lambda done, count: reports.append((done, count)))
    assert text_report(found) == text_report(_audit(path))
    assert reports == [(1, 3), (2, 3), (3, 3)]


def test_large_sets_show_what_matters(tmp_path: Path) -> None:
    for number in range(45):
        write_case(PATIENT, tmp_path / f"case_{number:02d}")
    _truncate_named = tmp_path / "case_44" / "case_44_t2.nii.gz"
    _truncate_named.write_bytes(b"")
    text = text_report(_audit(tmp_path))
    assert "… and 5 more cases in audit.csv" in text
    assert "case_44" in text.split("\n\n")[0]
    assert "Problem unreadable, 1 case:" in text


@pytest.fixture
def heard_interrupts() -> Iterator[None]:
    """Shells let what they start in the background ignore Ctrl-C, and processes pass that on to those they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes as Linux shows them")
@pytest.mark.usefixtures("heard_interrupts")
def test_ctrl_c_ends_it_without_a_trace(tmp_path: Path) -> None:
    for number in range(60):
        write_case(PATIENT, tmp_path / "data" / f"case_{number}")
    command = [sys.executable, "-m", "tumorseg_training.cli", "audit", str(tmp_path / "data"), "--workers", "2"]
    command += ["--output", str(tmp_path / "out")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        while process.poll() is None and len(_children(process.pid)) < 3:  # two that look, and multiprocessing's helper
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.strip() == "tumorseg-train: Stopped; nothing was written."
    assert list((tmp_path / "out").iterdir()) == []


def _children(process: int) -> list[str]:
    return Path(f"/proc/{process}/task/{process}/children").read_text().split()


@pytest.mark.parametrize("folder", ["brats2021", "brats2018-partial"])
def test_real_cases_raise_no_alarm(folder: str, data_folder: Path) -> None:
    found = audit(data_folder / folder, workers=2, report=lambda done, count: None)
    assert found.usable == 7
    codes = {finding.code for case in found.cases for finding in case.findings}
    assert codes == ({"missing-sequence"} if folder == "brats2018-partial" else set())
