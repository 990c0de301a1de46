"""Fit temperature and bias of a region by the likelihood of the truth (Platt 1999; Guo et al., arXiv 1706.04599)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from tumorseg_training.cross_validation import cross_validation
from tumorseg_training.logit_histogram import CENTRES, LogitHistogram

ECE_BINS = 10
FEWEST_PRESENT = 2
"""Cases that must have the region: others say nothing about how likely it is."""

# Farther out, thresholds would come so near to 0 and 1 that float32 cannot tell them apart.
_SLOPES = (0.1, 3.0)
_BIASES = (-8.0, 8.0)

Floats = npt.NDArray[np.float64]
Line = tuple[float, float]
"""Slope (1 / temperature) and bias: what is applied to a logit."""

_IDENTITY: Line = (1.0, 0.0)


@dataclass(frozen=True)
class ReliabilityBin:
    """Voxels whose probability is between two tenths: their share of all, mean probability, and share in the region."""

    share: float
    probability: float
    frequency: float


@dataclass(frozen=True)
class RegionCalibration:
    """The fit of a region; all figures are means over the brain's voxels, every case weighing the same.

    Attributes:
        cases: on which it was fitted.
        present: those of them that have the region.
        temperature: 1 when the calibration is not used.
        bias: 0 when it is not used.
        used: whether it lowered the negative log-likelihood of cases that it was not fitted on.
        nll_before: negative log-likelihood as it was.
        nll_held_out: of cases that were left out of the fit in turn.
        ece_before: expected calibration error with ten bins.
        ece_after: the same with temperature and bias, on the cases of the fit.
        before: reliability per bin of probability.
        after: the same with temperature and bias.
    """

    cases: int
    present: int
    temperature: float
    bias: float
    used: bool
    nll_before: float
    nll_held_out: float
    ece_before: float
    ece_after: float
    before: tuple[ReliabilityBin, ...]
    after: tuple[ReliabilityBin, ...]


def fit_calibration(cases: Sequence[LogitHistogram]) -> RegionCalibration:
    """Fit one region.

    Args:
        cases: at least one; with too few that have the region nothing can be judged, so the fit is not used.
    """
    inside, outside = _weights(cases)
    line = _fit(inside.sum(axis=0), outside.sum(axis=0))
    nll = _nll(_IDENTITY, inside, outside) / len(cases)
    held_out = _held_out(inside, outside)
    present = sum(case.true > 0 for case in cases)
    used = held_out < nll and present >= FEWEST_PRESENT
    line = line if used else _IDENTITY
    before, after = (reliability(inside.sum(axis=0), outside.sum(axis=0), applied) for applied in (_IDENTITY, line))
    return RegionCalibration(
        cases=len(cases),
        present=present,
        temperature=1 / line[0],
        bias=line[1],
        used=used,
        nll_before=nll,
        nll_held_out=held_out,
        ece_before=_calibration_error(before),
        ece_after=_calibration_error(after),
        before=before,
        after=after,
    )


def reliability(inside: Floats, outside: Floats, line: Line) -> tuple[ReliabilityBin, ...]:
    """Reliability per tenth of probability; tenths without voxels are left out.

    Args:
        inside: weight per logit bin of voxels in the region.
        outside: of the others.
        line: slope and bias that are applied to the logits.
    """
    probability = expit(line[0] * CENTRES + line[1])
    bins = np.minimum((probability * ECE_BINS).astype(int), ECE_BINS - 1)
    every = inside + outside
    found = []
    for number in range(ECE_BINS):
        chosen = bins == number
        weight = float(every[chosen].sum())
        if weight:
            mean = float((probability * every)[chosen].sum()) / weight
            found.append(ReliabilityBin(weight / float(every.sum()), mean, float(inside[chosen].sum()) / weight))
    return tuple(found)


def _calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    return sum(b.share * abs(b.probability - b.frequency) for b in bins)


def _weights(cases: Sequence[LogitHistogram]) -> tuple[Floats, Floats]:
    """Share of each case's voxels per bin, (case, bin): in the region and outside."""
    inside, every = (np.array(counts, float) for counts in ([c.inside for c in cases], [c.all for c in cases]))
    total = every.sum(axis=1, keepdims=True)
    return inside / total, (every - inside) / total


def _held_out(inside: Floats, outside: Floats) -> float:
    """Mean negative log-likelihood of cases left out of the fit; infinite for a single case."""
    cases = len(inside)
    if cases < 2:
        return float("inf")
    lines = (
        (_fit(inside[kept].sum(axis=0), outside[kept].sum(axis=0)), held) for kept, held in cross_validation(cases)
    )
    return sum(_nll(line, inside[held], outside[held]) for line, held in lines) / cases


def _nll(line: Line, inside: Floats, outside: Floats) -> float:
    z = line[0] * CENTRES + line[1]
    return float(np.sum(inside * np.logaddexp(0, -z) + outside * np.logaddexp(0, z)))


def _fit(inside: Floats, outside: Floats) -> Line:
    """The most likely slope and bias: a logistic regression with one input, hence convex."""
    scale = _nll(_IDENTITY, inside, outside)

    def loss(line: Floats) -> tuple[float, Floats]:
        excess = (inside + outside) * expit(line[0] * CENTRES + line[1]) - inside
        gradient = np.array([np.sum(excess * CENTRES), np.sum(excess)])
        return _nll((line[0], line[1]), inside, outside) / scale, gradient / scale

    found = minimize(loss, np.array(_IDENTITY), jac=True, method="L-BFGS-B", bounds=(_SLOPES, _BIASES))
    return float(found.x[0]), float(found.x[1])
