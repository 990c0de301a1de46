"""Choose the rule for small enhancing parts: by the mean Dice of ET with BraTS's rule for empty masks.

A false enhancing part costs a case without enhancing tumor its whole Dice, so below some volume calling it core is
right more often (nnU-Net at BraTS 2020, arXiv 2011.00848). Where that is depends on the network and on the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from tumorseg_training.cross_validation import choose
from tumorseg_training.logit_histogram import LogitHistogram, edge_of, edge_probability

FEWEST_CASES = 8
"""With fewer cases the rule stays as it is: one case more or less would turn the choice."""

VOLUMES_ML = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0)
PROBABILITIES = (0.3, 0.4, 0.5, 0.6, 0.7)


@dataclass(frozen=True)
class EnhancingRule:
    """What was chosen.

    Attributes:
        threshold: probability, not calibrated, above which a voxel enhances.
        min_ml: enhancing volume below which all of it becomes core.
        used: whether it is another rule than before.
        cases: on which it was chosen.
        without: those of them that have no enhancing tumor.
        dice_before: mean Dice of ET with the rule as it was.
        dice_best: with the best rule for these cases; too good, because it was chosen on them.
        dice_held_out: of cases left out of the choice in turn; None with too few cases.
    """

    threshold: float
    min_ml: float
    used: bool
    cases: int
    without: int
    dice_before: float
    dice_best: float
    dice_held_out: float | None


def choose_enhancing_rule(cases: Sequence[LogitHistogram], threshold: float, min_ml: float) -> EnhancingRule:
    """Choose threshold and volume; the rule changes only if that helps cases it was not chosen on.

    Args:
        cases: of ET, from probabilities that are not calibrated; at least one.
        threshold: as it was, for probabilities that are not calibrated.
        min_ml: as it was, in mL.
    """
    rules = [(threshold, min_ml), *_candidates(threshold)]
    dice = np.array([[_dice(case, *rule) for rule in rules] for case in cases])
    choice = choose(dice, FEWEST_CASES)
    without = sum(case.true == 0 for case in cases)
    return EnhancingRule(
        *rules[choice.option], choice.used, len(cases), without, choice.first, choice.best, choice.held_out
    )


def _candidates(threshold: float) -> list[tuple[float, float]]:
    """All rules, the mildest first."""
    edges = [edge_probability(edge_of(probability)) for probability in PROBABILITIES]
    rules = product((threshold, *edges), VOLUMES_ML)
    return sorted(rules, key=lambda rule: (rule[1], abs(rule[0] - threshold)))


def _dice(case: LogitHistogram, threshold: float, min_ml: float) -> float:
    right, found = case.above(edge_of(threshold))
    if found * case.voxel_ml < min_ml:
        right = found = 0
    return 2 * right / (found + case.true) if found + case.true else 1.0
