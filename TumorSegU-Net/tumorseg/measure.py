"""What a radiologist measures: volumes, lesions with their two RANO diameters, number of foci, side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from tumorseg.diameters import Diameters, Line, axial_axis, measure_diameters
from tumorseg.lesions import MIN_CORE_ML, TOUCHING, number_lesions
from tumorseg.midline import Midline, Side, side_of
from tumorseg.regions import REGIONS, SEGMENTS, UNDIVIDED
from tumorseg.volume import BoolArray, Geometry, LabelArray

PARTS: dict[str, tuple[int, ...]] = {
    **{segment.short_name: (label,) for label, segment in SEGMENTS.items() if label != UNDIVIDED},
    "WT": REGIONS["WT"],
    "TC": REGIONS["TC"],
}
"""Labels of everything that is measured, in the order of tables: NCR, ED, ET, WT, TC."""

MEASURABLE_MM = 10.0
"""RANO: both diameters of a measurable lesion have at least this length, in slices of up to ``THICK_SLICE_MM``; twice
the slice thickness in thicker ones."""

THICK_SLICE_MM = 5.0
MEASURABLE_SLICES = 2
TARGET_LESIONS = 5
"""RANO 2010 adds up the products of at most this many lesions, the largest ones."""


@dataclass(frozen=True)
class RegionMeasure:
    """Measurements of one label or region; all 0 when it is absent.

    Attributes:
        volume_ml: number of voxels times their volume, in millilitres, as in ``Geometry.volume_ml``.
        components: number of 26-connected parts.
        longest_diameter_mm: as in ``Diameters``; a single voxel has 0.
        perpendicular_mm: as in ``Diameters``.
    """

    volume_ml: float
    components: int
    longest_diameter_mm: float
    perpendicular_mm: float


@dataclass(frozen=True)
class Lesion:
    """One lesion: a tumor core with the edema nearest to it, or abnormal signal without a core.

    Attributes:
        number: from 1, the largest whole tumor first.
        volume_ml: per label and region, as in ``Geometry.volume_ml``.
        measured: the region that the diameters are of: ``ET``, or ``WT`` (FLAIR, as in RANO for low-grade gliomas)
            where less than ``MIN_CORE_ML`` enhances.
        diameters: end points in mm, LPS.
        measurable: by the rule of RANO.
        centroid_lps: centre of the whole lesion, mm in LPS.
        side: of the brain; None when its midline is not known.
    """

    number: int
    volume_ml: dict[str, float]
    measured: str
    diameters: Diameters
    measurable: bool
    centroid_lps: tuple[float, float, float]
    side: Side | None

    @property
    def longest(self) -> Line:
        """End points of the longest diameter."""
        return self.diameters.longest

    @property
    def perpendicular(self) -> Line:
        """End points of the diameter at a right angle to the longest."""
        return self.diameters.perpendicular

    @property
    def product_mm2(self) -> float:
        """Product of both diameters."""
        return self.diameters.longest_mm * self.diameters.perpendicular_mm


@dataclass(frozen=True)
class TumorMeasures:
    """Measurements of a whole segmentation.

    Attributes:
        regions: per label and region.
        lesions: the largest first.
        side: of the whole tumor; None when there is none or the midline is not known.
    """

    regions: dict[str, RegionMeasure]
    lesions: tuple[Lesion, ...]
    side: Side | None

    @property
    def foci(self) -> int:
        """Number of lesions."""
        return len(self.lesions)

    @property
    def targets(self) -> list[Lesion]:
        """The measurable lesions whose products are added up: enhancing ones, or all where none enhances."""
        enhancing = [lesion for lesion in self.lesions if lesion.measured == "ET"]
        measurable = [lesion for lesion in enhancing or self.lesions if lesion.measurable]
        return sorted(measurable, key=lambda lesion: -lesion.product_mm2)[:TARGET_LESIONS]

    @property
    def sum_of_products_mm2(self) -> float:
        """Sum of the products of the diameters of ``targets``."""
        return sum(lesion.product_mm2 for lesion in self.targets)


def measure_tumor(labels: LabelArray, geometry: Geometry, midline: Midline | None = None) -> TumorMeasures:
    """Measure regions and lesions.

    Args:
        labels: engine labels (z, y, x).
        geometry: their grid; voxels need not be cubes and axes may be oblique.
        midline: of the brain; without it no side is told.
    """
    box = ndimage.find_objects(labels > 0, max_label=1)[0] or (slice(1),) * 3
    cropped, grid = labels[box], geometry.crop(box)
    names = ["WT"] if np.any(cropped == UNDIVIDED) else list(PARTS)
    masks = {name: np.isin(cropped, PARTS[name]) for name in names}
    regions = {name: _measure_mask(mask, grid) for name, mask in masks.items()}
    left = midline.distance(grid) > 0 if midline else None
    lesions = tuple(_lesions(cropped, masks, grid, left))
    return TumorMeasures(regions, lesions, _side(masks["WT"], left))


def measure(labels: LabelArray, geometry: Geometry) -> dict[str, RegionMeasure]:
    """Measure the labels NCR, ED, ET and the regions WT, TC; only WT where the model does not divide the tumor.

    Args:
        labels: engine labels, (z, y, x).
        geometry: of the labels.
    """
    return measure_tumor(labels, geometry).regions


def _measure_mask(mask: BoolArray, geometry: Geometry) -> RegionMeasure:
    diameters = measure_diameters(mask, geometry)
    if diameters is None:
        return RegionMeasure(0.0, 0, 0.0, 0.0)
    _, components = ndimage.label(mask, TOUCHING)
    longest, perpendicular = diameters.longest_mm, diameters.perpendicular_mm
    return RegionMeasure(geometry.volume_ml(mask), int(components), longest, perpendicular)


def _lesions(
    labels: LabelArray, masks: dict[str, BoolArray], geometry: Geometry, left: BoolArray | None
) -> Iterator[Lesion]:
    numbers = number_lesions(labels, geometry)
    for number, box in enumerate(ndimage.find_objects(numbers), start=1):
        inside = numbers[box] == number
        parts = {name: mask[box] & inside for name, mask in masks.items()}
        yield _lesion(number, parts, geometry.crop(box), _side(inside, None if left is None else left[box]))


def _lesion(number: int, parts: dict[str, BoolArray], geometry: Geometry, side: Side | None) -> Lesion:
    volumes = {name: geometry.volume_ml(part) for name, part in parts.items()}
    measured = "ET" if volumes.get("ET", 0.0) >= MIN_CORE_ML else "WT"
    diameters = measure_diameters(parts[measured], geometry)
    assert diameters is not None  # neither region is empty
    measurable = _measurable(parts[measured], diameters, geometry)
    return Lesion(number, volumes, measured, diameters, measurable, _centroid(parts["WT"], geometry), side)


def _measurable(mask: BoolArray, diameters: Diameters, geometry: Geometry) -> bool:
    """RANO: seen on two slices or more, both diameters at least 10 mm or two thick slices."""
    axis = axial_axis(geometry)
    thickness = geometry.spacing[2 - axis]
    smallest = 2 * thickness if thickness > THICK_SLICE_MM else MEASURABLE_MM
    slices = int(np.count_nonzero(mask.any(axis=tuple({0, 1, 2} - {axis}))))
    return bool(slices >= MEASURABLE_SLICES and diameters.perpendicular_mm >= smallest)


def _centroid(mask: BoolArray, geometry: Geometry) -> tuple[float, float, float]:
    z, y, x = ndimage.center_of_mass(mask)
    cx, cy, cz = (geometry.index_to_lps @ [x, y, z, 1.0])[:3].tolist()
    return cx, cy, cz


def _side(mask: BoolArray, left: BoolArray | None) -> Side | None:
    if left is None or not mask.any():
        return None
    return side_of(float(np.count_nonzero(mask & left)) / np.count_nonzero(mask))
