"""How a volume is cut into tiles, and how their results become one.

Blended tiles and their weights follow MONAI's ``sliding_window_inference`` (mode="gaussian", sigma_scale=0.125); a
test holds both against each other. Blocks overlap without blending: the outer voxels of a block, where the network
misses what lies beyond, are computed and thrown away. A whole volume is one block.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tumorseg.normalise import Box
from tumorseg.volume import FloatArray

OVERLAP = 0.5
SIGMA_SCALE = 0.125
"""Standard deviation of a tile's Gaussian weight as a part of its size."""

Size = tuple[int, int, int]


@dataclass(frozen=True)
class Tiling:
    """A way to cut a volume.

    Attributes:
        kind: ``whole`` in one pass, ``tiles`` that are blended, or ``blocks`` that are not.
        size: voxels (z, y, x) of a tile.
        halo: voxels on each side of a block that only give context.
    """

    kind: Literal["whole", "tiles", "blocks"]
    size: Size
    halo: int = 0

    def __str__(self) -> str:
        voxels = " x ".join(map(str, self.size))
        return f"the whole crop ({voxels} voxels)" if self.kind == "whole" else f"{self.kind} of {voxels} voxels"


@dataclass(frozen=True)
class Tile:
    """One of them: what is read, where the result is kept, and which part of the result that is."""

    read: Box
    keep: Box
    part: Box


def tiles_of(size: Size, tiling: Tiling) -> list[Tile]:
    """The tiles that cover a volume of a size (z, y, x), which is at least as large as a tile."""
    edges = size if tiling.kind == "whole" else tiling.size
    axes = (_spans(voxels, edge, tiling) for voxels, edge in zip(size, edges, strict=True))
    return [_tile(spans) for spans in itertools.product(*axes)]


def tile_starts(size: int, tile: int, overlap: float = OVERLAP) -> list[int]:
    """First voxels of tiles along one axis: steps of ``tile * (1 - overlap)``, the last one flush with the end."""
    step = max(1, int(tile * (1 - overlap)))
    return [*range(0, size - tile, step), size - tile] if size > tile else [0]


def gaussian_weight(tile: Sequence[int]) -> FloatArray:
    """Weight (z, y, x) of a blended tile, largest at its centre, never 0; MONAI's definition."""
    weight = np.ones((), np.float32)
    for axis, size in enumerate(tile):
        distance = np.arange(size, dtype=np.float32) - np.float32((size - 1) / 2)
        profile = np.exp(-(distance**2) / np.float32(2 * (SIGMA_SCALE * size) ** 2))
        weight = weight * profile.reshape([-1 if other == axis else 1 for other in range(3)])
    return np.maximum(weight, max(float(weight.min()), 1e-3)).astype(np.float32)


def padded_size(size: Sequence[int], multiple: int) -> Size:
    """The next sizes (z, y, x) that are multiples of a number."""
    z, y, x = (-(-voxels // multiple) * multiple for voxels in size)
    return z, y, x


def pad(image: FloatArray, size: Sequence[int]) -> tuple[FloatArray, Box]:
    """Pad (channel, z, y, x) with 0 on both sides to at least a size (z, y, x); also where the original lies."""
    missing = [max(0, wanted - have) for wanted, have in zip(size, image.shape[1:], strict=True)]
    before = [total // 2 for total in missing]
    z, y, x = (slice(first, first + have) for first, have in zip(before, image.shape[1:], strict=True))
    if not any(missing):
        return image, (z, y, x)
    return np.pad(image, [(0, 0), *((b, m - b) for b, m in zip(before, missing, strict=True))]), (z, y, x)


def of_all(box: Box) -> tuple[slice, slice, slice, slice]:
    """Index of a box in all channels of (channel, z, y, x)."""
    return (slice(None), *box)


_Span = tuple[slice, slice, slice]
"""Along one axis: read, keep, part."""


def _tile(axes: Sequence[_Span]) -> Tile:
    (rz, kz, pz), (ry, ky, py), (rx, kx, px) = axes
    return Tile((rz, ry, rx), (kz, ky, kx), (pz, py, px))


def _spans(size: int, tile: int, tiling: Tiling) -> list[_Span]:
    if tiling.kind == "tiles":
        reads = [slice(start, start + tile) for start in tile_starts(size, tile)]
        return [(read, read, slice(0, tile)) for read in reads]
    # The last block is flush with the end; it keeps what the ones before have left.
    starts = [*range(0, size - tile, tile - 2 * tiling.halo), max(size - tile, 0)]
    spans, done = [], 0
    for start in starts:
        end = min(start + tile, size)
        kept = end if end == size else end - tiling.halo
        spans.append((slice(start, end), slice(done, kept), slice(done - start, kept - start)))
        done = kept
    return spans
