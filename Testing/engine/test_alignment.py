"""Volumes on other grids are brought to that of the reference: what is moved, what is said, and what comes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.cases import write_case
from support.models import saved
from support.moved import HEAD, head_model, head_patient, moved
from support.worker import Event, Script, end_of, worker_request
from tumorseg.alignment import alignment_finding, elsewhere, find_motions, on_one_grid, told_after_alignment
from tumorseg.case_files import find_case, read_case
from tumorseg.cli import main
from tumorseg.errors import BadInputError
from tumorseg.finding import Finding, by_severity
from tumorseg.grids import resampled
from tumorseg.guard import check_case
from tumorseg.images import read_labels
from tumorseg.modelfile import Model, load_model
from tumorseg.modelstore import find_model
from tumorseg.pipeline import Options, Result, segment
from tumorseg.progress import Progress, silent
from tumorseg.registration import Motion, no_motion, rigid_motion
from tumorseg.report_html import html_report
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import FloatArray, Geometry, Volume

Head = dict[str, Volume]

THICK = Geometry((27, 60, 60), (-118.0, -118.0, -78.0), (4.0, 4.0, 6.0))
TURN, SHIFT = (4.0, -5.0, 6.0), (5.0, -4.0, 6.0)


@pytest.fixture(scope="module")
def still() -> Head:
    """A synthetic patient at 4 mm who does not move."""
    return head_patient("Case_{sequence}.nii.gz")


@pytest.fixture(scope="module")
def scanned(still: Head) -> Head:
    """The same patient, who moves before the FLAIR, which has thick slices."""
    return {**still, "flair": moved(still["flair"], TURN, SHIFT, THICK)[0]}


@pytest.fixture(scope="module")
def flair_model() -> Model:
    """Tumor is what is bright in FLAIR; the result lies on the T1ce."""
    return head_model("t1", "flair", "t2", "t1ce")


def dice(first: Result, second: Result) -> float:
    one, two = first.labels > 0, second.labels > 0
    return float(2 * (one & two).sum() / (one.sum() + two.sum()))


def test_a_moved_volume_gives_nearly_the_labels_of_the_unmoved_one(
    still: Head, scanned: Head, flair_model: Model
) -> None:
    reports: list[Progress] = []
    wanted = segment(still, flair_model, Options("cpu"))
    found = segment(scanned, flair_model, Options("cpu"), reports.append)
    unregistered = segment(scanned, flair_model, Options("cpu", register=False))
    assert found.geometry == HEAD
    # Single voxels of 4 mm decide much; where they lie decides more.
    assert dice(found, wanted) > dice(unregistered, wanted) + 0.15
    assert list(found.motions) == ["flair"]
    assert found.motions["flair"].degrees == pytest.approx(8.8, abs=0.3)
    assert list(dict.fromkeys(report.stage for report in reports))[:3] == ["check", "align", "prepare"]
    assert found.seconds["align"] > 0


def test_what_was_moved_is_told_and_kept(scanned: Head, flair_model: Model) -> None:
    result = segment(scanned, flair_model, Options("cpu"))
    (finding,) = [finding for finding in result.findings if finding.code == "registered"]
    motion = result.motions["flair"]
    assert (finding.severity, finding.volumes) == ("warning", ("flair",))
    assert finding.sentence == (
        "FLAIR (Case_flair.nii.gz) lay on another grid; registered to the T1ce (Case_t1ce.nii.gz): FLAIR by "
        f"{motion.distance_mm:.1f} mm and {motion.degrees:.1f} degrees. "
        "That is far; check that all volumes show the same patient, and that the outlines fit."
    )
    kept = np.fromstring(result.provenance["input_flair_motion"], sep=" ").reshape(3, 4)
    np.testing.assert_allclose(kept, motion.matrix[:3], atol=1e-5)
    assert "different-grid" not in {finding.code for finding in result.findings}


def test_a_small_motion_is_a_note_that_does_not_ask_for_care(still: Head) -> None:
    motions = {"t1": replace(no_motion(), distance_mm=2.34), "t2": no_motion()}
    finding = alignment_finding(still, "t1ce", motions, registers=True)
    assert (finding.severity, finding.sentence) == (
        "note",
        "T1 (Case_t1.nii.gz) and T2 (Case_t2.nii.gz) lay on other grids; registered to the T1ce (Case_t1ce.nii.gz): "
        "T1 by 2.3 mm and 0.0 degrees and T2 by 0.0 mm and 0.0 degrees.",
    )


def test_without_registration_volumes_are_resampled_where_their_headers_say(scanned: Head, flair_model: Model) -> None:
    result = segment(scanned, flair_model, Options("cpu", register=False))
    (finding,) = [finding for finding in result.findings if finding.code == "resampled"]
    assert finding.sentence == (
        "FLAIR (Case_flair.nii.gz) lay on another grid; resampled to the T1ce (Case_t1ce.nii.gz) where the headers "
        "say. Check that the outlines fit."
    )
    np.testing.assert_array_equal(result.motions["flair"].matrix, np.eye(4))


def test_volumes_of_one_grid_are_not_touched(still: Head) -> None:
    assert elsewhere(still, "t1ce") == ()
    assert find_motions(still, "t1ce", True, silent) == {}
    assert on_one_grid(still, HEAD, {}) == still


def test_volumes_that_are_only_stored_otherwise_are_not_moved(
    still: Head, flair_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As RAS, or cut by some voxels: interpolation is exact then, and a registration would only add its error."""
    turned = Geometry(HEAD.shape, (118.0, 118.0, -76.0), HEAD.spacing, (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0))
    ras = Volume(np.ascontiguousarray(still["flair"].array[:, ::-1, ::-1]), turned, "flair")
    box = (slice(0, 39), slice(2, 58), slice(0, 60))
    cut = Volume(still["t2"].array[box], HEAD.crop(box), "t2")
    monkeypatch.setattr("tumorseg.alignment.rigid_motion", None)
    result = segment({**still, "flair": ras, "t2": cut}, flair_model, Options("cpu"))
    assert all(np.array_equal(motion.matrix, np.eye(4)) for motion in result.motions.values())
    assert list(result.motions) == ["flair", "t2"]
    np.testing.assert_array_equal(result.labels, segment(still, flair_model, Options("cpu")).labels)
    (told,) = [finding for finding in result.findings if finding.code == "registered"]
    assert (told.severity, told.volumes) == ("note", ())
    assert not [reason for reason in result.quality.reasons if "the check of the images" in reason]
    assert not HEAD.shares_voxels(THICK)
    assert not HEAD.shares_voxels(replace(HEAD, origin=(-117.0, -118.0, -76.0)))


