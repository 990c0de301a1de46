"""One run from four volumes to labels on the reference grid: check, prepare, predict, finish.

Nothing of the network's runtime is needed before ``infer``, so that volumes are read and prepared while it loads.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from tumorseg import __version__
from tumorseg.alignment import (
    ALIGN_STAGE,
    alignment_finding,
    elsewhere,
    find_motions,
    motion_facts,
    on_one_grid,
    told_after_alignment,
)
from tumorseg.brain_crop import BrainCrop, crop_to_brain
from tumorseg.calibration import calibrated
from tumorseg.errors import BadInputError
from tumorseg.finding import by_severity
from tumorseg.given_mask import along_with, mask_facts, on_grid
from tumorseg.grids import probabilities_to_reference
from tumorseg.guard import Finding, OtherGrids, blocking, check_case
from tumorseg.guided import as_guide, guided, near_tumor
from tumorseg.measure import RegionMeasure, TumorMeasures, measure_tumor
from tumorseg.midline import find_midline
from tumorseg.modelfile import Model, ModelSpec, PostProcessing
from tumorseg.outside import with_zero_outside
from tumorseg.postprocess import clean
from tumorseg.probability_maps import ProbabilityMaps
from tumorseg.progress import Progress, Report, silent
from tumorseg.regions import labels_from_regions, thresholds_text
from tumorseg.registration import Motion
from tumorseg.sequences import REFERENCE_ORDER, Case
from tumorseg.sides import sides_known
from tumorseg.tiles import of_all
from tumorseg.uncertainty import Quality, assess
from tumorseg.volume import FloatArray, Geometry, LabelArray, Volume

if TYPE_CHECKING:
    from tumorseg.devices import Device
    from tumorseg.predictor import Prediction


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    Attributes:
        device: ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:N``.
        tta: average over the mirrorings that the model knows, even if it does not ask for it; 2 to 8 times slower.
        brain_mask: brain as a volume (not 0 inside); on another grid than the reference it is taken to lie where its
            header says. Brain is where the volumes differ from 0 if None.
        register: whether volumes on other grids than the reference are registered to it; otherwise they are taken to
            lie as their headers say.
    """

    device: str = "auto"
    tta: bool = False
    brain_mask: Volume | None = None
    register: bool = True


@dataclass(frozen=True)
class Prepared:
    """A case that passed the guard, ready for the network; the volumes themselves are not needed any more.

    Attributes:
        geometry: of the reference volume.
        crop: what the network gets.
        guides: (z, y, x) each of the brain's box, made by ``as_guide``; none if the model has none or nothing is
            resampled.
        findings: warnings and notes of the guard.
        inputs: provenance of the volumes and the brain mask.
        motions: of the volumes that lay on other grids than the reference.
        seconds: wall time per stage.
    """

    geometry: Geometry
    crop: BrainCrop
    guides: tuple[FloatArray, ...]
    findings: list[Finding]
    inputs: dict[str, str]
    motions: dict[str, Motion]
    seconds: dict[str, float]


@dataclass(frozen=True)
class Inferred:
    """What the network found in a prepared case.

    Attributes:
        probabilities: (region, z, y, x) float32 on the grid of the network's input.
        provenance: of the case, the model and the device.
        seconds: wall time per stage.
    """

    probabilities: FloatArray
    provenance: dict[str, str]
    seconds: dict[str, float]


@dataclass(frozen=True)
class Result:
    """Everything a run found.

    Attributes:
        labels: (z, y, x) engine labels on ``geometry``, the grid of the reference volume.
        geometry: of the reference volume.
        maps: probabilities on the same grid, calibrated if the model is.
        regions: names of the probability channels.
        tumor: measurements per label and region, and per lesion.
        quality: whether the result should be looked at with care.
        findings: warnings and notes of the guard.
        provenance: how the result came about, as strings.
        motions: of the volumes that lay on other grids; ``alignment.on_one_grid`` moves them as the network saw them.
        seconds: wall time per stage.
    """

    labels: LabelArray
    geometry: Geometry
    maps: ProbabilityMaps
    regions: tuple[str, ...]
    tumor: TumorMeasures
    quality: Quality
    findings: list[Finding]
    provenance: dict[str, str]
    motions: dict[str, Motion] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def measurements(self) -> dict[str, RegionMeasure]:
        """Measurements per label and region."""
        return self.tumor.regions

    @property
    def probabilities(self) -> FloatArray:
        """(region, z, y, x) float32 on ``geometry``; made anew each time."""
        return self.maps.probabilities

    @property
    def uncertainty(self) -> FloatArray:
        """(z, y, x) float32 on ``geometry``, 0 certain to 1; made anew each time."""
        return self.maps.uncertainty


