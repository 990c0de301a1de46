"""What calibration needs of a case, small enough to keep for every case: how often each logit occurs, and is right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from tumorseg.regions import region_mask
from tumorseg.volume import BoolArray, FloatArray, LabelArray

LIMIT = 16.0
BINS_PER_UNIT = 32
BINS = int(2 * LIMIT) * BINS_PER_UNIT
CENTRES = (np.arange(BINS) + 0.5) / BINS_PER_UNIT - LIMIT
"""Logit of each bin; those beyond ``LIMIT`` are counted in the outermost bins."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LogitHistogram:
    """Voxels of one case and region.

    Attributes:
        inside: per bin, the brain's voxels that belong to the region.
        all: per bin, all of the brain's voxels.
        true: voxels of the region in the whole volume.
        voxel_ml: volume of a voxel.
    """

    inside: Counts
    all: Counts
    true: int
    voxel_ml: float

    def above(self, edge: int) -> tuple[int, int]:
        """Voxels in the bins from ``edge`` on: those of the region, and all."""
        return int(self.inside[edge:].sum()), int(self.all[edge:].sum())


def edge_of(probability: float) -> int:
    """The bin whose lower edge is nearest to a probability."""
    return int(np.clip(round((float(logit(probability)) + LIMIT) * BINS_PER_UNIT), 0, BINS))


def edge_probability(edge: int) -> float:
    """Probability at the lower edge of a bin."""
    return float(1 / (1 + np.exp(LIMIT - edge / BINS_PER_UNIT)))


def logit_histogram(
    probability: FloatArray, truth: LabelArray, region: str, brain: BoolArray, voxel_ml: float
) -> LogitHistogram:
    """Count a case's voxels.

    Args:
        probability: of the region (z, y, x), not calibrated.
        truth: engine labels, same shape.
        region: WT, TC or ET.
        brain: where the network's answer counts.
        voxel_ml: volume of a voxel in mL.
    """
    inside = region_mask(truth, region)
    logits = np.clip(logit(probability[brain]), -LIMIT, np.nextafter(LIMIT, 0, dtype=np.float32))
    bins = np.clip(((logits + LIMIT) * BINS_PER_UNIT).astype(np.int64), 0, BINS - 1)
    counted = [np.bincount(chosen, minlength=BINS) for chosen in (bins[inside[brain]], bins)]
    return LogitHistogram(counted[0], counted[1], int(np.count_nonzero(inside)), voxel_ml)
