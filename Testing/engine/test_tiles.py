"""Tiles cover a volume, blocks keep each voxel once and with its context, weights are MONAI's."""

import numpy as np
import pytest

from tumorseg.tiles import Tiling, gaussian_weight, pad, padded_size, tile_starts, tiles_of


@pytest.mark.parametrize(
    ("size", "tile", "expected"),
    [(16, 16, [0]), (10, 16, [0]), (17, 16, [0, 1]), (24, 16, [0, 8]), (33, 16, [0, 8, 16, 17])],
)
def test_tiles_cover_an_axis_and_end_flush(size: int, tile: int, expected: list[int]) -> None:
    assert tile_starts(size, tile) == expected


def test_the_weight_of_a_tile_is_symmetric_and_never_zero() -> None:
    weight = gaussian_weight((8, 6, 4))
    assert weight.shape == (8, 6, 4)
    assert weight.dtype == np.float32
    assert float(weight.min()) >= 1e-3
    np.testing.assert_allclose(weight, weight[::-1, ::-1, ::-1])


@pytest.mark.parametrize(("size", "block", "halo"), [(40, 16, 4), (16, 16, 4), (36, 16, 4), (18, 16, 2), (64, 24, 8)])
def test_blocks_keep_every_voxel_once_with_its_context(size: int, block: int, halo: int) -> None:
    kept = np.zeros((size, block, block), int)
    for tile in tiles_of(kept.shape, Tiling("blocks", (block, block, block), halo)):
        read, keep, part = tile.read[0], tile.keep[0], tile.part[0]
        kept[tile.keep] += 1
        assert (keep.start - read.start, keep.stop - read.start) == (part.start, part.stop)
        assert keep.start - read.start >= halo or keep.start == read.start == 0
        assert read.stop - keep.stop >= halo or keep.stop == read.stop == size
        assert read.stop - read.start == block
    np.testing.assert_array_equal(kept, 1)


def test_a_whole_volume_is_one_tile() -> None:
    (tile,) = tiles_of((8, 16, 24), Tiling("whole", (8, 16, 24)))
    assert tile.read == tile.keep == tile.part == (slice(0, 8), slice(0, 16), slice(0, 24))


def test_padding_is_even_on_both_sides_and_only_where_needed() -> None:
    image = np.ones((2, 5, 8, 3), np.float32)
    padded, inner = pad(image, padded_size((5, 8, 3), 4))
    assert padded.shape == (2, 8, 8, 4)
    assert inner == (slice(1, 6), slice(0, 8), slice(0, 3))
    assert padded.sum() == image.sum()
    same, _ = pad(image, (5, 4, 3))
    assert same is image