def segment(case: Case, model: Model, options: Options | None = None, report: Report = silent) -> Result:
    """Segment a case.

    Args:
        case: one volume per sequence; those on other grids than the reference are registered to it.
        model: to run.
        options: device and variants.
        report: told about progress; may raise ``CancelledError``.

    Raises:
        BadInputError: volumes that cannot be segmented; one sentence per problem.
        OutOfMemoryError, CancelledError: as named.
    """
    options = options or Options()
    prepared = prepare(case, model.spec, options, report)
    return finish(prepared, model.spec, infer(prepared, model, options, report), report)


def prepare(case: Case, spec: ModelSpec, options: Options | None = None, report: Report = silent) -> Prepared:
    """What comes before the network: guard, one grid, crop to the brain, the network's grid, normalisation, comparison.

    Args:
        case: as in ``segment``.
        spec: of the model.
        options: as in ``segment``; the device does not matter.
        report: as in ``segment``.

    Raises:
        BadInputError: as in ``segment``.
    """
    options = options or Options()
    seconds: dict[str, float] = {}
    with _stage("check", seconds, report):
        case, findings = _checked(case, spec, options)
        reference = reference_sequence(spec)
        options = _with_mask_on(case[reference], options)
    motions: dict[str, Motion] = {}
    if elsewhere(case, reference):
        with _stage(ALIGN_STAGE, seconds, report):
            case, motions, findings = _aligned(case, reference, options, findings, report)
    geometry, mask = case[reference].geometry, options.brain_mask
    with _stage("prepare", seconds, report):
        volumes = [case[name] for name in spec.channels]
        crop = crop_to_brain(volumes, geometry, spec.spacing, spec.normalisation, mask, spec.other_half)
        wanted = spec.guides if crop.grid.resampled else ()
        guides = tuple(as_guide(case[name].array[crop.box], crop.brain) for name in wanted)
    inputs = _inputs(case, spec) | mask_facts(mask) | motion_facts(motions)
    return Prepared(geometry, crop, guides, findings, inputs, motions, seconds)


def infer(prepared: Prepared, model: Model, options: Options, report: Report = silent) -> Inferred:
    """Run the network.

    Raises:
        BadInputError: there is no such device.
        OutOfMemoryError: as named.
    """
    from tumorseg.devices import choose_device
    from tumorseg.predictor import predict

    device = choose_device(options.device)
    seconds = dict(prepared.seconds)
    with _stage("predict", seconds, report):
        prediction = predict(model, prepared.crop.channels, device, options.tta, report)
    provenance = _provenance(model, device, prediction, options) | prepared.inputs
    return Inferred(prediction.probabilities, provenance, seconds)


def finish(prepared: Prepared, spec: ModelSpec, inferred: Inferred, report: Report = silent) -> Result:
    """What comes after the network: calibration, the reference grid, labels, measurements."""
    seconds = dict(inferred.seconds)
    crop, geometry = prepared.crop, prepared.geometry
    with _stage("finish", seconds, report):
        probabilities = _on_reference(inferred.probabilities, prepared, spec.postprocessing)
        inside = crop.grid.reference
        labels = labels_of(probabilities, spec, inside)
        report(Progress("finish", 0.4))
        midline = find_midline(crop.working_brain, crop.grid.working) if sides_known(prepared.findings) else None
        tumor = measure_tumor(labels, inside, midline)
        report(Progress("finish", 0.7))
        quality = assess(probabilities, spec.regions, labels, inside, tumor.foci, prepared.findings)
        maps = ProbabilityMaps(probabilities, crop.box, geometry.shape)
        whole = maps.whole(labels)
    return Result(
        labels=whole,
        geometry=geometry,
        maps=maps,
        regions=spec.regions,
        tumor=tumor,
        quality=quality,
        findings=prepared.findings,
        provenance=inferred.provenance,
        motions=prepared.motions,
        seconds=seconds,
    )


