"""Segmentations whose segments overlap, which 3D Slicer writes in layers: one wins where several are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tumorseg.cli import main
from tumorseg.images import read_layers
from tumorseg.regions import ED, ET, NCR, UNDIVIDED
from tumorseg.segment_layers import Overlap, layers_by_name
from tumorseg.segment_names import NamedSegment, read_segments
from tumorseg.volume import LabelArray

NAMES = {NCR: "NCR", ED: "ED", ET: "ET", UNDIVIDED: "WT"}


def field(index: int, identifier: str, number: int, layer: int) -> dict[str, str]:
    values = {"ID": identifier, "Name": identifier, "LabelValue": str(number), "Layer": str(layer)}
    return {f"Segment{index}_{key}": value for key, value in values.items()}


def layered(path: Path, layers: LabelArray, fields: dict[str, str]) -> Path:
    """A file of layers (layer, z, y, x)."""
    image = sitk.GetImageFromArray(np.moveaxis(layers, 0, -1), isVector=True)
    for key, value in fields.items():
        image.SetMetaData(key, value)
    sitk.WriteImage(image, path, useCompression=True)
    return path


def grown_over_edema(path: Path) -> Path:
    """100 voxels of edema, and 60 of ET, 20 of them in it, which are no. 1 in a layer of their own."""
    layers = np.zeros((2, 4, 20, 20), np.uint8)
    layers[0, 1, 5:15, 5:15] = 2
    layers[1, 1, 13:19, 5:15] = 1
    return layered(path, layers, field(0, "ED", 2, 0) | field(1, "ET", 1, 1))


def measured(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, dict[str, str]]:
    """How the labels were read, and the volume (mL) of each region."""
    assert main(["measure", str(path)]) == 0
    first, _, *rows = capsys.readouterr().out.splitlines()
    return first, {words[0]: words[1] for words in map(str.split, rows[:5])}


def refusal(path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert main(["measure", str(path), *more]) == 2
    return capsys.readouterr().err.removeprefix("tumorseg: ").rstrip("\n")


def test_measure_takes_overlapping_segments_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, volumes = measured(grown_over_edema(tmp_path / "a.seg.nrrd"), capsys)
    assert first == "Labels read by the names of the segments, which overlap: ET counts instead of ED in 20 voxels."
    assert volumes == {"NCR": "0.00", "ED": "0.08", "ET": "0.06", "WT": "0.14", "TC": "0.06"}


def test_json_says_how_the_labels_were_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", str(grown_over_edema(tmp_path / "a.seg.nrrd")), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["labels_read"] == (
        "by the names of the segments, which overlap: ET counts instead of ED in 20 voxels"
    )
    assert values["measurements"]["ED"]["volume_ml"] == pytest.approx(0.08)


@pytest.mark.parametrize("order", [(NCR, ED, ET, UNDIVIDED), (UNDIVIDED, ET, ED, NCR), (ED, UNDIVIDED, NCR, ET)])
def test_et_wins_over_ncr_over_ed_over_wt_in_any_order(order: tuple[int, ...]) -> None:
    """Along x all 16 ways in which four segments can cover a voxel."""
    covered = {label: np.arange(16) >> bit & 1 for bit, label in enumerate((ET, NCR, ED, UNDIVIDED))}
    layers = np.array([covered[label] * 7 for label in order], np.uint8)[:, None, None]
    segments = {layer: {7: [NamedSegment("", NAMES[label])]} for layer, label in enumerate(order)}
    labels, overlaps = layers_by_name(layers, segments)
    assert labels[0, 0].tolist() == [0, ET, NCR, ET, ED, ET, NCR, ET, 5, ET, NCR, ET, ED, ET, NCR, ET]
    assert overlaps == [
        Overlap(ET, NCR, 4),
        Overlap(ET, ED, 4),
        Overlap(NCR, ED, 2),
        Overlap(ET, UNDIVIDED, 4),
        Overlap(NCR, UNDIVIDED, 2),
        Overlap(ED, UNDIVIDED, 1),
    ]


def test_layers_that_do_not_overlap_say_nothing_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layers = np.zeros((2, 4, 20, 20), np.uint8)
    layers[0, 1, 5], layers[1, 1, 6] = 2, 1
    path = layered(tmp_path / "a.seg.nrrd", layers, field(0, "ED", 2, 0) | field(1, "ET", 1, 1))
    first, volumes = measured(path, capsys)
    assert first == "Labels read by the names of the segments."
    assert (volumes["ED"], volumes["ET"]) == ("0.02", "0.02")


def test_a_segment_of_old_versions_of_slicer_has_a_layer_of_its_own(tmp_path: Path) -> None:
    """3D Slicer 4.10 and older write neither number nor layer; newer ones read their files so."""
    layers = np.zeros((2, 1, 1, 2), np.uint8)
    layers[0], layers[1, 0, 0, 1] = 1, 1
    path = layered(tmp_path / "a.seg.nrrd", layers, {"Segment0_ID": "ED", "Segment1_ID": "ET"})
    labels, _ = layers_by_name(read_layers(path)[0], read_segments(path))
    assert labels.tolist() == [[[ED, ET]]]


def test_an_unknown_segment_in_layers_is_refused_by_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layers = np.ones((2, 1, 2, 2), np.uint8)
    path = layered(tmp_path / "a.seg.nrrd", layers, field(0, "ED", 1, 0) | field(1, "Ventricle", 1, 1))
    assert refusal(path, capsys) == (
        "a.seg.nrrd cannot be measured: its label 1 is the segment Ventricle, which is none of NCR, ED, ET, WT; "
        "rename or remove it in the Segment Editor of 3D Slicer and save as .seg.nrrd."
    )


def test_layers_have_no_common_numbering(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = grown_over_edema(tmp_path / "a.seg.nrrd")
    assert refusal(path, capsys, "--labels", "2023") == (
        "a.seg.nrrd holds overlapping segments in 2 layers, each with numbers of its own; "
        "leave out --labels, so that their names count."
    )


def test_layers_without_names_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = layered(tmp_path / "a.seg.nrrd", np.ones((2, 1, 2, 2), np.uint8), {})
    assert refusal(path, capsys) == (
        f"{path} holds overlapping segments in 2 layers; "
        "remove the overlap in the Segment Editor of 3D Slicer and save as .seg.nrrd."
    )
