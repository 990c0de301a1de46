"""The comparison as a picture: a table with a heading per definition, the measured lines tinted."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tumorseg_training.figures.canvas import DOTS_PER_INCH, WARNING_COLOR
from tumorseg_training.figures.comparison import INTERVAL, Section

_WIDTH_INCHES = 11.0
_LINE_INCHES = 0.21
_WRAP = 185
_TINT = "#fff1cf"


def comparison_table(parts: Sequence[Section], notes: Sequence[str] = ()) -> Figure:
    """Draw all sections below each other.

    Args:
        parts: the sections.
        notes: on the measured lines, shown first.
    """
    lines = sum(len(part.rows) + len(_wrapped(part.meaning)) + 3 for part in parts) + len(notes) + 1
    height = lines * _LINE_INCHES
    figure = Figure(figsize=(_WIDTH_INCHES, height), dpi=DOTS_PER_INCH)
    axes = figure.add_axes((0.01, 0, 0.98, 1))
    axes.set(xlim=(0, 1), ylim=(height / _LINE_INCHES, 0))
    axes.axis("off")
    axes.add_patch(Rectangle((0, 0.4), 0.02, 1, color=_TINT, linewidth=0))
    axes.text(0.025, 0.9, "measured here; all others are published, on other data", fontsize=8, va="center")
    for number, note in enumerate(notes, start=1):
        axes.text(0, 0.9 + number, f"† {note}", fontsize=8, weight="bold", color=WARNING_COLOR, va="center")
    line = 2.3 + len(notes)
    for part in parts:
        line = _draw_section(axes, part, line) + 1
    return figure


def _draw_section(axes: Axes, part: Section, line: float) -> float:
    """Draw from a line on; the next free line."""
    axes.text(0, line, part.title, fontsize=10, weight="bold", va="center")
    for text in _wrapped(part.meaning):
        line += 0.9
        axes.text(0, line, text, fontsize=7, color="0.35", va="center")
    line += 1.1
    columns = _columns(part.header)
    _draw_row(axes, part.header, columns, line, color="0.35")
    axes.plot((0, 1), (line + 0.5, line + 0.5), color="0.6", linewidth=0.6)
    for row, own in zip(part.rows, part.measured, strict=True):
        line += 1
        if own:
            axes.add_patch(Rectangle((0, line - 0.5), 1, 1, color=_TINT, linewidth=0))
        if row[0] == INTERVAL:  # two figures in the place of one
            _draw_row(axes, row, columns, line, size=6.5)
        else:
            _draw_row(axes, row, columns, line, weight="bold" if own else "normal")
    return line + 1


def _draw_row(
    axes: Axes, cells: Sequence[str], columns: Sequence[float], line: float, size: float = 8, **style: str
) -> None:
    for cell, x in zip(cells, columns, strict=True):
        axes.text(x + 0.004, line, cell, fontsize=size, va="center", **style)  # type: ignore[arg-type]


def _columns(header: Sequence[str]) -> list[float]:
    """Left edge of each column: two wide ones, then figures, then what is left."""
    first = [0.0, 0.27]
    figures = [cell for cell in header[2:] if cell not in ("Kind", "Source")]
    step = 0.055 if len(figures) == 4 else 0.073
    edges = [0.47 + step * number for number in range(len(figures))]
    after = 0.47 + step * len(figures) + 0.01
    return [*first, *edges, after, after + 0.09][: len(header)]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WRAP)
