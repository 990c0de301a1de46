"""Held-out predictions as a user would get them: calibrated, with rules, and as the engine itself judges them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tumorseg.calibration import calibrated
from tumorseg.modelfile import PostProcessing
from tumorseg.postprocess import clean
from tumorseg.regions import labels_from_regions, region_mask
from tumorseg.uncertainty import assess, expected_dice
from tumorseg.volume import BoolArray, FloatArray
from tumorseg_training.cases import LabelledCase, read_truth
from tumorseg_training.crossval.held_out import HeldOutPredictions
from tumorseg_training.evaluate import CasePrediction, Show


@dataclass(frozen=True)
class Expectation:
    """What the engine expects of its result for a case, without the truth.

    Attributes:
        dice: by region, the Dice that its probabilities make likely.
        score: of ``tumorseg.uncertainty.Quality``.
    """

    dice: dict[str, float]
    score: float


class RuledPredictions:
    """Labels by the rules that are given for each case.

    Attributes:
        expected: of each case that was asked for.
    """

    def __init__(self, alone: HeldOutPredictions, rules: Mapping[str, PostProcessing]) -> None:
        self._alone = alone
        self._rules = rules
        self.expected: dict[str, Expectation] = {}

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions that the networks find."""
        return self._alone.regions

    def __call__(self, case: LabelledCase, show: Show) -> CasePrediction:
        """The labels of a case and its truth.

        Raises:
            TumorSegError: as ``HeldOutPredictions``.
        """
        rules = self._rules[case.name]
        probabilities = calibrated(self._alone.probabilities(case, show), rules)
        truth, geometry = read_truth(case)
        labels = labels_from_regions(probabilities, self.regions, rules.thresholds)
        labels = clean(labels, rules, geometry.voxel_volume_ml)
        self.expected[case.name] = Expectation(
            {
                region: _expected(channel, region_mask(labels, region))
                for region, channel in zip(self.regions, probabilities, strict=True)
            },
            assess(probabilities, self.regions, labels, geometry).score,
        )
        return CasePrediction(labels, truth, geometry)

    def sha256(self, case: LabelledCase) -> str:
        """As of the network alone, with the rules."""
        return f"{self._alone.sha256(case)} {self._rules[case.name]}"


def _expected(channel: FloatArray, mask: BoolArray) -> float:
    """As the engine; where nothing was found, the chance that nothing is there, which the likeliest voxel tells best:
    voxels are no independent draws."""
    return expected_dice(channel, mask, float(np.sum(channel))) if mask.any() else 1 - float(channel.max())
