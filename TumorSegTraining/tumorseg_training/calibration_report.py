"""What a calibration found, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tumorseg.console import table
from tumorseg_training.calibrate import CalibrationReport
from tumorseg_training.enhancing_rule import FEWEST_CASES, EnhancingRule
from tumorseg_training.markdown import markdown_table
from tumorseg_training.temperature import RegionCalibration, ReliabilityBin

CALIBRATION_HEADER = (
    "region",
    "cases",
    "temperature",
    "bias",
    "ECE before",
    "ECE after",
    "NLL before",
    "NLL left out",
    "used",
)
_RELIABILITY = ("voxels", "probability", "in the region", "voxels, calibrated", "probability", "in the region")


def calibration_text(report: CalibrationReport) -> str:
    """Tables and sentences for the terminal."""
    parts = [table(CALIBRATION_HEADER, calibration_rows(report.regions)), "", *_sentences(report)]
    return "\n".join(parts)


def calibration_markdown(report: CalibrationReport) -> str:
    """The same as a file, with the reliability of every region."""
    parts = ["# Calibration", "", f"Fitted on {len(report.cases)} cases: {', '.join(report.cases)}.", ""]
    parts += [
        markdown_table(CALIBRATION_HEADER, calibration_rows(report.regions)),
        "",
        *(f"- {sentence}" for sentence in _sentences(report)),
        "",
    ]
    for region, fit in report.regions.items():
        parts += [f"## Reliability of {region}", "", markdown_table(_RELIABILITY, _reliability_rows(fit)), ""]
    parts += [*(f"- not used: {problem}" for problem in report.problems)]
    return "\n".join(parts) + "\n"


def calibration_rows(regions: Mapping[str, RegionCalibration]) -> list[tuple[str, ...]]:
    """Cells below ``CALIBRATION_HEADER``, a row per region."""
    return [
        (
            region,
            f"{fit.cases} ({fit.present} with it)",
            f"{fit.temperature:.3f}",
            f"{fit.bias:+.3f}",
            f"{fit.ece_before:.5f}",
            f"{fit.ece_after:.5f}",
            f"{fit.nll_before:.5f}",
            f"{fit.nll_held_out:.5f}",
            "yes" if fit.used else "no",
        )
        for region, fit in regions.items()
    ]


def _sentences(report: CalibrationReport) -> list[str]:
    sentences = [
        "ECE and NLL are means over the brain's voxels, most of which are easy. A fit is used only if it lowers the "
        "NLL of cases that were left out of it in turn. It moves the thresholds along, so labels stay as they are.",
    ]
    if report.enhancing:
        sentences.append(_enhancing_sentence(report.enhancing))
    return sentences


def _enhancing_sentence(rule: EnhancingRule) -> str:
    where = f"Chosen on {rule.cases} cases, {rule.without} of them without enhancing tumor"
    figures = f"mean ET Dice {rule.dice_before:.3f} before, {rule.dice_best:.3f} with the best rule for these cases"
    if rule.dice_held_out is None:
        return (
            f"The rule for ET stays as it is: {rule.cases} cases are too few to choose one ({FEWEST_CASES} are needed)."
        )
    figures += f", {rule.dice_held_out:.3f} in cases left out of the choice in turn"
    if not rule.used:
        return f"The rule for ET stays as it is, no other helps cases that were left out. {where}: {figures}."
    small = f", and less than {rule.min_ml:g} mL becomes core" if rule.min_ml else ""
    return (
        f"The rule for ET is now: probability (not calibrated) above {rule.threshold:.3f}{small}. {where}: {figures}."
    )


def _reliability_rows(fit: RegionCalibration) -> list[tuple[str, ...]]:
    longest = max(len(fit.before), len(fit.after))
    pairs = zip(_padded(fit.before, longest), _padded(fit.after, longest), strict=True)
    return [(*first, *second) for first, second in pairs]


def _padded(bins: Sequence[ReliabilityBin], length: int) -> list[tuple[str, ...]]:
    rows = [(f"{100 * b.share:.3f} %", f"{b.probability:.3f}", f"{b.frequency:.3f}") for b in bins]
    return [*rows, *[("", "", "")] * (length - len(rows))]
