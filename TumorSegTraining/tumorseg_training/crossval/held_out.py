"""Predictions of every case by the network that never saw it; each is made once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from tumorseg.pipeline import Options, segment
from tumorseg.regions import labels_from_regions
from tumorseg.volume import FloatArray
from tumorseg_training.cache import CACHE_VERSION
from tumorseg_training.case_predictions import ModelPredictions
from tumorseg_training.cases import LabelledCase, read_labelled, read_truth
from tumorseg_training.crossval.folds import THRESHOLD, Judged
from tumorseg_training.crossval.kept_logits import keep_logits, kept_probabilities
from tumorseg_training.evaluate import CasePrediction, Show

LOGITS_FOLDER = "logits"


class HeldOutPredictions:
    """What the networks alone say: every threshold 0.5, no rules after them.

    Attributes:
        regions: that they find.
    """

    def __init__(self, judged: Sequence[Judged], folder: Path, device: str = "auto", tta: bool = False) -> None:
        """Keep logits below a folder that is there."""
        self._folds = {item.case.name: item.fold for item in judged}
        self._folder = folder / LOGITS_FOLDER
        self._options = Options(device=device, tta=tta)
        self.regions = judged[0].fold.model.spec.regions

    def __call__(self, case: LabelledCase, show: Show) -> CasePrediction:
        """The labels of a case and its truth.

        Raises:
            TumorSegError: as the engine, or a truth on another grid than the volumes.
        """
        probabilities = self.probabilities(case, show)
        truth, geometry = read_truth(case)
        labels = labels_from_regions(probabilities, self.regions, (THRESHOLD,) * len(self.regions))
        return CasePrediction(labels, truth, geometry)

    def probabilities(self, case: LabelledCase, show: Show) -> FloatArray:
        """Not calibrated, (region, z, y, x) on the grid of the truth, 0 outside the brain; predicted if not kept.

        Raises:
            TumorSegError: as ``__call__``.
        """
        path, key = self._folder / f"{case.name}.npz", self.sha256(case)
        kept = kept_probabilities(path, key)
        if kept is not None:
            return kept
        model = self._folds[case.name].model
        show("read")
        volumes, _, _ = read_labelled(case, model.spec.channels)
        result = segment(volumes, model, self._options, lambda at: show(f"{at.stage} {100 * at.fraction:.0f} %"))
        self._folder.mkdir(exist_ok=True)
        keep_logits(path, key, result.probabilities)
        return result.probabilities

    def sha256(self, case: LabelledCase) -> str:
        """Of a case's data and their preparation, the network that judges it, and what was asked for."""
        model = self._folds[case.name].model
        options = f"tta {self._options.tta} guides {model.spec.guides} prepared {CACHE_VERSION}"
        parts = (ModelPredictions(model).sha256(case), model.sha256, options)
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()
