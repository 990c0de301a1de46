"""An expert's labels on the grid on which a network works."""

from __future__ import annotations

import numpy as np

from tumorseg.grids import WorkingGrid, to_working
from tumorseg.regions import ED, ET, NCR, UNDIVIDED
from tumorseg.volume import LabelArray, Volume

_TUMOR = np.array([NCR, ED, ET, UNDIVIDED], np.uint8)


def labels_on_working(labels: LabelArray, grid: WorkingGrid) -> LabelArray:
    """Labels (z, y, x) of the reference grid on the working grid.

    Where voxel sizes differ, a voxel is tumor if half of it is, by linear interpolation, and has the label with the
    largest part. So a tumor keeps its volume, although thin layers of three labels may meet in a voxel.
    """
    if not grid.resampled:
        return to_working(_volume(labels, grid), grid).astype(np.uint8)
    parts = np.stack([to_working(_volume(labels == label, grid), grid) for label in _TUMOR])
    return np.where(parts.sum(axis=0) >= 0.5, _TUMOR[parts.argmax(axis=0)], 0).astype(np.uint8)


def _volume(array: LabelArray, grid: WorkingGrid) -> Volume:
    return Volume(array.astype(np.float32), grid.reference, "labels")
