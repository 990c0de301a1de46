"""The command ``tumorseg``: what it writes, what it says, and its exit codes."""

import json
import os
import subprocess
import sys
import weakref
from collections.abc import Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from support.cases import HEAD_SIZED, SMALL, expected_threshold_labels, small_case, write_case
from support.models import one_channel_model, saved, small_spec, threshold_model
from tumorseg.case_files import read_case
from tumorseg.cli import main
from tumorseg.console import ProgressLine
from tumorseg.images import read_labels, write_labels
from tumorseg.memory_ladder import Rung
from tumorseg.modelfile import Model
from tumorseg.network import Ensemble
from tumorseg.pipeline import Inferred, infer
from tumorseg.progress import Progress
from tumorseg.sequences import SEQUENCES, Case
from tumorseg.tiles import Tiling
from tumorseg.uncertainty import Quality
from tumorseg.volume import Geometry


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(saved(threshold_model(), tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases") / "Case"
    write_case(small_case(), folder)
    return folder


def _refused(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 2) -> list[str]:
    """Run a command that must fail; the sentences it prints."""
    assert main([str(argument) for argument in arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    lines = captured.err.splitlines()
    assert all(line.startswith("tumorseg: ") for line in lines)
    return [line.removeprefix("tumorseg: ") for line in lines]


def _tumorseg(*arguments: object, encoding: str) -> subprocess.CompletedProcess[str]:
    """Run the command on a console with another code page."""
    command = [sys.executable, "-m", "tumorseg", *map(str, arguments)]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    return subprocess.run(command, env=environment, capture_output=True, encoding=encoding, check=False)


@pytest.mark.parametrize("extension", [".nii.gz", ".nrrd", ".seg.nrrd"])
def test_segments_a_case_folder_into_every_format(case: Path, model: str, tmp_path: Path, extension: str) -> None:
    output = tmp_path / f"out{extension}"
    assert main(["segment", "--case", str(case), "--model", model, "--output", str(output)]) == 0
    labels, geometry = read_labels(output)
    np.testing.assert_array_equal(labels, expected_threshold_labels(small_case()["t1ce"]))
    assert geometry.matches(SMALL)
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


def test_four_files_give_what_the_folder_gives(case: Path, model: str, tmp_path: Path) -> None:
    files = [part for name in SEQUENCES for part in (f"--{name}", str(case / f"Case_{name}.nii.gz"))]
    output = tmp_path / "out.nii.gz"
    assert main(["segment", *files, "--model", model, "--output", str(output), "--labels", "2020"]) == 0
    expected = expected_threshold_labels(small_case()["t1ce"])
    np.testing.assert_array_equal(read_labels(output)[0], np.where(expected == 3, 4, expected))


@pytest.mark.parametrize("report", [False, True])
def test_the_network_has_the_memory_of_volumes_that_no_report_shows(
    case: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: bool
) -> None:
    kept: list[weakref.ref[np.ndarray]] = []
    alive: list[bool] = []

    def noted(files: Mapping[str, Path]) -> Case:
        volumes = read_case(files)
        kept.extend(weakref.ref(volume.array) for volume in volumes.values())
        return volumes

    def inferred(*arguments: Any) -> Inferred:
        alive.extend(array() is not None for array in kept)
        return infer(*arguments)

    monkeypatch.setattr("tumorseg.segment_command.read_case", noted)
    monkeypatch.setattr("tumorseg.segment_command.infer", inferred)
    options = ["--report", str(tmp_path)] if report else []
    output = str(tmp_path / "out.nii.gz")
    assert main(["segment", "--case", str(case), "--output", output, "--model", model, *options]) == 0
    assert alive == [report] * 4


def test_prints_what_was_found_and_writes_report_and_probabilities(
    case: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["segment", "--case", str(case), "--model", model, "--output", str(tmp_path / "o.nii.gz")]
    arguments += ["--device", "cpu"]
    assert main([*arguments, "--report", str(tmp_path / "r"), "--probabilities", str(tmp_path / "p.nii.gz")]) == 0
    captured = capsys.readouterr()
    assert "<h1>Case</h1>" in (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
    report = json.loads((tmp_path / "r" / "report.json").read_text())
    assert f"{report['measurements']['WT']['volume_ml']:.2f}" in captured.out
    assert "Research only" in captured.out
    facts = report["provenance"]
    assert f"The CPU was asked for. Network: {facts['memory_rung']}; {facts['runtime']}.\n" in captured.out
    assert "\r" not in captured.err  # no progress when piped
    assert all(line.startswith("warning: ") for line in captured.err.splitlines())
    assert report["provenance"]["model"] == "threshold 1.0"
    maps = sitk.ReadImage(tmp_path / "p.nii.gz")
    assert maps.GetMetaData("ITK_FileNotes") == f"Probabilities: {facts['thresholds']}"


def test_batch_segments_every_case_goes_on_after_a_bad_one_and_resumes(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("A", "B", "C"):
        write_case(small_case(), tmp_path / "in" / "site" / name)
    (tmp_path / "in" / "site" / "B" / "Case_t2.nii.gz").write_bytes(b"not an image")
    arguments = ["segment", "--batch", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--model", model]
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert sorted(path.name for path in (tmp_path / "out").glob("*.nii.gz")) == ["site_A.nii.gz", "site_C.nii.gz"]
    assert "tumorseg: site_B: " in captured.err
    assert "Case_t2.nii.gz" in captured.err
    write_case(small_case(), tmp_path / "in" / "site" / "B")
    assert main(arguments) == 0
    outcome = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[1:])
    assert outcome["site_A"] == outcome["site_C"] == "kept, 0.6 mL; look with care"
    assert outcome["site_B"].startswith("done, ")
    assert "; tiles of 8 x 8 x 8 voxels on cpu" in outcome["site_B"]


def _batch(folder: Path, model: str, *options: str) -> list[str]:
    return ["segment", "--batch", str(folder / "in"), "--output", str(folder / "out"), "--model", model, *options]


def test_batch_keeps_no_result_of_other_volumes_or_options(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_case(small_case(), tmp_path / "in" / "A")
    assert main(_batch(tmp_path, model)) == 0
    result = tmp_path / "out" / "A.nii.gz"
    before = result.read_bytes()
    other = str(saved(threshold_model((0.5, 1.0, 2.0)), tmp_path))
    capsys.readouterr()
    told = f"tumorseg: A: {result} was made from other volumes or options ({{}}); delete it or choose another folder.\n"
    assert main(_batch(tmp_path, model, "--labels", "2020")) == 2
    assert capsys.readouterr().err == told.format("--labels")
    assert main(_batch(tmp_path, other, "--tta", "--no-register")) == 2
    assert capsys.readouterr().err == told.format("model, --tta, --no-register")
    write_case(small_case(seed=1), tmp_path / "in" / "A")
    assert main(_batch(tmp_path, model)) == 2
    captured = capsys.readouterr()
    assert captured.err == told.format("T1, T1ce, T2, FLAIR")
    assert captured.out.splitlines()[1].split() == ["A", "failed"]
    assert result.read_bytes() == before
    result.unlink()
    assert main(_batch(tmp_path, model)) == 0


def test_batch_tells_a_result_that_says_nothing_about_its_volumes(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_case(small_case(), tmp_path / "in" / "A")
    assert main(_batch(tmp_path, model)) == 0
    record = tmp_path / "out" / "A.json"
    for text in (None, "cut {", "[]", '{"Modality": "MR"}'):
        record.unlink(missing_ok=True)
        if text is not None:
            record.write_text(text)
        capsys.readouterr()
        assert main(_batch(tmp_path, model)) == 2
        assert "no A.json beside it says from which volumes it was made" in capsys.readouterr().err
    (tmp_path / "out" / "A.nii.gz").unlink()
    assert main(_batch(tmp_path, model)) == 2  # the file of another program stays
    assert f"{record} is not a record of a result; move it, or choose another folder." in capsys.readouterr().err
    assert record.read_text() == '{"Modality": "MR"}'


def test_a_report_of_other_volumes_is_not_replaced(
    case: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_case(small_case(seed=1), tmp_path / "other")
    given = ["--model", model, "--output", str(tmp_path / "o.nii.gz"), "--report", str(tmp_path / "r")]
    for _ in range(2):  # the same volumes again
        assert main(["segment", "--case", str(case), *given]) == 0
    (tmp_path / "o.nii.gz").unlink()
    capsys.readouterr()
    refused = f"{tmp_path}/r holds a report of other volumes, or one that does not say of which; choose another folder."
    before = (tmp_path / "r" / "report.json").read_text()
    assert _refused(capsys, "segment", "--case", tmp_path / "other", *given) == [refused]
    assert (tmp_path / "r" / "report.json").read_text() == before
    (tmp_path / "r" / "report.json").unlink()
    assert _refused(capsys, "segment", "--case", case, *given) == [refused]
    assert not (tmp_path / "o.nii.gz").exists()


def test_batch_says_which_results_to_look_at_with_care(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_case(small_case(), tmp_path / "in" / "A")
    write_case(small_case(seed=1), tmp_path / "in" / "B")
    answers = iter([Quality(0.5, ("it is scripted",)), Quality(0.9)])
    monkeypatch.setattr("tumorseg.pipeline.assess", lambda *_: next(answers))
    monkeypatch.setattr("tumorseg.batch.BEHIND", 1)  # one after the other
    arguments = ["segment", "--batch", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--model", model]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    careful = [line for line in captured.err.splitlines() if "Look at this result" in line]
    assert careful == ["A: Look at this result with care: it is scripted."]
    rows = dict(line.split(maxsplit=1) for line in captured.out.splitlines()[1:])
    assert [row.endswith("; look with care") for row in rows.values()] == [True, False]


def test_a_result_whose_name_is_too_long_does_not_stop_the_others(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("A", f"{'x' * 200}/{'y' * 200}"):
        write_case(small_case(), tmp_path / "in" / folder)
    arguments = ["segment", "--batch", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--model", model]
    assert main(arguments) == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["A.json", "A.nii.gz"]
    name = f"{'x' * 200}_{'y' * 200}"
    words = f"{tmp_path}/out/{name}.nii.gz cannot be used: its name is too long; choose a shorter one."
    assert f"tumorseg: {name}: {words}" in capsys.readouterr().err


def test_what_did_not_go_as_planned_is_told_for_one_case_and_in_a_batch(
    case: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rungs = [Rung("cuda", "cuda", Tiling("tiles", (8, 8, 8)))]
    monkeypatch.setattr("tumorseg.predictor.ladder", lambda *_: rungs)
    monkeypatch.setattr("tumorseg.model_keeper.prepare", lambda *_: None)
    remark = f"Memory was not enough for {rungs[0]}, so the run used tiles of 8 x 8 x 8 voxels on cpu."
    given = ["--model", model, "--device", "cpu", "--output"]
    assert main(["segment", "--case", str(case), *given, str(tmp_path / "o.nii.gz")]) == 0
    assert remark in capsys.readouterr().out
    assert main(["segment", "--batch", str(case), *given, str(tmp_path / "out")]) == 0
    assert f": {remark}" in capsys.readouterr().err


def test_measure_reads_back_what_segment_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case, output = tmp_path / "case", tmp_path / "out.seg.nrrd"
    write_case(small_case(HEAD_SIZED), case)
    model = threshold_model()
    path = str(saved(replace(model, spec=replace(model.spec, spacing=HEAD_SIZED.spacing)), tmp_path))
    main(["segment", "--case", str(case), "--model", path, "--output", str(output), "--report", str(tmp_path)])
    capsys.readouterr()
    assert main(["measure", str(output), "--json"]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    measured = json.loads(capsys.readouterr().out)
    assert measured["measurements"] == report["measurements"]
    assert [lesion["longest"] for lesion in measured["lesions"]] == [lesion["longest"] for lesion in report["lesions"]]
    assert measured["foci"] == report["foci"]
    assert (measured["side"], report["side"]) == (None, "midline")
    main(["measure", str(output), "--json", "--brain", str(case / "Case_t1ce.nii.gz")])
    assert json.loads(capsys.readouterr().out)["side"] == "midline"
    main(["measure", str(output)])
    assert "diameters (mm)" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["ascii", "cp936", "cp932", "cp1250"])
def test_every_code_page_can_show_what_was_measured(tmp_path: Path, encoding: str) -> None:
    labels = np.zeros((4, 20, 20), np.uint8)
    labels[1:3, 2:18, 2:18] = 3
    write_labels(labels, Geometry(labels.shape), tmp_path / "seg.nii.gz")
    done = _tumorseg("measure", tmp_path / "seg.nii.gz", encoding=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "sum of products of the diameters (ET, lesion 1): 450 mm2"


def test_names_that_a_code_page_does_not_have_are_spelled(tmp_path: Path) -> None:
    (tmp_path / "é²").mkdir()
    (tmp_path / "é²" / "seg.nii").write_bytes(b"")
    done = _tumorseg("measure", tmp_path / "é²" / "seg.nii", encoding="ascii")
    words = "is incomplete or damaged; copy or export it again.\n"
    assert (done.returncode, done.stderr) == (2, rf"tumorseg: {tmp_path}/\xe9\xb2/seg.nii {words}")
    write_case(small_case(), tmp_path / "é²" / "B")
    write_case(small_case(), tmp_path / "é²" / "ê")
    for name in ("B", "ê"):
        (tmp_path / "é²" / name / "Case_t2.nii.gz").unlink()
    done = _tumorseg("segment", "--batch", tmp_path / "é²", "--output", tmp_path / "out", encoding="ascii")
    assert (done.returncode, done.stdout.splitlines()[1:]) == (2, ["B     failed", r"\xea     failed"])


def test_check_finds_nothing_wrong_with_a_good_case_and_names_a_bad_one(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--case", str(case), "--json"]) == 0
    assert [finding["severity"] for finding in json.loads(capsys.readouterr().out)] == ["warning"]
    bad = small_case()
    bad["flair"] = bad["t1"]
    files = write_case(small_case(), tmp_path)
    arguments = [part for name in SEQUENCES for part in (f"--{name}", str(files["t1" if name == "flair" else name]))]
    assert main(["check", *arguments]) == 2
    assert "blocking: T1 (Case_t1.nii.gz) and FLAIR (Case_t1.nii.gz) are the same image." in capsys.readouterr().out


def test_models_lists_and_shows_the_shipped_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    assert "glioma (default)" in capsys.readouterr().out
    assert main(["models", "show"]) == 0
    shown = capsys.readouterr().out
    assert "SHA-256: " in shown
    assert "Research only" in shown
    assert "averages over mirrored inputs, always" in shown
    assert "compares both halves of the brain" in shown
    assert "outlines follow T1ce, FLAIR at their full resolution" in shown


def test_models_shows_that_a_model_is_an_ensemble(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = replace(small_spec(), members=2)
    path = saved(Model(spec, Ensemble(spec.network_config, 2), ""), tmp_path)
    assert main(["models", "show", str(path)]) == 0
    assert "ensemble: the mean of 2 networks" in capsys.readouterr().out


def test_missing_options_and_contradictions_are_said(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _refused(capsys, "segment", "--t1", "a.nii", "--output", "o.nii.gz") == [
        "Give --t1ce, --t2, --flair as well, or a folder with --case."
    ]
    assert _refused(capsys, "segment", "--t1", "a.nii", "--case", case, "--output", "o.nii.gz") == [
        "Give either --case or the four volumes, not both."
    ]


def test_an_output_that_cannot_be_written_is_refused_before_the_run(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "no" / "out.nii.gz"
    (sentence,) = _refused(capsys, "segment", "--case", case, "--output", missing)
    assert sentence == f"{missing} cannot be written: the folder {missing.parent} does not exist; create it first."
    (sentence,) = _refused(capsys, "segment", "--case", case, "--output", tmp_path / "out.txt")
    assert "its name must end in" in sentence


def test_a_result_never_replaces_an_input_or_another_result(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write_case(small_case(), tmp_path)
    before = {path: path.read_bytes() for path in files.values()}
    common = ["segment", "--case", tmp_path, "--model", model, "--output"]
    (sentence,) = _refused(capsys, *common, files["t1"])
    assert sentence == f"{files['t1']} is an input or another output; choose another name for the result."
    out = tmp_path / "out.nii.gz"
    assert "is an input or another output" in _refused(capsys, *common, out, "--probabilities", out)[0]
    assert "is an input or another output" in _refused(capsys, *common, out, "--brain-mask", out)[0]
    assert {path: path.read_bytes() for path in files.values()} == before


def test_a_report_that_cannot_be_replaced_keeps_the_measurements_on_the_screen(
    case: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace_file, report = os.replace, tmp_path / "report.json"

    def refuse(source: Path, target: Path) -> None:
        if Path(target) == report:
            raise PermissionError(13, "Access is denied", str(source), None, str(target))
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    output = tmp_path / "o.nii.gz"
    arguments = ["segment", "--case", str(case), "--model", model, "--output", str(output), "--report", str(tmp_path)]
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert f"Written to {output}" in captured.out
    assert captured.err.splitlines()[-1] == (
        f"tumorseg: {report} cannot be used (Access is denied); free space or choose another place."
    )


def test_a_report_folder_that_is_a_file_is_refused_before_the_run(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    arguments = ["segment", "--case", case, "--output", tmp_path / "o.nii.gz", "--report", tmp_path / "file"]
    assert "file cannot be used as a folder (File exists); choose another place." in _refused(capsys, *arguments)[0]


def test_batch_refuses_what_belongs_to_one_case(case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["segment", "--batch", case, "--output", tmp_path, "--case", case, "--report", tmp_path]
    (sentence,) = _refused(capsys, *arguments)
    assert sentence == "--case, --report cannot be given with --batch; segment that case by itself."


def test_a_model_of_one_sequence_asks_for_that_one_only(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = str(saved(one_channel_model(), tmp_path))
    arguments = ["segment", "--model", one, "--output", str(tmp_path / "o.nii.gz")]
    assert main([*arguments, "--t1ce", str(case / "Case_t1ce.nii.gz")]) == 0
    assert read_labels(tmp_path / "o.nii.gz")[0].shape == SMALL.shape
    capsys.readouterr()
    assert _refused(capsys, *arguments) == ["Give --t1ce as well, or a folder with --case."]


def test_an_unknown_model_exits_with_3(case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "o.nii.gz"
    (sentence,) = _refused(capsys, "segment", "--case", case, "--output", output, "--model", "best", code=3)
    assert sentence.startswith("There is no model best; known models: glioma;")


def test_all_bad_files_are_named_together(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = write_case(small_case(), tmp_path)
    files["t1"].unlink()
    files["t2"].write_bytes(files["t2"].read_bytes()[:3000])
    arguments = [part for name in SEQUENCES for part in (f"--{name}", files[name])]
    sentences = _refused(capsys, "segment", *arguments, "--model", model, "--output", tmp_path / "o.nii.gz")
    assert len(sentences) == 2
    assert str(files["t1"]) in sentences[0]
    assert str(files["t2"]) in sentences[1]
    assert not (tmp_path / "o.nii.gz").exists()


def test_measuring_in_the_wrong_convention_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = np.array([[[0, 1], [2, 4]]], np.uint8)
    path = tmp_path / "seg.nii.gz"
    write_labels(labels, Geometry(labels.shape), path)
    (sentence,) = _refused(capsys, "measure", path)
    assert "labels [4] do not occur in the BraTS 2023 convention; choose the convention with --labels" in sentence
    assert main(["measure", str(path), "--labels", "2020"]) == 0


NO_MEMORY = "There is not enough memory; close other programs and try again."


def test_want_of_memory_before_or_after_the_network_is_a_sentence(
    case: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    given = ["--model", model, "--output", tmp_path / "o.nii.gz"]
    for stage in ("tumorseg.case_files.read_volume", "tumorseg.pipeline.crop_to_brain", "tumorseg.pipeline.assess"):
        with monkeypatch.context() as patch:
            patch.setattr(stage, fail)
            assert _refused(capsys, "segment", "--case", case, *given, code=1) == [NO_MEMORY]
            assert main(["segment", "--batch", str(case), "--model", model, "--output", str(tmp_path / "out")]) == 2
            assert capsys.readouterr().err == f"tumorseg: Case: {NO_MEMORY}\n"
    assert list((tmp_path / "out").iterdir()) == []


def test_ctrl_c_exits_with_130_and_leaves_no_file(
    case: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tumorseg.predictor.predict", interrupted)
    output = tmp_path / "o.nii.gz"
    assert main(["segment", "--case", str(case), "--model", model, "--output", str(output)]) == 130
    assert "tumorseg: Stopped; nothing unfinished was written." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


class _Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_one_line_on_a_terminal_and_nothing_in_a_pipe() -> None:
    terminal, pipe = _Terminal(), StringIO()
    for stream in (terminal, pipe):
        line = ProgressLine(stream)
        line(Progress("predict", 0.25, 12.4, "cpu"))
        line.close()
    assert "[4/5] predict   25 % on cpu, 12 s left" in terminal.getvalue()
    assert "\n" not in terminal.getvalue()
    assert pipe.getvalue() == ""


def test_the_line_also_shows_the_stage_that_only_the_worker_has() -> None:
    terminal = _Terminal()
    ProgressLine(terminal)(Progress("load", 0.5))
    assert terminal.getvalue() == "\r\x1b[Kload      50 %"


def test_importing_the_package_loads_no_heavy_library() -> None:
    code = "import sys, tumorseg.cli; print({'torch', 'SimpleITK', 'scipy'} & set(sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "set()"


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m tumorseg models show | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_a_file_that_the_system_refuses_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/data/out.csv")

    monkeypatch.setattr("tumorseg.modelstore.list_models", full)
    expected = "/data/out.csv cannot be used (No space left on device); free space or choose another place."
    assert _refused(capsys, "models", "list") == [expected]
