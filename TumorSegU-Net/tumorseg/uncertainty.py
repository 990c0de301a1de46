"""How sure a result is: a map for the eye, a score, and a sentence when the result should be looked at with care."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from tumorseg.guard import Finding
from tumorseg.regions import region_mask
from tumorseg.volume import BoolArray, FloatArray, Geometry, LabelArray

NEGLIGIBLE = 1e-3
"""Probabilities nearer than this to 0 or 1 count as certain."""

CARE_BELOW = 0.85
"""Expected Dice below which a region is called uncertain: what two experts reach with each other at best (74-85 %,
Menze et al. 2015, IEEE TMI 34:1993)."""

OUTLINE_ERROR_MM = 1.5
"""How far an outline is moved to see what depends on it: the order of the distance between two experts' outlines."""

SMALL_TUMOR_ML = 1.0
"""A whole tumor below this volume (a ball of 12 mm) is more often a false alarm than in larger ones."""

MANY_FOCI = 5
"""More foci than this are rare in gliomas."""

POSSIBLE_ML = 0.5
"""A region that was not found may still be there when its probabilities add up to more than this."""

REGION_NAMES = {"WT": "whole tumor", "TC": "tumor core", "ET": "enhancing tumor"}


def uncertainty_map(probabilities: FloatArray) -> FloatArray:
    """Entropy (bits) of the most doubtful region's probability.

    Args:
        probabilities: final ones, (region, z, y, x).

    Returns:
        (z, y, x) float32: 0 certain, 1 where a region is as likely as not.
    """
    # The probability nearest to 1/2 has the largest entropy; most voxels of a head are certain.
    away = np.full(probabilities.shape[1:], 0.5, np.float32)
    for channel in probabilities:
        np.minimum(away, np.abs(channel - np.float32(0.5)), out=away)
    doubtful = away < 0.5 - NEGLIGIBLE
    p = 0.5 + away[doubtful]
    entropy = np.zeros_like(away)
    entropy[doubtful] = -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
    return entropy


def expected_dice(probabilities: FloatArray, mask: BoolArray, total: float) -> float:
    """The Dice that a mask would reach if the truth were drawn from the probabilities, as a ratio of expected values.

    Args:
        probabilities: of a region, (z, y, x).
        mask: of the same region, same shape.
        total: sum of the probabilities.

    Returns:
        2 * sum(p in mask) / (voxels of the mask + total); 1 where both are empty.
    """
    both = np.count_nonzero(mask) + total
    return 2 * float(probabilities[mask].sum()) / both if both else 1.0


def solidity(mask: BoolArray, geometry: Geometry) -> float:
    """The Dice of a mask with what is left of it when its surface moves inward by ``OUTLINE_ERROR_MM``.

    Networks are sure of false alarms too, but these are thin and scattered: a Dice that hangs on the outline. Of voxels
    that the moved surface cuts a part is left, so that their size matters little.

    Args:
        mask: (z, y, x), not empty.
        geometry: of the mask.
    """
    z, y, x = ndimage.find_objects(mask.astype(np.uint8))[0]
    padded = np.pad(mask[z, y, x], 1)
    sizes = np.array(geometry.spacing[::-1])
    distances, nearest = ndimage.distance_transform_edt(padded, sizes, return_indices=True)
    ways = np.abs(np.argwhere(padded).T - nearest[:, padded]) * sizes[:, None]
    depths = distances[padded]
    # Along the way out a voxel reaches from its depth, where the next one begins, to a width less.
    widths = sizes @ ways / depths
    inner = float(np.clip((depths - OUTLINE_ERROR_MM) / widths, 0, 1).sum())
    return 2 * inner / (inner + len(depths))


@dataclass(frozen=True)
class Quality:
    """How far a result can be trusted, by its own probabilities and by what was noticed on the way.

    Attributes:
        score: mean of expected Dice times solidity of the whole tumor and its core, 0-1: an order of results, not a
            Dice; 0 where nothing was found.
        reasons: why the result should be looked at with care, as parts of a sentence; empty for an ordinary result.
    """

    score: float
    reasons: tuple[str, ...] = ()

    @property
    def sentence(self) -> str | None:
        """For the user; None for an ordinary result."""
        return f"Look at this result with care: {'; '.join(self.reasons)}." if self.reasons else None


def assess(
    probabilities: FloatArray,
    regions: Sequence[str],
    labels: LabelArray,
    geometry: Geometry,
    foci: int = 1,
    findings: Sequence[Finding] = (),
) -> Quality:
    """Judge a result by the rules of docs/measurements.md.

    Args:
        probabilities: final ones, (region, z, y, x).
        regions: their names.
        labels: final ones, (z, y, x).
        geometry: of both.
        foci: number of lesions.
        findings: the guard's warnings and notes.
    """
    masks = {region: region_mask(labels, region) for region in regions}
    doubts = {
        region: _region_doubt(channel, masks[region], geometry)
        for region, channel in zip(regions, probabilities, strict=True)
    }
    scores = [
        doubts[region].expected * solidity(masks[region], geometry)
        for region in ("WT", "TC")
        if region in doubts and doubts[region].volume_ml
    ]
    reasons = [*_whole_reasons(doubts["WT"], foci), *_doubtful_regions(doubts)]
    if any(finding.severity != "note" for finding in findings):
        reasons.append("the check of the images found something (see the findings)")
    return Quality(float(np.mean(scores)) if scores else 0.0, tuple(reasons))


@dataclass(frozen=True)
class _Doubt:
    """Of one region: its volume, the volume that the probabilities add up to (mL), and the expected Dice."""

    volume_ml: float
    possible_ml: float
    expected: float


def _region_doubt(channel: FloatArray, mask: BoolArray, geometry: Geometry) -> _Doubt:
    possible = float(channel.sum())
    possible_ml = possible * geometry.voxel_volume_ml
    return _Doubt(geometry.volume_ml(mask), possible_ml, expected_dice(channel, mask, possible))


def _whole_reasons(whole: _Doubt, foci: int) -> Iterator[str]:
    if not whole.volume_ml:
        yield "no tumor was found"
    elif whole.volume_ml < SMALL_TUMOR_ML:
        yield f"only {whole.volume_ml:.2f} mL of tumor were found"
    if foci > MANY_FOCI:
        yield f"{foci} separate foci were found, and small ones are often false alarms"


def _doubtful_regions(doubts: Mapping[str, _Doubt]) -> Iterator[str]:
    for region, doubt in doubts.items():
        name = REGION_NAMES[region]
        if doubt.volume_ml and doubt.expected < CARE_BELOW:
            yield f"the outline of the {name} ({doubt.volume_ml:.1f} mL) is uncertain"
        elif not doubt.volume_ml and doubts["WT"].volume_ml and doubt.possible_ml > POSSIBLE_ML:
            yield f"no {name} was found, but there may be some"
