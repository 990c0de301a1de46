"""The HTML report: self-contained, complete, escaped, and true to the numbers."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import SimpleITK as sitk

from support.cases import small_case
from support.models import constant_model, one_channel_model, threshold_model
from tumorseg.alignment import on_one_grid
from tumorseg.guard import Finding
from tumorseg.measure import measure_tumor
from tumorseg.modelfile import ModelCard
from tumorseg.pipeline import Options, Result, segment
from tumorseg.regions import ET
from tumorseg.registration import Motion
from tumorseg.report_html import case_title, html_report, write_html_report
from tumorseg.sequences import Case
from tumorseg.volume import Geometry

CARD = ModelCard("A threshold", limits=("Sees only <bright> voxels.",), measured=("Dice 0.9 & more",))
CPU = Options(device="cpu")


def _scaled_case() -> Case:
    """3 mm voxels, so that the tumor is large enough for lesions."""
    return small_case(Geometry((20, 22, 24), (-30.0, -33.0, -30.0), (3.0, 3.0, 3.0)))


@pytest.fixture(scope="module")
def outcome() -> tuple[Result, Case]:
    case = _scaled_case()
    model = threshold_model((0.5, 1.0, 2.0))
    return segment(case, replace(model, spec=replace(model.spec, spacing=(3.0, 3.0, 3.0))), CPU), case


class Reader(HTMLParser):
    """Collects the visible text, the attributes of each element, and checks that elements are closed in order."""

    VOID = ("meta", "img", "br", "line")

    def __init__(self, document: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(document)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_it_says_everything(outcome: tuple[Result, Case]) -> None:
    result, case = outcome
    text = " ".join(Reader(html_report(result, case, CARD, "Patient 7")).text)
    for lesion in result.tumor.lesions:
        assert f"{lesion.diameters.longest_mm:.1f} × {lesion.diameters.perpendicular_mm:.1f}" in text
    assert len(result.tumor.lesions) > 0
    assert f"Segmented {result.provenance['time'][:10]} " in text
    for values in result.measurements.values():
        assert f"{values.volume_ml:.2f}" in text
    expected = ["Patient 7", result.provenance["intended_use"], "Necrotic / non-enhancing core", "Edema", "tumor"]
    expected += ["Sees only <bright> voxels.", "Dice 0.9 & more", result.provenance["model_sha256"]]
    expected += ["Case_t1ce.nii.gz", "R", "L", "A", "P", "S", "50 mm"]
    assert [words for words in expected if words not in text] == []
    assert result.quality.sentence is not None
    assert result.quality.sentence in text


def test_it_needs_nothing_else_and_every_picture_has_words(outcome: tuple[Result, Case]) -> None:
    document = html_report(*outcome, CARD, "Patient 7")
    reader = Reader(document)
    assert not re.search(r"<script|<link|https?://[^ )]*\.(js|css|png)|url\(|@import", document)
    pictures = reader.of("img")
    # T1ce and FLAIR, three planes, without and with overlay, and the diameters of up to three lesions.
    assert len(pictures) == 12 + min(3, outcome[0].tumor.foci)
    for picture in pictures:
        assert picture["alt"]
        assert str(picture["src"]).startswith("data:image/png;base64,")
    assert ("html", {"lang": "en"}) in reader.elements
    assert sum("with segmentation (necrotic" in str(picture["alt"]) for picture in pictures) == 6


def test_pictures_show_the_labels(outcome: tuple[Result, Case], tmp_path: Path) -> None:
    pictures = Reader(html_report(*outcome, CARD, "x")).of("img")
    colors = []
    for number, picture in enumerate(pictures[:6]):
        path = tmp_path / f"{number}.png"
        path.write_bytes(base64.b64decode(str(picture["src"]).partition(",")[2]))
        array = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
        colors.append(array.ndim == 3 and bool(np.any(np.ptp(array.astype(int), axis=2) > 50)))
    assert colors == [False] * 3 + [True] * 3


def test_drawn_diameters_have_their_length(outcome: tuple[Result, Case]) -> None:
    result, case = outcome
    document = html_report(result, case, CARD, "x")
    drawing = ElementTree.fromstring(re.findall(r"<svg.*?</svg>", document)[0])
    lines = [{name: float(line.get(name, "")) for name in ("x1", "y1", "x2", "y2")} for line in drawing]
    lengths = {round(float(np.hypot(line["x2"] - line["x1"], line["y2"] - line["y1"])), 3) for line in lines}
    [bar] = {float(width) for width in re.findall(r'class="bar" style="width:([\d.]+)%', document)}
    side = 50 / bar * 100
    diameters = result.tumor.lesions[0].diameters
    expected = (diameters.longest_mm / side, diameters.perpendicular_mm / side)
    assert sorted(lengths, reverse=True) == pytest.approx(sorted(set(expected), reverse=True), abs=0.01)


def test_diameters_are_drawn_on_the_image_that_they_were_measured_on(outcome: tuple[Result, Case]) -> None:
    result, case = outcome
    lesion = result.tumor.lesions[0]
    for measured, image in (("ET", "T1ce"), ("WT", "FLAIR")):
        tumor = replace(result.tumor, lesions=(replace(lesion, measured=measured),))
        document = html_report(replace(result, tumor=tumor), case, None, "x")
        assert f'alt="{image} with the two diameters.' in document


def test_no_position_looks_like_a_side(outcome: tuple[Result, Case]) -> None:
    """BraTS puts the origin at the edge of the volume, so a letter would be wrong for half of the tumors."""
    result, case = outcome
    document = html_report(result, case, CARD, "x")
    captions = re.findall(r"<figcaption>(.*?)</figcaption>|alt=\"(.*?)\"", document)
    assert [words for pair in captions for words in pair if re.search(r"\b[LRAPIS] -?\d", words)] == []
    for axis in "xyz":
        assert re.search(rf"{axis} = -?\d+ mm", document)
    assert "x towards the patient's right" in document


def test_the_note_below_the_lesions_holds_for_thick_slices(outcome: tuple[Result, Case]) -> None:
    result, case = outcome
    labels = np.zeros((10, 60, 60), np.uint8)
    labels[3:7, 20:31, 20:31] = ET  # both diagonals are 14 mm long: more than 10, but less than two slices of 8 mm
    tumor = measure_tumor(labels, Geometry(labels.shape, spacing=(1.0, 1.0, 8.0)))
    assert [lesion.measurable for lesion in tumor.lesions] == [False]
    text = " ".join(Reader(html_report(replace(result, tumor=tumor), case, None, "x")).text)
    rule = "both at least 10 mm, or twice the thickness of slices above 5 mm, and seen on 2 slices"
    assert f"Measurable: {rule}." in text


def test_what_comes_from_outside_is_escaped(outcome: tuple[Result, Case]) -> None:
    result, case = outcome
    evil = '<script>alert("x")</script>'
    finding = Finding("x", "warning", ("t1",), evil, evil)
    result = replace(result, findings=[finding], provenance={**result.provenance, "input_t1": evil, evil: evil})
    document = html_report(result, case, replace(CARD, title=evil, licence=evil), evil)
    assert "<script" not in document
    assert "".join(Reader(document).text).count(evil) >= 7


def test_no_tumor_and_no_card() -> None:
    case = small_case()
    result = segment(case, constant_model({"WT": 0.01, "TC": 0.01, "ET": 0.01}), CPU)
    reader = Reader(html_report(result, case, None, "Nobody"))
    text = " ".join(reader.text)
    assert "No tumor was found." in text
    assert "Look at this result with care: no tumor was found" in text
    pictures = [picture["alt"] for picture in reader.of("img")]
    assert len(pictures) == 12
    assert sum(alt.endswith("with segmentation (nothing was found)") for alt in pictures) == 6
    assert "Known limits" not in text


def test_a_model_with_one_sequence() -> None:
    case = {"t1": small_case()["t1"], "t1ce": small_case()["t1ce"]}
    result = segment(case, one_channel_model(), CPU)
    assert len(Reader(html_report(result, case, CARD, "x")).of("img")) >= 6


def test_volumes_on_other_grids_are_not_shown(outcome: tuple[Result, Case]) -> None:
    result, case = outcome
    elsewhere = {**case, "flair": small_case()["flair"]}
    alts = [str(picture["alt"]) for picture in Reader(html_report(result, elsewhere, CARD, "x")).of("img")]
    assert not [alt for alt in alts if alt.startswith("FLAIR")]


def test_only_volumes_that_are_shown_are_moved_again(
    outcome: tuple[Result, Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[str] = []

    def noted(case: Case, grid: Geometry, motions: Mapping[str, Motion]) -> Case:
        moved.extend(case)
        return on_one_grid(case, grid, motions)

    monkeypatch.setattr("tumorseg.report_pictures.on_one_grid", noted)
    html_report(*outcome, CARD, "x")
    assert moved == ["t1ce", "flair"]


def test_titles() -> None:
    case = small_case()
    assert case_title(case) == "Case"
    named = {name: replace(volume, name=f"{name} node") for name, volume in case.items()}
    assert case_title({**named, "t1": replace(named["t1"], name="Axial")}) == "Axial"
    plain = {
        name: replace(volume, name=f"{name}.nii", provenance={"file": f"/data/P01/{name}.nii"})
        for name, volume in case.items()
    }
    assert case_title(plain) == "P01"
    assert case_title({name: replace(volume, name=f"x_{volume.name}") for name, volume in plain.items()}) == "P01"
    patients = {name: replace(volume, provenance={"patient_id": "TCGA-1"}) for name, volume in named.items()}
    assert case_title(patients) == "TCGA-1"


def test_writing_replaces_the_file_only_when_it_is_complete(
    outcome: tuple[Result, Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")
    monkeypatch.setattr("tumorseg.report_html.html_report", lambda *_: "\udcff")
    with pytest.raises(UnicodeEncodeError):
        write_html_report(*outcome, path)
    assert path.read_text(encoding="utf-8") == "old"
    monkeypatch.undo()
    write_html_report(*outcome, path, CARD)
    assert "<h1>Case</h1>" in path.read_text(encoding="utf-8")
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_labels_of_the_legend_are_those_of_the_result(outcome: tuple[Result, Case]) -> None:
    result, case = outcome
    labels = np.where(result.labels == ET, 0, result.labels).astype(np.uint8)
    legend = re.search(r'<ul class="legend">.*?</ul>', html_report(replace(result, labels=labels), case, CARD, "x"))
    assert legend is not None
    assert "Enhancing tumor" not in legend.group()
    assert "Edema" in legend.group()