def reference_sequence(spec: ModelSpec) -> str:
    """The sequence on whose grid the result lies."""
    return next(name for name in REFERENCE_ORDER if name in spec.channels)


def labels_of(probabilities: FloatArray, spec: ModelSpec, geometry: Geometry) -> LabelArray:
    """Labels (z, y, x) of calibrated region probabilities (region, z, y, x), by the model's thresholds and rules."""
    rules = spec.postprocessing
    labels = labels_from_regions(probabilities, spec.regions, rules.thresholds)
    return clean(labels, rules, geometry.voxel_volume_ml)


def _on_reference(found: FloatArray, prepared: Prepared, rules: PostProcessing) -> FloatArray:
    """Calibrated probabilities (region, z, y, x) on the brain's box; around a tumor they follow the guides."""
    crop = prepared.crop
    probabilities = probabilities_to_reference(calibrated(found, rules), crop.grid)
    if prepared.guides and (box := near_tumor(found, crop.working_brain, crop.grid)):
        probabilities[of_all(box)] = calibrated(guided(found, prepared.guides, crop.grid, box), rules)
    probabilities *= crop.brain
    return probabilities


@contextmanager
def _stage(name: str, seconds: dict[str, float], report: Report) -> Iterator[None]:
    report(Progress(name, 0.0))
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started
    report(Progress(name, 1.0))


def _checked(case: Case, spec: ModelSpec, options: Options) -> tuple[Case, list[Finding]]:
    """The volumes that the model needs, 0 outside of the brain, and what is to be told of them."""
    needed = {name: case[name] for name in spec.channels if name in case}
    cleared, outside = with_zero_outside(needed, options.brain_mask is not None)
    other_grids: OtherGrids = "registered" if options.register else "resampled"
    findings = by_severity([*check_case(cleared, spec.channels, options.brain_mask, other_grids), *outside])
    _refuse_blocking(findings)
    return cleared, findings


def _refuse_blocking(findings: list[Finding]) -> None:
    if problems := blocking(findings):
        raise BadInputError([finding.sentence for finding in problems])


def _with_mask_on(reference: Volume, options: Options) -> Options:
    """The options with a brain mask that passed the guard on the grid of the reference."""
    mask = options.brain_mask
    if mask is None:
        return options
    return replace(options, brain_mask=on_grid(along_with(reference, mask), reference.geometry))


def _aligned(
    case: Case, reference: str, options: Options, before: list[Finding], report: Report
) -> tuple[Case, dict[str, Motion], list[Finding]]:
    """The case on the grid of the reference, how it got there, and what is to be told of it."""
    motions = find_motions(case, reference, options.register, report)
    moved = on_one_grid(case, case[reference].geometry, motions)
    registered = tuple(motions) if options.register else ()
    after = check_case(moved, tuple(case), options.brain_mask, registered=registered)
    _refuse_blocking(after)
    done = alignment_finding(case, reference, motions, options.register)
    return moved, motions, by_severity([*told_after_alignment(before, after), done])


def _inputs(case: Case, spec: ModelSpec) -> dict[str, str]:
    facts = {}
    for name in spec.channels:
        facts[f"input_{name}"] = case[name].name
        facts |= {f"input_{name}_{key}": value for key, value in case[name].provenance.items()}
    return facts


def _provenance(model: Model, device: Device, prediction: Prediction, options: Options) -> dict[str, str]:
    remarks = {"remarks": " ".join(prediction.remarks)} if prediction.remarks else {}
    return {
        "software": f"TumorSegU-Net {__version__}",
        "model": f"{model.spec.name} {model.spec.version}",
        "model_sha256": model.sha256,
        "device": prediction.rung.tiles_on,
        "device_reason": device.reason,
        **remarks,
        "memory_rung": str(prediction.rung),
        "runtime": prediction.runtime,
        "tta": "yes" if options.tta or model.spec.tta else "no",
        "thresholds": thresholds_text(model.spec.thresholds),
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "intended_use": model.spec.card.intended_use,
    }