def test_whole_voxels_are_moved_exactly(still: Head) -> None:
    larger = Geometry((41, 62, 62), tuple(np.subtract(HEAD.origin, 4.0).tolist()), HEAD.spacing)
    ((_, volume),) = on_one_grid({"t2": still["t2"]}, larger, {"t2": no_motion()}).items()
    assert volume.geometry == larger
    np.testing.assert_array_equal(volume.array[1:-1, 1:-1, 1:-1], still["t2"].array)
    assert not volume.array[0].any()


def test_a_moved_brain_has_no_faint_rim() -> None:
    """A quarter of a voxel along x: what is not brain does not darken what is, also below 0 and around a hole."""
    grid = Geometry((5, 5, 9))
    array = np.zeros(grid.shape, np.float32)
    array[..., 2:7] = -8
    array[2, 2, 4] = 0
    quarter = replace(grid, origin=(0.25, 0.0, 0.0))
    found = on_one_grid({"t2": Volume(array, grid, "t2")}, quarter, {"t2": no_motion()})["t2"].array
    np.testing.assert_allclose(found[0, 0], [0, 0, -8, -8, -8, -8, -8, 0, 0], atol=1e-5)
    np.testing.assert_allclose(found[2, 2], [0, 0, -8, -8, 0, -8, -8, 0, 0], atol=1e-5)


