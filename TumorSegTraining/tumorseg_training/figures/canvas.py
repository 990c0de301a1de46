"""Tiles of anatomy: a gray slice, colored labels, orientation letters, a scale bar, a legend; and saving a figure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch

from tumorseg.atomic import atomic_path
from tumorseg.regions import SEGMENTS
from tumorseg.volume import FloatArray, LabelArray
from tumorseg_training.figures.case_view import EDGES

OPACITY = 0.55
SCALE_BAR_MM = 50
SHORT_BAR_MM = 10
"""For slices that are too small for the other."""
DOTS_PER_INCH = 200
TILE_INCHES = 2.3
WARNING_COLOR = "#a3241c"
_TEXT_INCHES = 0.3


def tiles(
    rows: int, columns: int, titles: Sequence[str], tile: tuple[int, ...], legend: bool = False
) -> tuple[Figure, list[list[Axes]]]:
    """A figure of black tiles without axes.

    Args:
        rows: number.
        columns: number.
        titles: above the columns.
        tile: shape (rows, columns) of the slices.
        legend: whether there will be one.
    """
    height = TILE_INCHES * tile[0] / tile[1] * rows
    size = (TILE_INCHES * columns, height + (2 if legend else 1) * _TEXT_INCHES)
    narrow = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
    figure = Figure(figsize=size, dpi=DOTS_PER_INCH, layout=narrow)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.ravel():
        axes.set(xticks=[], yticks=[], facecolor="black")
        axes.spines[:].set_visible(False)
    for axes, title in zip(grid[0], titles, strict=False):
        axes.set_title(title, fontsize=10)
    return figure, [list(row) for row in grid]


def show_slice(axes: Axes, image: FloatArray, plane: str, bar_pixel_mm: float | None = None) -> None:
    """A gray slice (row, column), 0 to 1, with the letters of its edges.

    Args:
        axes: to draw into.
        image: with square pixels.
        plane: of ``PLANES``.
        bar_pixel_mm: size of a pixel in mm, for a scale bar; None for none.
    """
    axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="bilinear")
    left, right, up, down = EDGES[plane]
    for letter, x, y in ((left, 0.03, 0.5), (right, 0.97, 0.5), (up, 0.5, 0.97), (down, 0.5, 0.03)):
        axes.text(x, y, letter, color="white", fontsize=7, ha="center", va="center", transform=axes.transAxes)
    if bar_pixel_mm:
        _scale_bar(axes, image.shape, bar_pixel_mm)


def show_labels(axes: Axes, labels: LabelArray, opacity: float = OPACITY) -> None:
    """Labels (row, column) in the colors of the segments, over what is there."""
    colored = np.zeros((*labels.shape, 4))
    for label, segment in SEGMENTS.items():
        colored[labels == label] = (*segment.color, opacity)
    axes.imshow(colored, interpolation="nearest")


def show_mask(axes: Axes, mask: npt.NDArray[np.bool_], color: tuple[float, float, float], opacity: float = 0.8) -> None:
    """A mask (row, column) in one color."""
    colored = np.zeros((*mask.shape, 4))
    colored[mask] = (*color, opacity)
    axes.imshow(colored, interpolation="nearest")


def add_legend(figure: Figure, labels: Collection[int], more: Sequence[Patch] = ()) -> None:
    """Name the colors of the labels that occur, below the tiles."""
    handles = [Patch(color=segment.color, label=segment.name) for label, segment in SEGMENTS.items() if label in labels]
    if handles or more:
        handles += more
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=8)


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the format of its extension."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], dpi=DOTS_PER_INCH)


def _scale_bar(axes: Axes, shape: tuple[int, ...], pixel_mm: float) -> None:
    rows, columns = shape
    y, x = rows - 0.05 * rows, 0.05 * columns
    length = SCALE_BAR_MM if 0.9 * columns * pixel_mm >= SCALE_BAR_MM else SHORT_BAR_MM
    pixels = length / pixel_mm
    axes.autoscale(False)  # the bar must not change the scale of the slice
    axes.plot([x, x + pixels], [y, y], color="white", linewidth=2, solid_capstyle="butt")
    axes.text(x + pixels / 2, y - 0.02 * rows, f"{length} mm", color="white", fontsize=6, ha="center", va="bottom")
