"""How sure a mean over cases is: percentile intervals of resampled cases (Efron & Tibshirani 1993, chapter 13)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RESAMPLES = 5000
CONFIDENCE = 0.95


def mean_intervals(values: npt.NDArray[np.float64], seed: int = 0) -> npt.NDArray[np.float64]:
    """95 % interval of the mean of each column.

    Args:
        values: (case, column); NaN where a case has no value. All columns use the same draws.
        seed: of the draws; the same seed gives the same intervals.

    Returns:
        (column, 2) lower and upper end; NaN for a column with fewer than two values.
    """
    cases = len(values)
    known = ~np.isnan(values)
    # How often each case is drawn: (resample, case).
    draws = np.random.default_rng(seed).multinomial(cases, np.full(cases, 1 / cases), size=RESAMPLES)
    with np.errstate(invalid="ignore"):  # a draw may hold no case with a value
        means = (draws @ np.where(known, values, 0.0)) / (draws @ known)
    tail = 50 * (1 - CONFIDENCE)
    intervals = np.full((values.shape[1], 2), np.nan)
    for column in np.flatnonzero(known.sum(axis=0) > 1):
        intervals[column] = np.nanpercentile(means[:, column], [tail, 100 - tail])
    return intervals