def test_a_moved_head_without_zeros_is_interpolated_as_before() -> None:
    grid = Geometry((6, 7, 8))
    array = np.random.default_rng(0).normal(100, 10, grid.shape).astype(np.float32)
    other = replace(grid, origin=(0.3, -0.2, 0.4))
    found = on_one_grid({"t2": Volume(array, grid, "t2")}, other, {"t2": no_motion()})["t2"].array
    np.testing.assert_allclose(found, resampled(array, grid, other), rtol=1e-5)


def test_only_what_a_moved_volume_reaches_is_interpolated(still: Head, monkeypatch: pytest.MonkeyPatch) -> None:
    """Air is a large part of a grid; what a volume shows may lie beside the grid."""
    grids: list[Geometry] = []

    def noted(array: FloatArray, source: Geometry, target: Geometry, *options: Any) -> FloatArray:
        grids.append(target)
        return resampled(array, source, target, *options)

    monkeypatch.setattr("tumorseg.alignment.resampled", noted)
    fine = Geometry((80, 120, 120), HEAD.origin, (2.0, 2.0, 2.0))
    flair, motion = moved(still["flair"], TURN, SHIFT, THICK)
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(motion.GetMatrix(), (3, 3))
    matrix[:3, 3] = motion.TransformPoint((0.0, 0.0, 0.0))
    found = on_one_grid({"flair": flair}, fine, {"flair": Motion(matrix, 9.0)})["flair"]
    assert found.geometry == fine
    assert np.prod(grids[0].shape) < 0.7 * np.prod(fine.shape)
    shown, values = (
        resampled(array, flair.geometry, fine, motion) for array in ((flair.array != 0).astype(np.float32), flair.array)
    )
    expected = np.where(shown >= 0.5, values / np.maximum(shown, 0.5), 0)
    np.testing.assert_allclose(found.array, expected, rtol=1e-6)


@pytest.mark.parametrize("millimetres", [7.0, 90.0, -900.0, 900.0])
def test_nothing_that_a_moved_volume_shows_is_lost(millimetres: float) -> None:
    """A block of voxels up to the edge of its grid; 90 mm beside it a part lies beyond the reference, then all."""
    thick = Geometry((5, 9, 9), (-20.0, -20.0, -12.0), (5.0, 5.0, 7.0))
    array = np.zeros(thick.shape, np.float32)
    array[2:, 3:8, 1:6] = np.random.default_rng(5).uniform(50, 90, (3, 5, 5))
    matrix = np.eye(4)
    matrix[:3, 3] = (millimetres, -4, 6)
    motion = Motion(matrix, abs(millimetres))
    fine = replace(HEAD, shape=(156, 240, 240), spacing=(1.0, 1.0, 1.0))
    found = on_one_grid({"t2": Volume(array, thick, "t2")}, fine, {"t2": motion})["t2"].array
    shown, values = (resampled(part, thick, fine, motion.transform) for part in (np.sign(array), array))
    np.testing.assert_allclose(found, np.where(shown >= 0.5, values / np.maximum(shown, 0.5), 0), rtol=1e-5)
    assert found.any() == (abs(millimetres) < 900)


def test_the_check_says_what_will_be_done(scanned: Head) -> None:
    remedies = {
        "registered": "They are registered and resampled to the T1ce before the segmentation.",
        "resampled": "They are resampled to the T1ce where their headers say.",
    }
    for other_grids, remedy in remedies.items():
        (finding,) = check_case(scanned, SEQUENCES, other_grids=other_grids)  # type: ignore[arg-type]
        assert (finding.code, finding.severity, finding.remedy) == ("different-grid", "note", remedy)
    assert check_case(scanned, SEQUENCES)[0].severity == "blocking"


