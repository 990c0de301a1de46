"""Distances between surfaces: HD95 and the normalised surface Dice (NSD).

Surfaces are those of DeepMind's surface-distance (https://github.com/google-deepmind/surface-distance, Nikolov et al.,
arXiv 1809.04430), which BraTS 2023 uses: one element per 2x2x2 neighbourhood that holds voxels of both sides, weighted
by the area that marching cubes puts through it. MONAI keeps the table of areas.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from tumorseg.volume import BoolArray, Triple

Floats = npt.NDArray[np.float64]

WORST_HD95_MM = 373.12866
"""HD95 when only one of the masks is empty: the diagonal of 240 x 240 x 155 mm, as BraTS 2017-2020 counted it."""

NSD_TOLERANCE_MM = 1.0


@dataclass(frozen=True)
class Surface:
    """Elements of a mask's surface.

    Attributes:
        points: (n, 3) in mm along (z, y, x) of the grid; with a constant shift against voxel centres.
        areas: (n,) in mm².
    """

    points: Floats
    areas: Floats


@dataclass(frozen=True)
class SurfaceDistances:
    """From each element of one surface to the nearest of the other, in mm, with the elements' areas in mm²."""

    to_truth: Floats
    to_prediction: Floats
    prediction_areas: Floats
    truth_areas: Floats

    def hausdorff(self, percentile: float = 95.0) -> float:
        """The larger of both directions' percentiles, weighted by area."""
        return max(
            _weighted_percentile(self.to_truth, self.prediction_areas, percentile),
            _weighted_percentile(self.to_prediction, self.truth_areas, percentile),
        )

    def surface_dice(self, tolerance_mm: float = NSD_TOLERANCE_MM) -> float:
        """Share of both surfaces that lies within the tolerance of the other one."""
        near = self.prediction_areas[self.to_truth <= tolerance_mm].sum()
        near += self.truth_areas[self.to_prediction <= tolerance_mm].sum()
        return float(near / (self.prediction_areas.sum() + self.truth_areas.sum()))


def surface_scores(prediction: BoolArray, truth: BoolArray, spacing_zyx: Triple) -> dict[str, float]:
    """HD95 in mm and NSD at 1 mm of two masks (z, y, x), voxel sizes in mm along the same axes."""
    if prediction.any() and truth.any():
        distances = surface_distances(prediction, truth, spacing_zyx)
        return {"hd95": distances.hausdorff(), "nsd": distances.surface_dice()}
    if prediction.any() or truth.any():
        return {"hd95": WORST_HD95_MM, "nsd": 0.0}
    return {"hd95": 0.0, "nsd": 1.0}


def surface_distances(prediction: BoolArray, truth: BoolArray, spacing_zyx: Triple) -> SurfaceDistances:
    """Distances between the surfaces of two masks (z, y, x), neither of which is empty."""
    surfaces = [surface_of(mask, spacing_zyx) for mask in (prediction, truth)]
    # Surface points lie on a grid, where balancing the tree costs more than it saves.
    trees = [cKDTree(surface.points, balanced_tree=False, compact_nodes=False) for surface in surfaces]
    to_truth, to_prediction = trees[1].query(surfaces[0].points)[0], trees[0].query(surfaces[1].points)[0]
    return SurfaceDistances(to_truth, to_prediction, surfaces[0].areas, surfaces[1].areas)


def surface_of(mask: BoolArray, spacing_zyx: Triple) -> Surface:
    """Surface of a mask (z, y, x) that is not empty; it is closed at the border of the volume."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    padded = np.pad(mask[box], 1).astype(np.uint8)
    areas, weights = _areas(spacing_zyx)
    nz, ny, nx = (size - 1 for size in padded.shape)
    codes = np.zeros((nz, ny, nx), np.uint8)
    for z, y, x in product(range(2), repeat=3):
        codes += padded[z : z + nz, y : y + ny, x : x + nx] * weights[z, y, x]
    crossed = (codes != 0) & (codes != 255)
    first = [side.start for side in box]
    return Surface((np.argwhere(crossed) + first) * np.asarray(spacing_zyx), areas[codes[crossed]])


@lru_cache(maxsize=16)
def _areas(spacing_zyx: Triple) -> tuple[Floats, npt.NDArray[np.uint8]]:
    """Area (mm²) of each of the 256 neighbourhoods, and the bit (2, 2, 2) of each of its voxels."""
    from monai.metrics.utils import get_code_to_measure_table

    table, kernel = get_code_to_measure_table(spacing_zyx)
    return table.numpy().astype(np.float64), kernel.numpy().reshape(2, 2, 2).astype(np.uint8)


def _weighted_percentile(distances: Floats, areas: Floats, percentile: float) -> float:
    """The smallest distance within which the given percentage of the area lies."""
    order = np.argsort(distances)
    share = np.cumsum(areas[order]) / areas.sum()
    place = int(np.searchsorted(share, percentile / 100))
    return float(distances[order[min(place, len(order) - 1)]])
