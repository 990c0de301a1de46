"""Panel, table, report and console tell the same numbers, to the last digit."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import slicer

from support.cases import SMALL, small_case
from support.models import threshold_model
from tumorseg.console import tumor_text
from tumorseg.measure import measure_tumor
from tumorseg.pipeline import Options, segment
from tumorseg.regions import ET
from tumorseg.report import tumor_values
from tumorseg.report_html import html_report
from tumorseg.volume import LabelArray
from TumorSegUNetLib.presenter_result import ResultFacts, ResultState, resultState
from TumorSegUNetLib.result_table import createTable, exportTable


@dataclass(frozen=True)
class Told:
    """What each face tells of the same labels."""

    panel: ResultState
    table: list[dict[str, str]]
    report: str
    console: str


def told(labels: LabelArray, scene: slicer.vtkMRMLScene, folder: Path) -> Told:
    """Let every face tell of labels (z, y, x) on the grid ``SMALL`` of 1 mm; numbers come as JSON from the worker."""
    tumor = measure_tumor(labels, SMALL)
    values = json.loads(json.dumps(tumor_values(tumor)))
    table = createTable(scene, "Measurements", values["measurements"], values["lesions"], None)
    with open(exportTable(table, folder / "table.csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    case = small_case()
    result = replace(segment(case, threshold_model(), Options(device="cpu")), labels=labels, tumor=tumor)
    facts = ResultFacts(measurements=values["measurements"], lesions=values["lesions"])
    return Told(resultState(facts), rows, html_report(result, case, None, "Patient 7"), tumor_text(tumor))


@pytest.mark.parametrize(("voxels", "short", "long"), [(2550, "2.5", "2.55"), (1150, "1.1", "1.15")])
def test_volumes_are_rounded_alike(
    scene: slicer.vtkMRMLScene, tmp_path: Path, voxels: int, short: str, long: str
) -> None:
    """As floats 2550 * 0.001 is above 2.55, and the number 2.55 below it."""
    labels = np.zeros(SMALL.shape, np.uint8)
    labels.ravel()[:voxels] = ET
    faces = told(labels, scene, tmp_path)
    assert faces.panel.headline == f"Tumor with edema {short} mL"
    assert faces.panel.rows[0][:2] == ("Whole tumor", short)
    assert faces.table[-1]["Volume (mL)"] == long
    assert f"<dt>Whole tumor</dt><dd>{short} mL</dd>" in faces.report
    assert f">{long}<" in faces.report
    assert f"  {long}  " in faces.console


def test_diameters_are_rounded_alike(scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
    """The diagonal of 10 x 1 mm is a little shorter than 10.05 mm."""
    labels = np.zeros(SMALL.shape, np.uint8)
    labels[2:12, 3:5, 2:13] = ET
    faces = told(labels, scene, tmp_path)
    longest = faces.panel.rows[0][2]
    assert f">{longest} × " in faces.report
    assert f"  {longest} x " in faces.console
