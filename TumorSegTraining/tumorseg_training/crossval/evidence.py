"""What held-out cases say about rules and calibration, and what follows from any of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tumorseg.calibration import with_calibration
from tumorseg.modelfile import PostProcessing
from tumorseg.volume import FloatArray, LabelArray
from tumorseg_training.cross_validation import cross_validation
from tumorseg_training.crossval.folds import THRESHOLD
from tumorseg_training.crossval.part_table import part_table
from tumorseg_training.crossval.rules import RuleChoice, Tables, choose_rule, et_thresholds
from tumorseg_training.logit_histogram import LogitHistogram, logit_histogram
from tumorseg_training.metrics import scored_regions
from tumorseg_training.temperature import RegionCalibration, fit_calibration


@dataclass(frozen=True)
class Evidence:
    """Of one case: small, so that those of a thousand fit into memory.

    Attributes:
        histograms: by region that the truth can have.
        parts: by threshold of ET.
    """

    histograms: dict[str, LogitHistogram]
    parts: Tables


@dataclass(frozen=True)
class Fitted:
    """What follows from some cases.

    Attributes:
        rules: thresholds, rules and calibration, as a model file holds them.
        choice: of the rules.
        calibration: of each region that the cases can have.
    """

    rules: PostProcessing
    choice: RuleChoice
    calibration: dict[str, RegionCalibration]


def gather(probabilities: FloatArray, truth: LabelArray, regions: Sequence[str], voxel_ml: float) -> Evidence:
    """Look at a case once.

    Args:
        probabilities: not calibrated, (region, z, y, x), 0 outside the brain.
        truth: engine labels (z, y, x).
        regions: of the probabilities.
        voxel_ml: volume of a voxel.
    """
    brain = np.any(probabilities > 0, axis=0)
    scored = [region for region in scored_regions(truth) if region in regions]
    histograms = {
        region: logit_histogram(probability, truth, region, brain, voxel_ml)
        for region, probability in zip(regions, probabilities, strict=True)
        if region in scored
    }
    parts = {
        edge: part_table(probabilities, truth, regions, scored, _thresholds(regions, edge), voxel_ml)
        for edge in et_thresholds(regions)
    }
    return Evidence(histograms, parts)


def fit(cases: Sequence[Evidence], regions: Sequence[str]) -> Fitted:
    """Choose rules and fit the calibration.

    Args:
        cases: at least one.
        regions: of the networks, in their order.
    """
    choice = choose_rule([case.parts for case in cases])
    rules = PostProcessing(
        thresholds=_thresholds(regions, choice.rule.et_threshold),
        min_component_ml=choice.rule.min_component_ml,
        min_enhancing_ml=choice.rule.min_enhancing_ml,
    )
    calibration = {
        region: fit_calibration(known)
        for region in regions
        if (known := [case.histograms[region] for case in cases if region in case.histograms])
    }
    if any(found.used for found in calibration.values()):
        lines = [(calibration[r].temperature, calibration[r].bias) if r in calibration else (1.0, 0.0) for r in regions]
        rules = with_calibration(rules, *zip(*lines, strict=True))
    return Fitted(rules, choice, calibration)


def nested(cases: Sequence[Evidence], regions: Sequence[str]) -> list[PostProcessing]:
    """For each case the rules and calibration that the other cases give; needs two cases or more."""
    found: dict[int, PostProcessing] = {}
    for kept, held in cross_validation(len(cases)):
        rules = fit([cases[number] for number in kept], regions).rules
        found.update(dict.fromkeys(held.tolist(), rules))
    return [found[number] for number in range(len(cases))]


def _thresholds(regions: Sequence[str], enhancing: float) -> tuple[float, ...]:
    return tuple(enhancing if region == "ET" else THRESHOLD for region in regions)
