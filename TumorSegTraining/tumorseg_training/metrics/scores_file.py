"""``scores.csv``: a row per case, columns ``<metric>_<region>``, empty cells where a score is not defined."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from math import isnan, nan
from pathlib import Path

from tumorseg.atomic import atomic_path
from tumorseg.errors import BadInputError
from tumorseg_training.metrics.case import CaseScores, present_regions
from tumorseg_training.metrics.definitions import METRICS


def write_scores(scores: Mapping[str, CaseScores], path: Path) -> None:
    """Write the scores of cases by name, atomically; regions that no case has get no column."""
    regions = present_regions(scores)
    columns = [(metric.name, region) for metric in METRICS for region in regions]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["case", *(f"{metric}_{region}" for metric, region in columns)])
    for name, of_case in scores.items():
        writer.writerow([name, *(_cell(of_case.get(region, {}).get(metric, nan)) for metric, region in columns)])
    with atomic_path(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def read_scores(path: Path) -> dict[str, CaseScores]:
    """The scores of each case, in the order of the file; a case has no region whose cells are all empty.

    Raises:
        BadInputError: there is no such file, or it is not one of ours.
    """
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return {row.pop("case"): _scores(row) for row in csv.DictReader(stream)}
    except FileNotFoundError as error:
        raise BadInputError(f"{path} does not exist; run tumorseg-train evaluate first.") from error
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BadInputError(f"{path} is not a table of scores or was changed by hand; evaluate again.") from error


def _cell(value: float) -> str:
    return "" if isnan(value) else f"{value:.6g}"


def _scores(row: Mapping[str, str | None]) -> CaseScores:
    scores: CaseScores = {}
    if None in row.values():
        raise ValueError("a row is shorter than the header")
    for column, cell in row.items():
        metric, region = column.rsplit("_", 1)
        scores.setdefault(region, {})[metric] = float(cell) if cell else nan
    return {region: values for region, values in scores.items() if not all(map(isnan, values.values()))}
