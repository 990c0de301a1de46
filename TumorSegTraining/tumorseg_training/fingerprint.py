"""Recognising a brain again, whatever its name, file format, orientation or brightness.

The mean z-scores of a coarse grid of blocks over the box of the brain; on real cases two images of one scan correlate
above 0.97, also when they were turned by 2 degrees, shifted, or stripped with another mask; different patients at most
0.75.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tumorseg.normalise import bounding_box, zscore
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import FloatArray, Volume

SAME = 0.95
"""Correlation from which on two fingerprints are of one scan."""

BLOCKS = (14, 18, 14)
"""Number along (z, y, x); about 1 cm each."""


@dataclass(frozen=True)
class Fingerprint:
    """Of one case.

    Attributes:
        blocks: of each sequence that shows anything, (z, y, x) float32 with mean 0 and length 1, axes pointing to
            superior, posterior and left. Only those of the same sequence compare.
    """

    blocks: Mapping[str, FloatArray]


def fingerprint(volumes: Mapping[str, Volume]) -> Fingerprint | None:
    """The fingerprint of a case; None without a volume that shows anything."""
    found = {name: _blocks(volumes[name]) for name in SEQUENCES if name in volumes}
    blocks = {name: of_one for name, of_one in found.items() if of_one is not None}
    return Fingerprint(blocks) if blocks else None


def same_scans(prints: Sequence[Fingerprint | None]) -> Iterator[tuple[int, int, float]]:
    """Pairs of cases, by index, that show the same scan in any sequence of both, and how much they correlate there."""
    found: dict[tuple[int, int], float] = {}
    for sequence in SEQUENCES:
        blocks = {index: one.blocks[sequence] for index, one in enumerate(prints) if one and sequence in one.blocks}
        for first, second, likeness in _alike(blocks) if len(blocks) > 1 else ():
            found[first, second] = max(likeness, found.get((first, second), 0))
    for (first, second), likeness in sorted(found.items()):
        yield first, second, likeness


def _alike(blocks: Mapping[int, FloatArray]) -> Iterator[tuple[int, int, float]]:
    """Pairs of one sequence.

    The Decathlon's files are turned by 180 degrees about the body's axis relative to BraTS, so that is tried too.
    """
    indices, stack = list(blocks), np.stack(list(blocks.values()))
    flat, turned = (array.reshape(len(indices), -1) for array in (stack, stack[:, :, ::-1, ::-1]))
    likeness = np.maximum(flat @ flat.T, flat @ turned.T)
    for first, second in np.argwhere(np.triu(likeness > SAME, k=1)):
        yield indices[first], indices[second], float(likeness[first, second])


def _blocks(volume: Volume) -> FloatArray | None:
    array = _canonical(volume)
    mask = array != 0
    if not mask.any() or not np.isfinite(array).all():
        return None
    box = bounding_box(mask, margin=0)
    blocks = zscore(array[box], mask[box])
    for axis, count in enumerate(BLOCKS):
        blocks = np.moveaxis(np.tensordot(_shares(blocks.shape[axis], count), blocks, (1, axis)), 0, axis)
    blocks = blocks - blocks.mean()
    length = float(np.linalg.norm(blocks))
    return (blocks / length).astype(np.float32) if length > 0 else None


def _shares(size: int, count: int) -> FloatArray:
    """What each of ``size`` voxels contributes to each of ``count`` equal parts of the axis, array (count, size).

    Voxels on a border count for both sides by how much of them lies there, so that a flipped volume has flipped blocks.
    """
    borders = np.linspace(0, size, count + 1)[:, None]
    voxels = np.arange(size)
    overlap = np.minimum(borders[1:], voxels + 1) - np.maximum(borders[:-1], voxels)
    return (np.maximum(overlap, 0) * count / size).astype(np.float32)


def _canonical(volume: Volume) -> FloatArray:
    """The array with its axes pointing to superior, posterior and left, without resampling."""
    letters = volume.geometry.orientation[::-1]  # of the axes of the array (z, y, x)
    axes = [next(k for k, letter in enumerate(letters) if letter in pair) for pair in ("SI", "PA", "LR")]
    flips = tuple(slice(None, None, 1 if letters[k] in "SPL" else -1) for k in axes)
    return volume.array.transpose(axes)[flips]
