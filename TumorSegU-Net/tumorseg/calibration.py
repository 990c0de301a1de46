"""Calibration: probabilities that mean what they say.

A temperature and a bias per region, after Guo et al., arXiv 1706.04599, and Platt 1999.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import expit, logit

from tumorseg.modelfile import PostProcessing
from tumorseg.volume import FloatArray


def calibrated(probabilities: FloatArray, rules: PostProcessing) -> FloatArray:
    """Probabilities (region, z, y, x) with a model's calibration applied; 0 stays 0 and 1 stays 1.

    The array itself comes back when the model has no calibration.
    """
    if not rules.temperatures:
        return probabilities
    by_region = (-1, 1, 1, 1)
    temperature = np.asarray(rules.temperatures, np.float32).reshape(by_region)
    bias = np.asarray(rules.biases, np.float32).reshape(by_region)
    return np.asarray(expit(logit(probabilities) / temperature + bias))


def with_calibration(rules: PostProcessing, temperatures: Sequence[float], biases: Sequence[float]) -> PostProcessing:
    """Rules of a model that has no calibration with one added, and thresholds moved so that labels stay the same."""
    thresholds = expit(logit(rules.thresholds) / np.asarray(temperatures) + np.asarray(biases))
    return replace(rules, thresholds=tuple(thresholds.tolist()), temperatures=tuple(temperatures), biases=tuple(biases))


def without_calibration(rules: PostProcessing) -> PostProcessing:
    """The rules that give the same labels from probabilities that are not calibrated."""
    if not rules.temperatures:
        return rules
    thresholds = expit((logit(rules.thresholds) - np.asarray(rules.biases)) * np.asarray(rules.temperatures))
    return replace(rules, thresholds=tuple(thresholds.tolist()), temperatures=(), biases=())
