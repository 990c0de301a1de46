"""Which of our labels the segments of a 3D Slicer segmentation are: their IDs and names say it, not their numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk

from tumorseg.images import extension_of
from tumorseg.itk_names import readable_name
from tumorseg.regions import SEGMENTS
from tumorseg.volume import LabelArray

_FIELD = re.compile(r"Segment(\d+)_(ID|Name|LabelValue|Layer)")

_MEANINGS = {
    word.casefold(): label for label, segment in SEGMENTS.items() for word in (segment.short_name, segment.name)
}
"""Label of each ID and name that our segments have."""


class NamedSegment(NamedTuple):
    """A segment of a file."""

    identifier: str
    name: str

    def __str__(self) -> str:
        return f"{self.name} (ID {self.identifier})" if self.name not in ("", self.identifier) else self.identifier


Segments = Mapping[int, Sequence[NamedSegment]]
"""The segments of one layer by their numbers in it."""


def read_segments(path: Path) -> dict[int, dict[int, list[NamedSegment]]]:
    """The segments of each layer of a file that was read, by their numbers in it; empty for a plain label map."""
    if extension_of(path, (".nrrd",)) is None:
        return {}
    reader = sitk.ImageFileReader()
    with readable_name(path) as name:
        reader.SetFileName(name)
        reader.ReadImageInformation()
    return segments_of({key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()})


def segments_of(header: Mapping[str, str]) -> dict[int, dict[int, list[NamedSegment]]]:
    """The segments that an NRRD header names, by layer and number; see ``segmentation_file``."""
    fields: dict[str, dict[str, str]] = {}
    for key, value in header.items():
        if found := _FIELD.fullmatch(key):
            fields.setdefault(found[1], {})[found[2]] = value
    segments: dict[int, dict[int, list[NamedSegment]]] = {}
    for index, field in fields.items():
        # 3D Slicer 4.10 and older write neither, and give each segment a layer of its own.
        number, layer = field.get("LabelValue", "1"), field.get("Layer", "0" if "LabelValue" in field else index)
        if number.isdecimal() and layer.isdecimal():
            named = NamedSegment(field.get("ID", ""), field.get("Name", ""))
            segments.setdefault(int(layer), {}).setdefault(int(number), []).append(named)
    return segments


def labels_by_name(labels: LabelArray, segments: Segments) -> LabelArray:
    """Renumber the labels of one layer to the engine's by what its segments are called; 0 stays 0.

    Raises:
        ValueError: a label without a segment, or whose segment is none of ours, or could be several.
    """
    renumbered = np.zeros(256, np.uint8)
    for number in np.unique(labels[labels > 0]).tolist():
        renumbered[number] = _meaning(number, segments.get(number, ()))
    return renumbered[labels]


def _meaning(number: int, segments: Sequence[NamedSegment]) -> int:
    if not segments:
        raise ValueError(f"its label {number} belongs to no segment")
    meanings = set()
    for segment in segments:
        known = {_MEANINGS[word.casefold()] for word in segment if word.casefold() in _MEANINGS}
        if not known:
            ours = ", ".join(segment.short_name for segment in SEGMENTS.values())
            raise ValueError(f"its label {number} is the segment {segment}, which is none of {ours}")
        meanings |= known
    if len(meanings) > 1:
        called = " and ".join(map(str, segments))
        several = " and ".join(SEGMENTS[meaning].short_name for meaning in sorted(meanings))
        raise ValueError(f"its label {number} is the segment {called}, which stands for both {several}")
    return meanings.pop()
