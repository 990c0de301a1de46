"""Whether the engine's own expectation ranks cases by how good their result is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from tumorseg_training.crossval.ruled import Expectation
from tumorseg_training.metrics import CaseScores

SCORE = "score"
"""The engine's score of a result, beside the mean Dice of the whole tumor and its core."""

FEWEST = 3
"""Cases below which a correlation says nothing."""


@dataclass(frozen=True)
class Pair:
    """Expected and true Dice of a case."""

    case: str
    expected: float
    true: float


@dataclass(frozen=True)
class Agreement:
    """How expected and true Dice go together; correlations are None with too few or equal values.

    Attributes:
        cases: how many.
        spearman: correlation of the ranks: whether cases are put in the right order.
        pearson: correlation of the values.
        mean_difference: expected minus true.
        mean_error: mean absolute difference.
    """

    cases: int
    spearman: float | None
    pearson: float | None
    mean_difference: float
    mean_error: float


def pairs_of(expected: Mapping[str, Expectation], scores: Mapping[str, CaseScores]) -> dict[str, list[Pair]]:
    """Pairs by region, and those of the score, of all cases that were scored."""
    found: dict[str, list[Pair]] = {}
    for name, of_case in scores.items():
        for region, values in of_case.items():
            found.setdefault(region, []).append(Pair(name, expected[name].dice[region], values["dice"]))
        outer = [of_case[region]["dice"] for region in ("WT", "TC") if region in of_case]
        found.setdefault(SCORE, []).append(Pair(name, expected[name].score, float(np.mean(outer))))
    return found


def agreement(pairs: Sequence[Pair]) -> Agreement:
    """Correlations of at least one pair."""
    expected, true = np.array([[pair.expected, pair.true] for pair in pairs]).T
    varied = len(pairs) >= FEWEST and np.ptp(expected) > 0 and np.ptp(true) > 0
    spearman, pearson = (
        (float(stats.spearmanr(expected, true).statistic), float(stats.pearsonr(expected, true).statistic))
        if varied
        else (None, None)
    )
    difference = expected - true
    return Agreement(len(pairs), spearman, pearson, float(difference.mean()), float(np.abs(difference).mean()))


def joined(groups: Iterable[Mapping[str, Sequence[Pair]]]) -> dict[str, list[Pair]]:
    """The pairs of several groups of cases together."""
    found: dict[str, list[Pair]] = {}
    for group in groups:
        for name, pairs in group.items():
            found.setdefault(name, []).extend(pairs)
    return found