def test_volumes_of_another_room_are_found_by_their_content(still: Head, flair_model: Model) -> None:
    away, _ = moved(still["flair"], (0.0, 0.0, 0.0), (300.0, 0.0, 0.0))
    case = {**still, "flair": away}
    notes = check_case(case, SEQUENCES, other_grids="registered")
    assert [(finding.code, finding.severity) for finding in notes] == [
        ("little-overlap", "warning"),
        ("different-grid", "note"),
    ]
    assert notes[0].remedy.endswith("same patient; they are registered before the segmentation.")
    result = segment(case, flair_model, Options("cpu"))
    assert [finding.code for finding in result.findings] == ["registered"]
    assert dice(result, segment(still, flair_model, Options("cpu"))) > 0.9
    with pytest.raises(BadInputError, match="does not overlap"):
        segment(case, flair_model, Options("cpu", register=False))


def test_a_mask_of_another_room_is_refused_before_anything_is_registered(scanned: Head, flair_model: Model) -> None:
    stages: list[str] = []
    mask = Volume(np.ones(THICK.shape, np.float32), replace(THICK, origin=(500.0, 0.0, 0.0)), "mask")
    with pytest.raises(BadInputError, match="mask does not lie over T1ce"):
        segment(scanned, flair_model, Options("cpu", brain_mask=mask), lambda told: stages.append(told.stage))
    assert "align" not in stages


@pytest.mark.parametrize("registers", [True, False])
def test_a_mask_is_brought_to_the_reference_also_where_other_volumes_are(
    still: Head, scanned: Head, flair_model: Model, registers: bool
) -> None:
    """What is not in the mask is no tumor, and what the moved volumes show there does not count."""
    inside = np.zeros(HEAD.shape, np.float32)
    inside[10:, 10:50, 10:35] = still["t1"].array[10:, 10:50, 10:35] != 0
    exact = Volume(inside, HEAD, "mask")
    cut = replace(exact, array=inside[5:, 5:, 5:], geometry=HEAD.crop((slice(5, None),) * 3))
    results = [segment(scanned, flair_model, Options("cpu", False, mask, registers)) for mask in (exact, cut)]
    np.testing.assert_array_equal(results[0].labels, results[1].labels)
    assert results[0].labels.any()
    assert not results[0].labels[inside == 0].any()


def test_what_a_volume_lacks_is_found_after_it_was_moved(still: Head, flair_model: Model) -> None:
    half = replace(THICK, shape=(11, 60, 60))
    case = {**still, "flair": moved(still["flair"], TURN, SHIFT, half)[0]}
    result = segment(case, flair_model, Options("cpu"))
    assert {"registered", "partial-brain"} <= {finding.code for finding in result.findings}


@pytest.mark.parametrize(
    ("thickness", "code"), [((12, 60, 60), "small-field-of-view"), ((14, 60, 60), "implausible-spacing")]
)
def test_a_grid_is_judged_as_it_was_given(
    still: Head, flair_model: Model, thickness: tuple[int, int, int], code: str
) -> None:
    """The others are whole; on the grid of the T1ce they were told to be a slab, or to have its voxels, too."""
    grid = replace(HEAD, shape=thickness, spacing=(4.0, 4.0, 4.0 if code == "small-field-of-view" else 11.0))
    t1ce = replace(still["t1ce"], array=resampled(still["t1ce"].array, HEAD, grid), geometry=grid)
    result = segment({**still, "t1ce": t1ce}, flair_model, Options("cpu"))
    assert [finding.volumes for finding in result.findings if finding.code == code] == [("t1ce",)]


def test_findings_that_still_hold_are_kept_once() -> None:
    skull, grid = (Finding(code, "warning", ("t1",), code, "") for code in ("skull", "different-grid"))
    study = Finding("different-study", "warning", ("t1", "t2"), "", "")
    again = replace(skull, message="again")
    assert told_after_alignment([skull, grid, study], [again]) == [study, again]


def test_notes_come_last() -> None:
    note, warning, blocking = (Finding(s, s, (), "", "") for s in ("note", "warning", "blocking"))  # type: ignore[arg-type]
    assert by_severity([note, warning, blocking]) == [blocking, warning, note]


def test_the_report_shows_the_moved_volume(scanned: Head, flair_model: Model) -> None:
    result = segment(scanned, flair_model, Options("cpu"))
    report = html_report(result, scanned, None, "Case")
    assert "FLAIR, axial" in report
    assert "registered to the T1ce" in report


