"""Which of our labels the segments of a 3D Slicer segmentation are: their IDs and names say it, not their numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk

from tumorseg.images import extension_of
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


def read_segments(path: Path) -> dict[int, list[NamedSegment]]:
    """The segments of a file that was read as a label map, by their numbers in it; empty for a plain label map."""
    if extension_of(path, (".nrrd",)) is None:
        return {}
    reader = sitk.ImageFileReader()
    reader.SetFileName(path)
    reader.ReadImageInformation()
    return segments_of({key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()})


def segments_of(header: Mapping[str, str]) -> dict[int, list[NamedSegment]]:
    """The segments in the first layer, the only one of a label map, of an NRRD header; see ``segmentation_file``."""
    fields: dict[str, dict[str, str]] = {}
    for key, value in header.items():
        if found := _FIELD.fullmatch(key):
            fields.setdefault(found[1], {})[found[2]] = value
    segments: dict[int, list[NamedSegment]] = {}
    for field in fields.values():
        number = field.get("LabelValue", "1")  # 3D Slicer 4.10 and older write none
        if field.get("Layer", "0") == "0" and number.isdecimal():
            segments.setdefault(int(number), []).append(NamedSegment(field.get("ID", ""), field.get("Name", "")))
    return segments


def labels_by_name(labels: LabelArray, segments: Mapping[int, Sequence[NamedSegment]]) -> LabelArray:
    """Renumber the labels of a file to the engine's by what its segments are called; 0 stays 0.

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
