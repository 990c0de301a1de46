"""How a prediction is scored against the truth."""

from __future__ import annotations

from collections.abc import Iterable

from tumorseg.regions import REGIONS, region_mask
from tumorseg.volume import BoolArray, LabelArray


def dice(prediction: BoolArray, truth: BoolArray) -> float:
    """Dice coefficient 2|P∩T| / (|P|+|T|) of two masks (z, y, x).

    Both empty is 1 and one empty is 0, the rule of BraTS 2020.
    """
    total = int(prediction.sum()) + int(truth.sum())
    return 1.0 if total == 0 else 2.0 * int((prediction & truth).sum()) / total


def region_dice(prediction: LabelArray, truth: LabelArray, regions: Iterable[str] = tuple(REGIONS)) -> dict[str, float]:
    """Dice per region (WT, TC and ET unless given) of two label arrays (z, y, x) in the engine's convention."""
    return {region: dice(region_mask(prediction, region), region_mask(truth, region)) for region in regions}
