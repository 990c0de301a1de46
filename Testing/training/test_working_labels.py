"""Labels on a coarser grid: the tumor keeps its volume, and a voxel gets the label with the largest part."""

import numpy as np
import pytest

from tumorseg.grids import WorkingGrid, working_grid
from tumorseg.regions import ED, ET, NCR, UNDIVIDED
from tumorseg.volume import Geometry, LabelArray
from tumorseg_training.working_labels import labels_on_working


def _grid(spacing: float) -> WorkingGrid:
    return working_grid(Geometry((4, 4, 8)), (spacing, spacing, spacing))


def _labels(*blocks: list[int]) -> LabelArray:
    """(4, 4, 8): blocks of 2x2x2 voxels along x with the given labels, the same everywhere else."""
    row = np.stack([np.reshape(block, (2, 2, 2)) for block in blocks])
    return np.tile(np.concatenate(list(row), axis=2), (2, 2, 1)).astype(np.uint8)


def test_nothing_changes_on_the_same_voxels() -> None:
    labels = np.random.default_rng(0).choice([0, NCR, ED, ET, UNDIVIDED], (4, 4, 8)).astype(np.uint8)
    np.testing.assert_array_equal(labels_on_working(labels, _grid(1.0)), labels)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ([ED] * 8, ED),
        ([ED] * 4 + [0] * 4, ED),
        ([ED] * 3 + [0] * 5, 0),
        ([NCR, NCR, ED, ET, 0, 0, 0, 0], NCR),
        ([ET] * 3 + [ED] * 2 + [0] * 3, ET),
        ([UNDIVIDED] * 5 + [0] * 3, UNDIVIDED),
    ],
)
def test_a_voxel_is_tumor_by_half_and_of_the_largest_part(block: list[int], expected: int) -> None:
    coarse = labels_on_working(_labels(block, [0] * 8, block, [0] * 8), _grid(2.0))
    assert coarse.shape == (2, 2, 4)
    np.testing.assert_array_equal(coarse, np.broadcast_to([expected, 0, expected, 0], (2, 2, 4)))
