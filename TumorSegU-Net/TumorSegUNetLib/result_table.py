"""The measurements of a result as a table node, and as a CSV file."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer
import vtk

from tumorseg.atomic import atomic_path
from tumorseg.regions import SEGMENTS, UNDIVIDED

from .translation import _

DECIMALS = 2
"""Of volumes (mL) and lengths (mm): finer than any voxel."""

EMPTY = math.nan
"""In a column of numbers; an empty cell of a CSV file."""


@dataclass(frozen=True)
class Row:
    """One line of the table: lengths in mm, volumes in mL; ``EMPTY`` where there is none.

    Attributes:
        item: what was measured.
        volume: of all of it.
        enhancing: of the enhancing part of a lesion.
        parts: number of separate parts, or of lesions.
        measuredOn: the region that the diameters are of.
    """

    item: str
    volume: float
    enhancing: float = EMPTY
    longest: float = EMPTY
    perpendicular: float = EMPTY
    parts: str = ""
    measuredOn: str = ""
    side: str = ""


def createTable(
    scene: slicer.vtkMRMLScene,
    name: str,
    measurements: Mapping[str, Mapping[str, float]],
    lesions: Sequence[Mapping[str, Any]],
    side: str | None,
) -> slicer.vtkMRMLTableNode:
    """Add a table: one row per region, then all lesions together and every lesion.

    Args:
        scene: where the node is added.
        name: of the node; made unique.
        measurements: per region: volume_ml, components, longest_diameter_mm, perpendicular_mm.
        lesions: as in ``Outcome.lesions``.
        side: of the whole tumor.
    """
    rows = [*_regionRows(measurements), *_lesionRows(lesions, side)]
    node = scene.AddNewNodeByClass("vtkMRMLTableNode", scene.GenerateUniqueName(name))
    for title, values in _columns(rows):
        node.AddColumn(_column(title, values))
    node.SetLocked(True)
    return node


def exportTable(node: slicer.vtkMRMLTableNode, path: str | os.PathLike[str]) -> Path:
    """Write a table node as a CSV file (UTF-8, with a header), complete or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    table = node.GetTable()
    columns = [table.GetColumn(index) for index in range(table.GetNumberOfColumns())]
    with atomic_path(Path(path)) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column.GetName() for column in columns])
        writer.writerows([_cell(column, row) for column in columns] for row in range(table.GetNumberOfRows()))
    return Path(path)


def partName(short: str) -> str:
    """A region in words."""
    names = {segment.short_name: segment.name for label, segment in SEGMENTS.items() if label != UNDIVIDED}
    return {**names, "WT": _("Whole tumor"), "TC": _("Tumor core")}.get(short, short)


def _regionRows(measurements: Mapping[str, Mapping[str, float]]) -> list[Row]:
    return [
        Row(
            partName(name),
            values["volume_ml"],
            longest=values["longest_diameter_mm"],
            perpendicular=values["perpendicular_mm"],
            parts=str(int(values["components"])),
            measuredOn=name,
        )
        for name, values in measurements.items()
    ]


def _lesionRows(lesions: Sequence[Mapping[str, Any]], side: str | None) -> list[Row]:
    """All lesions together have no diameters: those of each may be of another region."""
    if not lesions:
        return []
    rows = [_lesionRow(lesion) for lesion in lesions]
    volume, enhancing = sum(row.volume for row in rows), sum(row.enhancing for row in rows)
    return [Row(_("All lesions"), volume, enhancing, parts=str(len(lesions)), side=side or ""), *rows]


def _lesionRow(lesion: Mapping[str, Any]) -> Row:
    return Row(
        _("Lesion {number}").format(number=lesion["number"]),
        lesion["volume_ml"].get("WT", 0.0),
        lesion["volume_ml"].get("ET", EMPTY),
        lesion["longest_diameter_mm"],
        lesion["perpendicular_mm"],
        measuredOn=lesion.get("measured", ""),
        side=lesion.get("side") or "",
    )


def _columns(rows: Sequence[Row]) -> list[tuple[str, list[Any]]]:
    return [
        (_("Item"), [row.item for row in rows]),
        (_("Volume (mL)"), [round(row.volume, DECIMALS) for row in rows]),
        (_("Enhancing (mL)"), [round(row.enhancing, DECIMALS) for row in rows]),
        (_("Longest diameter (mm)"), [round(row.longest, DECIMALS) for row in rows]),
        (_("Perpendicular (mm)"), [round(row.perpendicular, DECIMALS) for row in rows]),
        (_("Number"), [row.parts for row in rows]),
        (_("Measured on"), [row.measuredOn for row in rows]),
        (_("Side"), [row.side for row in rows]),
    ]


def _cell(column: vtk.vtkAbstractArray, row: int) -> Any:
    value = column.GetValue(row)
    return "" if isinstance(value, float) and math.isnan(value) else value


def _column(title: str, values: Iterable[Any]) -> vtk.vtkAbstractArray:
    cells = list(values)
    numbers = bool(cells) and isinstance(cells[0], float)
    array = vtk.vtkDoubleArray() if numbers else vtk.vtkStringArray()
    array.SetName(title)
    for cell in cells:
        array.InsertNextValue(cell)
    return array
