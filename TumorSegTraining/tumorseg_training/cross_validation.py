"""Parts of cases that take turns in judging what was chosen on the others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

MOST_FOLDS = 10

Indices = npt.NDArray[np.int64]


def cross_validation(cases: int) -> Iterator[tuple[Indices, Indices]]:
    """Indices of the cases to choose on and of those to judge by: every case judges once, in up to ten turns."""
    everyone = np.arange(cases)
    for part in range(min(MOST_FOLDS, cases)):
        judged = everyone % MOST_FOLDS == part
        yield everyone[~judged], everyone[judged]
