"""Fit what follows the network on validation cases, and keep it in the run's model file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tumorseg.calibration import with_calibration, without_calibration
from tumorseg.errors import BadInputError, CancelledError, TumorSegError
from tumorseg.modelfile import Model, PostProcessing, load_model, save_model
from tumorseg.normalise import brain_mask
from tumorseg.pipeline import Options, segment
from tumorseg_training.cases import LabelledCase, read_labelled
from tumorseg_training.enhancing_rule import EnhancingRule, choose_enhancing_rule
from tumorseg_training.evaluate import Show
from tumorseg_training.logit_histogram import LogitHistogram, logit_histogram
from tumorseg_training.metrics import scored_regions
from tumorseg_training.temperature import RegionCalibration, fit_calibration

Histograms = dict[str, list[LogitHistogram]]
"""Of each region, one per case whose truth has that region."""


@dataclass(frozen=True)
class CalibrationReport:
    """What was fitted.

    Attributes:
        cases: names of those that were used.
        regions: fit of each region that has cases with a truth.
        enhancing: the rule for ET; None for models of the whole tumor.
        rules: that the model file now holds.
        problems: a sentence for each case that could not be used.
    """

    cases: tuple[str, ...]
    regions: dict[str, RegionCalibration]
    enhancing: EnhancingRule | None
    rules: PostProcessing
    problems: tuple[str, ...] = field(default=())


def calibrate(model_path: Path, cases: Sequence[LabelledCase], device: str, show: Show) -> CalibrationReport:
    """Fit temperature, bias and the rule for ET, and write them into the model file.

    Args:
        model_path: the file, replaced at the end; its weights stay as they are.
        cases: validation cases, on which the model was not trained.
        device: as in ``Options``.
        show: told which case is run.

    Raises:
        BadInputError: no case could be used.
        ModelError: the file cannot be used.
    """
    model = load_model(model_path)
    plain = without_calibration(model.spec.postprocessing)
    raw = replace(model, spec=replace(model.spec, postprocessing=plain))
    histograms: Histograms = {region: [] for region in model.spec.regions}
    used: list[str] = []
    problems: list[str] = []
    for number, case in enumerate(cases, start=1):
        show(f"[{number}/{len(cases)}] {case.name}: for calibration")
        try:
            for region, histogram in _case_histograms(raw, case, device).items():
                histograms[region].append(histogram)
            used.append(case.name)
        except CancelledError:
            raise
        except TumorSegError as error:
            problems.extend(f"{case.name}: {problem}" for problem in error.problems)
    if not used:
        raise BadInputError(problems or ["There is no validation case to calibrate on; prepare with more folds."])
    report = replace(fit_rules(histograms, plain), cases=tuple(used), problems=tuple(problems))
    _store(model_path, model, report)
    return report


def fit_rules(histograms: Mapping[str, Sequence[LogitHistogram]], plain: PostProcessing) -> CalibrationReport:
    """Fit everything.

    Args:
        histograms: per output region, in the model's order.
        plain: the model's rules without calibration.
    """
    fits = {region: fit_calibration(cases) for region, cases in histograms.items() if cases}
    enhancing, names = None, list(histograms)
    if histograms.get("ET"):
        place = names.index("ET")
        enhancing = choose_enhancing_rule(histograms["ET"], plain.thresholds[place], plain.min_enhancing_ml)
        thresholds = (*plain.thresholds[:place], enhancing.threshold, *plain.thresholds[place + 1 :])
        plain = replace(plain, thresholds=thresholds, min_enhancing_ml=enhancing.min_ml)
    if any(fit.used for fit in fits.values()):
        lines = [(fits[name].temperature, fits[name].bias) if name in fits else (1.0, 0.0) for name in names]
        plain = with_calibration(plain, *zip(*lines, strict=True))
    return CalibrationReport((), fits, enhancing, plain)


def _case_histograms(model: Model, case: LabelledCase, device: str) -> dict[str, LogitHistogram]:
    volumes, truth, geometry = read_labelled(case, model.spec.channels)
    result = segment(volumes, model, Options(device=device))
    brain = brain_mask([volume.array for volume in volumes.values()])
    known = scored_regions(truth)
    return {
        region: logit_histogram(probability, truth, region, brain, geometry.voxel_volume_ml)
        for region, probability in zip(model.spec.regions, np.asarray(result.probabilities), strict=True)
        if region in known
    }


def _store(path: Path, model: Model, report: CalibrationReport) -> None:
    fitted: dict[str, Any] = {
        "cases": list(report.cases),
        "regions": {region: asdict(fit) for region, fit in report.regions.items()},
        "enhancing": asdict(report.enhancing) if report.enhancing else None,
    }
    for of_region in fitted["regions"].values():
        if of_region["nll_held_out"] == float("inf"):
            of_region["nll_held_out"] = None  # JSON has no infinity
    training = {**model.spec.training, "calibration": fitted}
    spec = replace(model.spec, postprocessing=report.rules, training=training)
    save_model(path, spec, model.network.state_dict())
