"""The report of a run: what was found, how, and with what, as one JSON document."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tumorseg.atomic import atomic_path
from tumorseg.measure import Lesion, TumorMeasures
from tumorseg.pipeline import Result
from tumorseg.volume import Triple

REPORT_NAME = "report.json"

DECIMALS = 3


def report_document(result: Result) -> dict[str, Any]:
    """JSON-serialisable report: measurements (mL, mm), quality, findings, provenance and seconds per stage."""
    quality = result.quality
    return {
        **tumor_values(result.tumor),
        "quality": {
            "score": round(quality.score, DECIMALS),
            "sentence": quality.sentence,
            "reasons": list(quality.reasons),
        },
        "findings": [asdict(finding) for finding in result.findings],
        "provenance": result.provenance,
        "seconds": {stage: round(seconds, DECIMALS) for stage, seconds in result.seconds.items()},
    }


def tumor_values(tumor: TumorMeasures) -> dict[str, Any]:
    """Measurements for JSON: regions, lesions, number of foci, side."""
    return {
        "measurements": {name: asdict(values) for name, values in tumor.regions.items()},
        "lesions": [_lesion_values(lesion) for lesion in tumor.lesions],
        "foci": tumor.foci,
        "side": tumor.side,
        "sum_of_products_mm2": round(tumor.sum_of_products_mm2, DECIMALS),
    }


def _lesion_values(lesion: Lesion) -> dict[str, Any]:
    return {
        "number": lesion.number,
        "volume_ml": lesion.volume_ml,
        "measured": lesion.measured,
        "longest": [_point(point) for point in lesion.longest],
        "perpendicular": [_point(point) for point in lesion.perpendicular],
        "longest_diameter_mm": lesion.diameters.longest_mm,
        "perpendicular_mm": lesion.diameters.perpendicular_mm,
        "product_mm2": round(lesion.product_mm2, DECIMALS),
        "measurable": lesion.measurable,
        "centroid_lps": _point(lesion.centroid_lps),
        "side": lesion.side,
    }


def _point(point: Triple) -> list[float]:
    return [round(coordinate, DECIMALS) for coordinate in point]


def write_report(result: Result, folder: Path, further: dict[str, Any] | None = None) -> Path:
    """Write ``report.json`` into a folder, made if needed.

    Args:
        result: of the run.
        folder: where to write.
        further: entries added to the document.

    Returns:
        The file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / REPORT_NAME
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps({**report_document(result), **(further or {})}, indent=1), encoding="utf-8")
    return path
