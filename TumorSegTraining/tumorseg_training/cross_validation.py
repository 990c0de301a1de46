"""Parts of cases that take turns in judging what was chosen on the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MOST_FOLDS = 10

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """One of several options, the first of which holds unless another helps.

    Attributes:
        option: index of the chosen one.
        used: whether it is another than the first.
        first: mean score with the first option.
        best: with the best one for these cases; too good, because they chose it.
        held_out: of cases left out of the choice in turn; None with too few cases.
    """

    option: int
    used: bool
    first: float
    best: float
    held_out: float | None


def cross_validation(cases: int) -> Iterator[tuple[Indices, Indices]]:
    """Indices of the cases to choose on and of those to judge by: every case judges once, in up to ten turns."""
    everyone = np.arange(cases)
    for part in range(min(MOST_FOLDS, cases)):
        judged = everyone % MOST_FOLDS == part
        yield everyone[~judged], everyone[judged]


def choose(scores: Floats, fewest: int) -> Choice:
    """Choose the option with the highest mean score, if choosing so helps cases that were left out of the choice.

    Args:
        scores: (case, option), at least one of each; of equal options the earlier one wins.
        fewest: number of cases below which the first option stays; at least 2.
    """
    best, first = _best(scores), float(scores[:, 0].mean())
    held_out = _held_out(scores) if len(scores) >= fewest else None
    used = best > 0 and held_out is not None and held_out > first
    return Choice(best if used else 0, used, first, float(scores[:, best].mean()), held_out)


def _best(scores: Floats) -> int:
    """The first of the options with the highest mean; rounding must not make two equal ones differ."""
    return int(np.argmax(np.round(scores.mean(axis=0), 9)))


def _held_out(scores: Floats) -> float:
    """Mean score of cases with the option that is best for the others."""
    turns = cross_validation(len(scores))
    return sum(float(scores[held, _best(scores[kept])].sum()) for kept, held in turns) / len(scores)
