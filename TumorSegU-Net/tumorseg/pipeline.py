"""One run from four volumes to labels on the reference grid: check, prepare, predict, finish."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone

import numpy as np

from tumorseg import __version__
from tumorseg.calibration import calibrated
from tumorseg.devices import Device, choose_device
from tumorseg.errors import BadInputError
from tumorseg.grids import WorkingGrid, probabilities_to_reference, to_working, working_grid
from tumorseg.guard import Finding, blocking, check_case
from tumorseg.measure import RegionMeasure, TumorMeasures, measure_tumor
from tumorseg.midline import find_midline
from tumorseg.modelfile import Model
from tumorseg.normalise import Box, brain_mask, network_input
from tumorseg.postprocess import clean
from tumorseg.predictor import Prediction, predict
from tumorseg.progress import Progress, Report, silent
from tumorseg.regions import labels_from_regions
from tumorseg.sequences import Case
from tumorseg.uncertainty import Quality, assess, uncertainty_map
from tumorseg.volume import BoolArray, FloatArray, Geometry, LabelArray, Volume

REFERENCE_ORDER = ("t1ce", "flair", "t2", "t1")
"""The result lies on the grid of the first of these that the model uses."""


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    Attributes:
        device: ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:N``.
        tta: average over mirrored inputs; eight times slower.
        brain_mask: brain as a volume on the inputs' grid (not 0 inside); where the volumes differ from 0 if None.
    """

    device: str = "auto"
    tta: bool = False
    brain_mask: Volume | None = None


@dataclass(frozen=True)
class Result:
    """Everything a run found.

    Attributes:
        labels: (z, y, x) engine labels on ``geometry``, the grid of the reference volume.
        geometry: of the reference volume.
        probabilities: (region, z, y, x) float32 on the same grid, calibrated if the model is.
        regions: names of the probability channels.
        tumor: measurements per label and region, and per lesion.
        uncertainty: (z, y, x) float32 on the same grid, 0 certain to 1.
        quality: whether the result should be looked at with care.
        findings: warnings of the guard.
        provenance: how the result came about, as strings.
        seconds: wall time per stage.
    """

    labels: LabelArray
    geometry: Geometry
    probabilities: FloatArray
    regions: tuple[str, ...]
    tumor: TumorMeasures
    uncertainty: FloatArray
    quality: Quality
    findings: list[Finding]
    provenance: dict[str, str]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def measurements(self) -> dict[str, RegionMeasure]:
        """Measurements per label and region."""
        return self.tumor.regions


def segment(case: Case, model: Model, options: Options | None = None, report: Report = silent) -> Result:
    """Segment a case.

    Args:
        case: one volume per sequence, all on one grid.
        model: to run.
        options: device and variants.
        report: told about progress; may raise ``CancelledError``.

    Raises:
        BadInputError: volumes that cannot be segmented; one sentence per problem.
        OutOfMemoryError, CancelledError: as named.
    """
    options = options or Options()
    device = choose_device(options.device)
    seconds: dict[str, float] = {}
    with _stage("check", seconds, report):
        findings = _checked(case, model, masked=options.brain_mask is not None)
    reference = case[reference_sequence(model)]
    with _stage("prepare", seconds, report):
        grid = working_grid(reference.geometry, model.spec.spacing)
        channels = [to_working(case[name], grid) for name in model.spec.channels]
        brain = brain_mask(channels) if options.brain_mask is None else _mask_on(grid, options.brain_mask)
        crop, box = network_input(channels, brain, model.spec.normalisation)
    with _stage("predict", seconds, report):
        prediction = predict(model, crop, device, options.tta, report)
    with _stage("finish", seconds, report):
        inside = calibrated(prediction.probabilities, model.spec.postprocessing)
        probabilities = _on_reference(inside, box, grid) * _brain_on_reference(case, model, options.brain_mask)
        labels = labels_of(probabilities, model, reference.geometry)
        report(Progress("finish", 0.4))
        tumor = measure_tumor(labels, reference.geometry, find_midline(brain, grid.working))
        report(Progress("finish", 0.7))
        quality = assess(probabilities, model.spec.regions, labels, reference.geometry, tumor.foci, findings)
        uncertainty = uncertainty_map(probabilities)
    return Result(
        labels=labels,
        geometry=reference.geometry,
        probabilities=probabilities,
        regions=model.spec.regions,
        tumor=tumor,
        uncertainty=uncertainty,
        quality=quality,
        findings=findings,
        provenance=_provenance(case, model, options, device, prediction),
        seconds=seconds,
    )


def reference_sequence(model: Model) -> str:
    """The sequence on whose grid the result lies."""
    return next(name for name in REFERENCE_ORDER if name in model.spec.channels)


def labels_of(probabilities: FloatArray, model: Model, geometry: Geometry) -> LabelArray:
    """Labels (z, y, x) of calibrated region probabilities (region, z, y, x), by the model's thresholds and rules."""
    rules = model.spec.postprocessing
    labels = labels_from_regions(probabilities, model.spec.regions, rules.thresholds)
    return clean(labels, rules, geometry.voxel_volume_ml)


@contextmanager
def _stage(name: str, seconds: dict[str, float], report: Report) -> Iterator[None]:
    report(Progress(name, 0.0))
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started
    report(Progress(name, 1.0))


def _checked(case: Case, model: Model, masked: bool) -> list[Finding]:
    # With a mask it does not matter that there is a skull.
    findings = [f for f in check_case(case, model.spec.channels) if not (masked and f.code == "skull")]
    if problems := blocking(findings):
        raise BadInputError([finding.sentence for finding in problems])
    return findings


def _mask_on(grid: WorkingGrid, mask: Volume) -> BoolArray:
    if difference := grid.reference.differences(mask.geometry):
        raise BadInputError(
            f"The brain mask {mask.name} is not on the grid of the volumes ({', '.join(difference)}); resample it."
        )
    inside = to_working(Volume((mask.array != 0).astype(np.float32), mask.geometry, mask.name), grid) >= 0.5
    if not inside.any():
        raise BadInputError(f"The brain mask {mask.name} is empty; give one that is not 0 inside the brain.")
    return inside


def _brain_on_reference(case: Case, model: Model, mask: Volume | None) -> BoolArray:
    """The brain (z, y, x) at the resolution of the result; a coarser network's mask would cut its surface off."""
    return brain_mask([case[name].array for name in model.spec.channels] if mask is None else [mask.array])


def _on_reference(crop: FloatArray, box: Box, grid: WorkingGrid) -> FloatArray:
    """Probabilities of a crop (region, z, y, x) put back onto the reference grid; 0 outside the crop."""
    whole = np.zeros((len(crop), *grid.working.shape), np.float32)
    z, y, x = box
    whole[:, z, y, x] = crop
    return probabilities_to_reference(whole, grid)


def _provenance(case: Case, model: Model, options: Options, device: Device, prediction: Prediction) -> dict[str, str]:
    facts = {
        "software": f"TumorSegU-Net {__version__}",
        "model": f"{model.spec.name} {model.spec.version}",
        "model_sha256": model.sha256,
        "device": prediction.rung.tiles_on,
        "device_reason": " ".join((device.reason, *prediction.remarks)),
        "memory_rung": str(prediction.rung),
        "runtime": prediction.runtime,
        "tta": "yes" if options.tta else "no",
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "intended_use": model.spec.card.intended_use,
    }
    for name in model.spec.channels:
        facts[f"input_{name}"] = case[name].name
        facts |= {f"input_{name}_{key}": value for key, value in case[name].provenance.items()}
    return facts
