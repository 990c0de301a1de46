"""The labels that ``tumorseg measure`` measures: what a file's segments are called says it, or its numbers do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tumorseg.errors import BadInputError
from tumorseg.images import only_layer, read_layers
from tumorseg.regions import LabelConvention, from_convention
from tumorseg.segment_layers import layers_by_name
from tumorseg.segment_names import Segments, read_segments
from tumorseg.volume import Geometry, LabelArray


class MeasuredLabels(NamedTuple):
    """Engine labels (z, y, x), their grid, and how they were read, for a sentence "Labels read …"."""

    labels: LabelArray
    geometry: Geometry
    how: str


def read_measured(path: Path, convention: LabelConvention | None) -> MeasuredLabels:
    """Read a label map or segmentation.

    Args:
        path: the file.
        convention: its numbering, whatever its segments are called; None to go by their names if it has any.

    Raises:
        BadInputError: one sentence on why the file cannot be used.
    """
    layers, geometry = read_layers(path)
    if convention and len(layers) > 1:
        raise BadInputError(
            f"{path.name} holds overlapping segments in {len(layers)} layers, each with numbers of its own; "
            "leave out --labels, so that their names count."
        )
    if not convention and (segments := read_segments(path)):
        return _by_name(layers, geometry, segments, path)
    return _by_number(only_layer(layers, path), geometry, convention or LabelConvention.BRATS_2023, path)


def _by_name(layers: LabelArray, geometry: Geometry, segments: Mapping[int, Segments], path: Path) -> MeasuredLabels:
    try:
        labels, overlaps = layers_by_name(layers, segments)
    except ValueError as error:
        remedy = "rename the segment, or choose a convention with --labels"
        if len(layers) > 1:
            remedy = "rename or remove it in the Segment Editor of 3D Slicer and save as .seg.nrrd"
        raise BadInputError(f"{path.name} cannot be measured: {error}; {remedy}.") from error
    which = f", which overlap: {', '.join(map(str, overlaps))}" if overlaps else ""
    return MeasuredLabels(labels, geometry, f"by the names of the segments{which}")


def _by_number(labels: LabelArray, geometry: Geometry, convention: LabelConvention, path: Path) -> MeasuredLabels:
    try:
        renumbered = from_convention(labels, convention)
    except ValueError as error:
        raise BadInputError(f"{path.name} cannot be measured: {error}; choose the convention with --labels.") from error
    return MeasuredLabels(renumbered, geometry, f"in the BraTS {convention.value} convention")
