"""Segmentations whose numbers are not the engine's: what the segments are called counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from support.grids import OBLIQUE
from tumorseg.cli import main
from tumorseg.images import read_labels, to_image
from tumorseg.regions import ED, ET, NCR, UNDIVIDED
from tumorseg.segment_names import labels_by_name, read_segments, segments_of
from tumorseg.segmentation_file import write_segmentation


def header(*segments: tuple[str, str, int], layer: str = "0") -> dict[str, str]:
    """Fields as 3D Slicer writes them for segments of an ID, a name and a number."""
    fields = {"Segmentation_MasterRepresentation": "Binary labelmap"}
    for index, (identifier, name, number) in enumerate(segments):
        values = {"ID": identifier, "Name": name, "LabelValue": str(number), "Layer": layer, "Color": "1 0 0"}
        fields |= {f"Segment{index}_{key}": value for key, value in values.items()}
    return fields


def file_with(path: Path, fields: dict[str, str], *numbers: int) -> Path:
    """A file with a block of 10 voxels, 0.01 mL, for each number."""
    labels = np.zeros((4, 20, 20), np.uint8)
    for place, number in enumerate(numbers):
        labels[1, 2 + place, 5:15] = number
    image = sitk.GetImageFromArray(labels)
    for key, value in fields.items():
        image.SetMetaData(key, value)
    sitk.WriteImage(image, path, useCompression=True)
    return path


@pytest.mark.parametrize(
    ("identifier", "name", "meaning"),
    [
        ("NCR", "Necrotic / non-enhancing core", NCR),
        ("ED", "Edema", ED),
        ("ET", "Enhancing tumor", ET),
        ("WT", "Whole tumor", UNDIVIDED),
        ("Segment_1", "Enhancing tumor", ET),
        ("Segment_1", "ET", ET),
        ("Segment_1", "edema", ED),
        ("ET", "What lights up", ET),
        ("ET", "", ET),
    ],
)
def test_ids_and_names_say_what_a_label_is(identifier: str, name: str, meaning: int) -> None:
    labels = np.array([[[0, 7]]], np.uint8)
    assert labels_by_name(labels, segments_of(header((identifier, name, 7)))[0]).tolist() == [[[0, meaning]]]


@pytest.mark.parametrize(
    ("segments", "words"),
    [
        (
            [("Segment_1", "Ventricle", 7)],
            "its label 7 is the segment Ventricle (ID Segment_1), which is none of NCR, ED, ET, WT",
        ),
        ([("Segment_1", "Segment_1", 7)], "its label 7 is the segment Segment_1, which is none of NCR, ED, ET, WT"),
        ([("ET", "Edema", 7)], "its label 7 is the segment Edema (ID ET), which stands for both ED and ET"),
        ([("ET", "ET", 7), ("ED", "ED", 7)], "its label 7 is the segment ET and ED, which stands for both ED and ET"),
        ([("ET", "Enhancing tumor", 3)], "its label 7 belongs to no segment"),
    ],
)
def test_what_is_not_clear_is_refused(segments: list[tuple[str, str, int]], words: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        labels_by_name(np.array([[[0, 7]]], np.uint8), segments_of(header(*segments))[0])
    assert str(caught.value) == words


def test_segments_without_voxels_do_not_matter() -> None:
    segments = segments_of(header(("ET", "Enhancing tumor", 1), ("Segment_2", "Ventricle", 2)))[0]
    assert labels_by_name(np.array([[[0, 1]]], np.uint8), segments).tolist() == [[[0, ET]]]


def test_segments_are_told_by_their_layer() -> None:
    assert segments_of(header(("ET", "Enhancing tumor", 1), layer="1")) == {1: {1: [("ET", "Enhancing tumor")]}}


def test_a_segment_of_old_versions_of_slicer_has_no_number() -> None:
    fields = {"Segment0_ID": "Segment_1", "Segment0_Name": "Edema", "Segment0_Extent": "0 9 0 9 0 9"}
    assert segments_of(fields) == {0: {1: [("Segment_1", "Edema")]}}


def test_what_the_engine_writes_means_what_it_meant(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).choice([0, NCR, ED, ET], OBLIQUE.shape).astype(np.uint8)
    write_segmentation(labels, OBLIQUE, tmp_path / "a.seg.nrrd", {})
    read = labels_by_name(read_labels(tmp_path / "a.seg.nrrd")[0], read_segments(tmp_path / "a.seg.nrrd")[0])
    np.testing.assert_array_equal(read, labels)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd"])
def test_label_maps_have_no_segments(tmp_path: Path, name: str) -> None:
    sitk.WriteImage(to_image(np.zeros(OBLIQUE.shape, np.uint8), OBLIQUE), tmp_path / name)
    assert read_segments(tmp_path / name) == {}


def test_measure_goes_by_the_names_unless_it_is_told_the_numbering(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = header(("Segment_1", "Enhancing tumor", 1), ("Segment_2", "Edema", 3))
    path = file_with(tmp_path / "swapped.seg.nrrd", fields, 1, 1, 3)
    assert main(["measure", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Labels read by the names of the segments."
    assert [line.split()[:2] for line in lines[2:5]] == [["NCR", "0.00"], ["ED", "0.01"], ["ET", "0.02"]]
    assert main(["measure", str(path), "--labels", "2023"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Labels read in the BraTS 2023 convention."
    assert [line.split()[:2] for line in lines[2:5]] == [["NCR", "0.02"], ["ED", "0.00"], ["ET", "0.01"]]


def test_measure_names_the_segment_that_it_does_not_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file_with(tmp_path / "other.seg.nrrd", header(("Segment_1", "Ventricle", 1)), 1)
    assert main(["measure", str(path)]) == 2
    assert capsys.readouterr().err == (
        "tumorseg: other.seg.nrrd cannot be measured: its label 1 is the segment Ventricle (ID Segment_1), "
        "which is none of NCR, ED, ET, WT; rename the segment, or choose a convention with --labels.\n"
    )
