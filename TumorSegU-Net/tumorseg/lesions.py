"""Which voxels form one lesion: every tumor core with the edema around it, and abnormal signal without a core."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorseg.normalise import bounding_box
from tumorseg.regions import region_mask
from tumorseg.volume import SPACING_TOLERANCE, BoolArray, Geometry, LabelArray

NumberArray = npt.NDArray[np.int32]

MIN_CORE_ML = 0.1
"""A core below this volume (a ball of 6 mm) makes no lesion of its own."""

MIN_WHOLE_ML = 1.0
"""Abnormal signal without such a core is a lesion from this volume (a ball of 12 mm); less is mostly noise."""

MERGE_MM = 5.0
"""Cores whose voxel centres come this near along every axis count as one lesion: networks tear thin rims to pieces."""

TOUCHING = np.ones((3, 3, 3), bool)
"""26-connected, as BraTS counts lesions."""


def number_lesions(labels: LabelArray, geometry: Geometry) -> NumberArray:
    """Number the lesions of engine labels (z, y, x).

    Returns:
        (z, y, x): 0 outside, 1 for the largest lesion, 2 for the next. Parts that are no lesion are 0.
    """
    numbers = np.zeros(labels.shape, np.int32)
    if labels.any():
        box = bounding_box(labels != 0, margin=0)
        numbers[box] = _numbered(labels[box], geometry)
    return numbers


def _numbered(labels: LabelArray, geometry: Geometry) -> NumberArray:
    parts, _ = ndimage.label(labels, TOUCHING)
    cores = _cores(region_mask(labels, "TC"), geometry)
    numbers = np.zeros(labels.shape, np.int32)
    for part, box in enumerate(ndimage.find_objects(parts), start=1):
        inside = parts[box] == part
        within = np.where(inside, cores[box], 0)
        found = np.unique(within[within > 0])
        if len(found) > 1:
            numbers[box][inside] = _nearest(within, inside, geometry)[inside]
        elif len(found) == 1:
            numbers[box][inside] = found[0]
        elif np.count_nonzero(inside) * geometry.voxel_volume_ml >= MIN_WHOLE_ML:
            numbers[box][inside] = cores.max(initial=0) + part  # no core has this number
    return _largest_first(numbers)


def _large_parts(mask: BoolArray, geometry: Geometry) -> BoolArray:
    parts, _ = ndimage.label(mask, TOUCHING)
    large = np.bincount(parts.ravel()) * geometry.voxel_volume_ml >= MIN_CORE_ML
    large[0] = False
    return np.asarray(large[parts])


def _cores(core: BoolArray, geometry: Geometry) -> NumberArray:
    """The cores that count, numbered from 1; near ones have the same number."""
    large = _large_parts(core, geometry)
    numbers, count = ndimage.label(large, TOUCHING)
    if count > 1:
        # Boxes of n voxels around two centres touch where the centres are at most n voxels apart.
        boxes = [max(1, _voxels_within(MERGE_MM, spacing)) for spacing in geometry.spacing[::-1]]
        joined, _ = ndimage.label(ndimage.maximum_filter(large, boxes, mode="constant"), TOUCHING)
        numbers = np.where(large, joined, 0)
    return np.asarray(numbers, np.int32)


def _voxels_within(distance: float, spacing: float) -> int:
    """The largest number of voxels that make at most a distance; files round their sizes."""
    return int(distance / spacing * (1 + SPACING_TOLERANCE))


def _nearest(numbers: NumberArray, inside: BoolArray, geometry: Geometry) -> NumberArray:
    """Give every voxel inside the number of the nearest voxel that has one."""
    from scipy.spatial import cKDTree  # rarely needed, and not imported quickly

    numbered = numbers > 0
    surface = numbered & ~ndimage.binary_erosion(numbered)
    millimetres = geometry.spacing[::-1]
    tree = cKDTree(np.argwhere(surface) * millimetres)
    open_ones = inside & ~numbered
    _, nearest = tree.query(np.argwhere(open_ones) * millimetres)
    filled = numbers.copy()
    filled[open_ones] = numbers[surface][nearest]
    return filled


def _largest_first(numbers: NumberArray) -> NumberArray:
    sizes = np.bincount(numbers.ravel())
    sizes[0] = 0
    order = [old for old in np.argsort(-sizes, kind="stable") if sizes[old]]
    renumber = np.zeros(len(sizes), np.int32)
    renumber[order] = np.arange(1, len(order) + 1)
    return np.asarray(renumber[numbers])
