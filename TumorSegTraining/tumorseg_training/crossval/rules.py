"""Choose the rules after the network on held-out cases, and say what they do to cases that did not choose them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from tumorseg_training.cross_validation import choose
from tumorseg_training.crossval.folds import THRESHOLD
from tumorseg_training.crossval.part_table import PartTable
from tumorseg_training.enhancing_rule import PROBABILITIES, VOLUMES_ML

LEAST_ML = 0.1
"""Parts below it never stay: a ball of 6 mm, the smallest lesion that the engine reports."""

LEAST_ENHANCING_ML = 0.2
"""Less enhancing tumor becomes core: the 200 voxels of 1 mm of nnU-Net for BraTS 2020 (arXiv 2011.00848 and its code).

A few false voxels of ET would cost a case without any its whole Dice. Rules that cases choose are never milder.
"""

PARTS_ML = (LEAST_ML, 0.2, 0.5, 1.0)

FEWEST_CASES = 2
"""A single case leaves none to judge its choice."""

Tables = dict[float, PartTable]
"""The parts of a case by threshold of ET."""


@dataclass(frozen=True, order=True)
class Rule:
    """What follows the network; the order puts the mildest first.

    Attributes:
        min_component_ml: connected parts below are removed.
        min_enhancing_ml: an enhancing part below becomes core.
        distance: of the threshold from 0.5.
        et_threshold: probability, not calibrated, above which a voxel enhances.
    """

    min_component_ml: float
    min_enhancing_ml: float
    distance: float
    et_threshold: float


@dataclass(frozen=True)
class RuleChoice:
    """What was chosen.

    Attributes:
        rule: the mildest of the best; the mildest of all if that does not help cases that did not choose it.
        used: whether it is another than the mildest.
        cases: that chose.
        dice_mildest: mean Dice over cases and regions with the mildest rule.
        dice_best: with the best rule for these cases; too good, because they chose it.
        dice_held_out: of cases left out of the choice in turn; None for fewer than two.
    """

    rule: Rule
    used: bool
    cases: int
    dice_mildest: float
    dice_best: float
    dice_held_out: float | None


def et_thresholds(regions: Sequence[str]) -> tuple[float, ...]:
    """Those that are tried: only the usual one where the network does not find ET."""
    return PROBABILITIES if "ET" in regions else (THRESHOLD,)


def choose_rule(cases: Sequence[Tables]) -> RuleChoice:
    """Choose by the mean Dice over regions and cases.

    Args:
        cases: at least one, all with the same thresholds.
    """
    rules = _candidates(list(cases[0]))
    dice = np.array([[_mean_dice(case, rule) for rule in rules] for case in cases])
    choice = choose(dice, FEWEST_CASES)
    return RuleChoice(rules[choice.option], choice.used, len(cases), choice.first, choice.best, choice.held_out)


def _candidates(thresholds: Sequence[float]) -> list[Rule]:
    volumes = [volume for volume in VOLUMES_ML if volume >= LEAST_ENHANCING_ML]
    every = product(PARTS_ML, volumes, thresholds)
    return sorted(Rule(part, volume, round(abs(edge - THRESHOLD), 6), edge) for part, volume, edge in every)


def _mean_dice(case: Tables, rule: Rule) -> float:
    return case[rule.et_threshold].mean_dice(rule.min_component_ml, rule.min_enhancing_ml)
