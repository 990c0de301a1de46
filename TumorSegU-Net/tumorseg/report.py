"""The report of a run: what was found, how, and with what, as one JSON document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tumorseg.atomic import atomic_path
from tumorseg.measure import RegionMeasure
from tumorseg.pipeline import Result

REPORT_NAME = "report.json"

DECIMALS = 3


def report_document(result: Result) -> dict[str, Any]:
    """JSON-serialisable report: measurements (mL, mm), findings, provenance and seconds per stage."""
    return {
        "measurements": measurement_values(result.measurements),
        "findings": [asdict(finding) for finding in result.findings],
        "provenance": result.provenance,
        "seconds": {stage: round(seconds, DECIMALS) for stage, seconds in result.seconds.items()},
    }


def measurement_values(measurements: Mapping[str, RegionMeasure]) -> dict[str, dict[str, float]]:
    """Measurements as numbers for JSON, rounded to microlitres and micrometres."""
    return {
        name: {key: round(value, DECIMALS) for key, value in asdict(values).items()}
        for name, values in measurements.items()
    }


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
