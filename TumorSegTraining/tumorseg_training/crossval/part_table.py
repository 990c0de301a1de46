"""How good every rule for small parts would be for a case, from counts per connected part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorseg.lesions import TOUCHING
from tumorseg.regions import labels_from_regions, region_mask
from tumorseg.volume import FloatArray, LabelArray

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PartTable:
    """The connected parts of a predicted tumor.

    Attributes:
        voxels: of each part.
        found: by region, its voxels in each part.
        right: by region, those of them that the truth has too.
        true: by region, voxels of the truth.
        voxel_ml: volume of a voxel.
    """

    voxels: Counts
    found: Mapping[str, Counts]
    right: Mapping[str, Counts]
    true: Mapping[str, int]
    voxel_ml: float

    def mean_dice(self, min_component_ml: float, min_enhancing_ml: float) -> float:
        """Mean over the regions after ``tumorseg.postprocess.clean`` with these rules; both empty is 1, one empty 0."""
        kept = self.voxels >= min_component_ml / self.voxel_ml
        dice = []
        for region, true in self.true.items():
            found, right = int(self.found[region][kept].sum()), int(self.right[region][kept].sum())
            if region == "ET" and found < min_enhancing_ml / self.voxel_ml:
                found = right = 0
            dice.append(2 * right / (found + true) if found + true else 1.0)
        return float(np.mean(dice))


def part_table(
    probabilities: FloatArray,
    truth: LabelArray,
    regions: Sequence[str],
    scored: Sequence[str],
    thresholds: Sequence[float],
    voxel_ml: float,
) -> PartTable:
    """Count the parts of a case.

    Args:
        probabilities: not calibrated, (region, z, y, x).
        truth: engine labels (z, y, x).
        regions: of the probabilities.
        scored: those of them that the truth can have.
        thresholds: one per region.
        voxel_ml: volume of a voxel.
    """
    labels = labels_from_regions(probabilities, regions, thresholds)
    parts, number = ndimage.label(labels, TOUCHING)
    masks = {region: (region_mask(labels, region), region_mask(truth, region)) for region in scored}

    def counted(inside: npt.NDArray[np.bool_]) -> Counts:
        return np.bincount(parts[inside], minlength=number + 1)[1:]

    return PartTable(
        voxels=counted(parts > 0),
        found={region: counted(found) for region, (found, _) in masks.items()},
        right={region: counted(found & true) for region, (found, true) in masks.items()},
        true={region: int(np.count_nonzero(true)) for region, (_, true) in masks.items()},
        voxel_ml=voxel_ml,
    )
