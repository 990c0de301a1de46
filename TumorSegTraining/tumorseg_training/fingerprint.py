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
from tumorseg.volume import FloatArray, Volume

SAME = 0.95
"""Correlation from which on two fingerprints are of one scan."""

BLOCKS = (14, 18, 14)
"""Number along (z, y, x); about 1 cm each."""
_PREFERRED = ("flair", "t1", "t2", "t1ce")


@dataclass(frozen=True)
class Fingerprint:
    """Of one case.

    Attributes:
        sequence: the sequence it was made from; only the same ones compare.
        blocks: (z, y, x) float32 with mean 0 and length 1, axes pointing to superior, posterior and left.
    """

    sequence: str
    blocks: FloatArray


def fingerprint(volumes: Mapping[str, Volume]) -> Fingerprint | None:
    """The fingerprint of a case; None without a volume that shows anything."""
    for sequence in _PREFERRED:
        if sequence in volumes and (blocks := _blocks(volumes[sequence])) is not None:
            return Fingerprint(sequence, blocks)
    return None


def same_scans(prints: Sequence[Fingerprint | None]) -> Iterator[tuple[int, int, float]]:
    """Pairs of cases, by index, that show the same scan, and how much their fingerprints correlate.

    The Decathlon's files are turned by 180 degrees about the body's axis relative to BraTS, so that is tried too.
    """
    for sequence in _PREFERRED:
        chosen = [index for index, found in enumerate(prints) if found is not None and found.sequence == sequence]
        if len(chosen) < 2:
            continue
        blocks = np.stack([found.blocks for index in chosen if (found := prints[index]) is not None])
        turned = blocks[:, :, ::-1, ::-1]
        flat = blocks.reshape(len(chosen), -1)
        likeness = np.maximum(flat @ flat.T, flat @ turned.reshape(len(chosen), -1).T)
        for first, second in np.argwhere(np.triu(likeness > SAME, k=1)):
            yield chosen[first], chosen[second], float(likeness[first, second])


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
