"""Half a brain, a small one, and files that do not say where left is: told, and then no side."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from support.cases import write_case
from support.models import saved
from support.moved import HEAD, head_model, head_patient
from tumorseg.case_files import find_case, read_case
from tumorseg.cli import main
from tumorseg.file_header import says_where_left_is
from tumorseg.guard import check_case
from tumorseg.images import write_labels
from tumorseg.modelfile import Model
from tumorseg.pipeline import Options, segment
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Volume

Case = dict[str, Volume]


@pytest.fixture(scope="module")
def patient() -> Case:
    return head_patient("Case_{sequence}.nii.gz")


@pytest.fixture(scope="module")
def model() -> Model:
    return head_model()


def part(case: Case, *parts: slice) -> Case:
    """Some slices, rows and columns (z, y, x)."""
    box = (*parts, *(slice(None),) * (3 - len(parts)))
    return {s: replace(v, array=v.array[box], geometry=v.geometry.crop(box)) for s, v in case.items()}


def left_half(case: Case) -> Case:
    return part(case, slice(None), slice(None), slice(30, None))


def right_half_front_first(case: Case) -> Case:
    """The other half, on a grid whose x axis runs from left to right."""
    half = part(case, slice(None), slice(None), slice(0, 30))
    flipped = {}
    for sequence, volume in half.items():
        x, y, z = volume.geometry.origin
        geometry = replace(volume.geometry, origin=(x + 29 * 4.0, y, z), direction=(-1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
        flipped[sequence] = replace(volume, array=volume.array[:, :, ::-1], geometry=geometry)
    return flipped


def piece(case: Case) -> Case:
    return part(case, slice(None), slice(None), slice(30, 44))


def shrunk(case: Case) -> Case:
    geometry = replace(HEAD, spacing=(2.4, 2.4, 2.4))
    return {s: replace(v, geometry=geometry) for s, v in case.items()}


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (left_half, "half-brain", "The brain is cut off at the right ("),
        (right_half_front_first, "half-brain", "The brain is cut off at the left ("),
        (shrunk, "small-brain", "The volumes show only "),
        (piece, "small-field-of-view", "T1 (Case_t1.nii.gz), T1ce (Case_t1ce.nii.gz), "),
    ],
)
def test_without_both_halves_no_side_is_told(
    patient: Case, model: Model, change: Callable[[Case], Case], code: str, words: str
) -> None:
    result = segment(change(patient), model, Options("cpu"))
    (finding,) = result.findings
    assert (finding.code, finding.severity, finding.volumes) == (code, "warning", model.spec.channels)
    assert finding.message.startswith(words)
    assert finding.remedy.endswith("; the side of the tumor is not told.")
    assert result.tumor.lesions
    assert {lesion.side for lesion in result.tumor.lesions} == {result.tumor.side} == {None}


def test_a_brain_without_its_top_has_sides(patient: Case, model: Model) -> None:
    result = segment(part(patient, slice(0, 22)), model, Options("cpu"))
    (finding,) = result.findings
    assert (finding.code, finding.severity) == ("cut-brain", "warning")
    assert finding.message.startswith("The brain is cut off at the top (")
    assert result.tumor.side is not None


def test_the_brain_stem_may_end_at_the_lower_face(data_folder: Path) -> None:
    case = read_case(find_case(data_folder / "brats2021" / "BraTS2021_01482"))
    assert check_case(case, SEQUENCES) == []
    assert [f.code for f in check_case(part(case, slice(30, None)), SEQUENCES)] == ["cut-brain"]


def without_codes(path: Path) -> None:
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[252:256] = bytes(4)
    path.write_bytes(gzip.compress(bytes(content)))


@pytest.fixture
def uncoded(patient: Case, tmp_path: Path) -> dict[str, Path]:
    files = write_case(patient, tmp_path / "case")
    for path in files.values():
        without_codes(path)
    return files


def test_files_that_do_not_say_where_left_is(uncoded: dict[str, Path], patient: Case, model: Model) -> None:
    result = segment(read_case(uncoded), model, Options("cpu"))
    (finding,) = result.findings
    assert (finding.code, finding.severity) == ("unknown-sides", "warning")
    assert finding.sentence == (
        "T1 (Case_t1.nii.gz), T1ce (Case_t1ce.nii.gz), T2 (Case_t2.nii.gz) and FLAIR (Case_flair.nii.gz) do not say "
        "where left and right are: no directions in the header, or two that contradict each other. "
        "Convert the images again; "
        "the side of the tumor is not told, and directions may be wrong."
    )
    assert {lesion.side for lesion in result.tumor.lesions} == {result.tumor.side} == {None}
    assert segment(patient, model, Options("cpu")).tumor.side is not None


def test_measure_tells_no_side_then(
    uncoded: dict[str, Path], model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coded = tmp_path / "coded.nii.gz"
    arguments = ["segment", "--case", str(uncoded["t1"].parent), "--model", str(saved(model, tmp_path))]
    assert main([*arguments, "--output", str(coded), "--report", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "report.json").read_text())["side"] is None
    capsys.readouterr()
    main(["measure", str(coded), "--json", "--brain", str(uncoded["t1ce"])])
    told = capsys.readouterr()
    assert json.loads(told.out)["side"] is None
    assert "does not say where left is, so no side is told" in told.err


def test_measure_tells_no_side_of_half_a_brain(
    patient: Case, model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, result = tmp_path / "tumor.nii.gz", segment(patient, model, Options("cpu"))
    write_labels(result.labels, result.geometry, labels)
    half = part(patient, slice(None), slice(None), slice(0, 30))
    for name, case in (("whole", patient), ("half", half)):
        write_case(case, tmp_path / name)
    sides = []
    for name in ("whole", "half"):
        main(["measure", str(labels), "--json", "--brain", str(tmp_path / name / "Case_t1ce.nii.gz")])
        told = capsys.readouterr()
        sides.append(json.loads(told.out)["side"])
    assert sides == [result.tumor.side, None]
    assert "the side of the tumor is not told" in told.err


def test_which_files_say_it(uncoded: dict[str, Path], tmp_path: Path) -> None:
    content = gzip.decompress(uncoded["t1"].read_bytes())
    told = tmp_path / "told.nii"
    told.write_bytes(content[:252] + bytes([1, 0]) + content[254:])
    plain = tmp_path / "plain.nii"
    plain.write_bytes(content)
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(uncoded["t1"].read_bytes()[:40])
    other = tmp_path / "other.nrrd"
    assert [says_where_left_is(path) for path in (uncoded["t1"], plain)] == [False, False]
    assert all(says_where_left_is(path) for path in (told, cut, other, tmp_path / "missing.nii"))
