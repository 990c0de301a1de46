"""Segments that overlap, which 3D Slicer keeps in several layers, become one label map: one wins where several are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tumorseg.regions import ED, ET, NCR, SEGMENTS, UNDIVIDED
from tumorseg.segment_names import Segments, labels_by_name
from tumorseg.volume import LabelArray

WINNERS = (ET, NCR, ED, UNDIVIDED)
"""Each label wins over those after it."""


class Overlap(NamedTuple):
    """Two labels that share voxels."""

    winner: int
    loser: int
    voxels: int

    def __str__(self) -> str:
        winner, loser = SEGMENTS[self.winner].short_name, SEGMENTS[self.loser].short_name
        return f"{winner} counts instead of {loser} in {self.voxels} voxel{'s' if self.voxels > 1 else ''}"


def layers_by_name(layers: LabelArray, segments: Mapping[int, Segments]) -> tuple[LabelArray, list[Overlap]]:
    """Lay the layers of a file over each other, by what their segments are called.

    Args:
        layers: numbers of the file, (layer, z, y, x).
        segments: of each layer.

    Returns:
        Engine labels (z, y, x), and which labels won over which; a voxel of three labels counts for both losers.

    Raises:
        ValueError: see ``labels_by_name``.
    """
    named = [labels_by_name(layer, segments.get(index, {})) for index, layer in enumerate(layers)]
    merged = np.zeros_like(layers[0])
    overlaps = []
    for label in WINNERS:
        there = np.any([layer == label for layer in named], axis=0)
        lost = np.bincount(merged[there], minlength=max(WINNERS) + 1)
        overlaps += [Overlap(winner, label, int(lost[winner])) for winner in WINNERS if lost[winner]]
        merged[there & (merged == 0)] = label
    return merged, overlaps