@pytest.fixture
def files(scanned: Head, tmp_path: Path) -> Path:
    write_case(scanned, tmp_path / "Case")
    return tmp_path / "Case"


@pytest.fixture
def model_file(flair_model: Model, tmp_path: Path) -> str:
    return str(saved(flair_model, tmp_path))


def test_the_command_registers_unless_told_not_to(
    files: Path, model_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = {}
    for name, further in (("registered", []), ("resampled", ["--no-register"])):
        output = tmp_path / f"{name}.nii.gz"
        assert main(["segment", "--case", str(files), "--model", model_file, "--output", str(output), *further]) == 0
        assert f"lay on another grid; {name} to the T1ce" in capsys.readouterr().err
        labels[name], geometry = read_labels(output)
        assert geometry.matches(HEAD)
    assert (labels["registered"] != labels["resampled"]).any()


def test_the_command_check_only_notes_another_grid(
    files: Path, model_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--case", str(files), "--model", model_file]) == 0
    assert capsys.readouterr().out.startswith("note: Not all volumes lie on the grid of T1ce (Case_t1ce.nii.gz)")
    assert main(["check", "--case", str(files), "--model", model_file, "--json"]) == 0
    assert [finding["code"] for finding in json.loads(capsys.readouterr().out)] == ["different-grid"]


@pytest.mark.parametrize("further", [[], ["--no-register"]])
def test_a_batch_registers_too(
    files: Path, model_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], further: list[str]
) -> None:
    output = tmp_path / "out"
    arguments = ["segment", "--batch", str(files.parent), "--model", model_file, "--output", str(output), *further]
    assert main(arguments) == 0
    word = "resampled" if further else "registered"
    assert f"Case: {'note' if further else 'warning'}: FLAIR (Case_flair.nii.gz) lay on another grid; {word}" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("register", [True, False])
def test_the_worker_registers_unless_told_not_to(
    scanned: Head, model_file: str, tmp_path: Path, inside: tuple[Script, Callable[[], Event]], register: bool
) -> None:
    script, next_event = inside
    request = worker_request(tmp_path, Path(model_file), scanned)
    script.send(**{**request, "register": register})
    result = end_of("1", next_event)
    assert result["event"] == "result", result
    codes = {finding["code"] for finding in result["findings"]}
    assert ("registered" in codes, "resampled" in codes) == (register, not register)


def test_the_check_of_the_worker_notes_another_grid(
    scanned: Head, model_file: str, tmp_path: Path, inside: tuple[Script, Callable[[], Event]]
) -> None:
    script, next_event = inside
    script.send(**{**worker_request(tmp_path, Path(model_file), scanned), "request": "check"})
    (finding,) = end_of("1", next_event)["findings"]
    assert (finding["code"], finding["severity"]) == ("different-grid", "note")


def test_a_real_case_on_the_grids_of_the_scanner_is_segmented_as_in_the_space_of_brats(data_folder: Path) -> None:
    """The same patient twice: four grids of the scanner, and made ready for BraTS by its own tools."""
    model = load_model(find_model())
    cases = [read_case(find_case(data_folder / way / "TCGA-DU-7294")) for way in ("native", "algorithmic-labels")]
    scanner, brats = (segment(case, model, Options("cpu")) for case in cases)
    assert scanner.geometry == cases[0]["t1ce"].geometry
    assert list(scanner.motions) == ["t1", "t2", "flair"]
    assert all(motion.distance_mm < 4 for motion in scanner.motions.values())
    between = rigid_motion(cases[1]["t1ce"], cases[0]["t1ce"], lambda _: None)
    whole = Volume((scanner.labels > 0).astype(np.float32), scanner.geometry, "whole tumor")
    there = on_one_grid({"WT": whole}, brats.geometry, {"WT": between})["WT"].array > 0.5
    wanted = brats.labels > 0
    assert 2 * (there & wanted).sum() / (there.sum() + wanted.sum()) > 0.92
