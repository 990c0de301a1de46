"""One case in pictures: its modalities, three planes, the segmentation over them, and each label by itself."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from tumorseg.regions import ED, ET, NCR, SEGMENTS
from tumorseg.sequences import DISPLAY_NAMES
from tumorseg.volume import FloatArray
from tumorseg_training.figures.canvas import add_legend, show_labels, show_slice, tiles
from tumorseg_training.figures.case_view import PLANES, CaseView, framed, plane

_CONTRAST = ("t1ce", "flair", "t2", "t1")
"""What shows a tumor best, in order."""


def modalities(view: CaseView) -> Figure:
    """An axial slice in every sequence that the case has."""
    titles = [DISPLAY_NAMES[name] for name in view.images]
    figure, (row,) = tiles(1, len(view.images), titles, view.labels.shape[1:])
    position = view.position()
    for axes, image in zip(row, view.images.values(), strict=True):
        show_slice(axes, plane(image, "axial", position), "axial", view.voxel_mm if axes is row[0] else None)
    return figure


def planes(view: CaseView) -> Figure:
    """Axial, coronal and sagittal slices through the tumor, without and with the expert's labels."""
    position, square = view.position(), (max(view.labels.shape),) * 2
    figure, rows = tiles(2, len(PLANES), [name.capitalize() for name in PLANES], square, legend=True)
    for number, name in enumerate(PLANES):
        image = framed(plane(_best(view), name, position), square)
        labels = framed(plane(view.labels, name, position), square)
        for row in rows:
            show_slice(row[number], image, name, view.voxel_mm if row is rows[0] and number == 0 else None)
        show_labels(rows[1][number], labels)
    add_legend(figure, _present(view))
    return figure


def overlay(view: CaseView) -> Figure:
    """The expert's labels over every sequence."""
    titles = [DISPLAY_NAMES[name] for name in view.images]
    figure, (row,) = tiles(1, len(view.images), titles, view.labels.shape[1:], legend=True)
    position = view.position()
    for axes, image in zip(row, view.images.values(), strict=True):
        show_slice(axes, plane(image, "axial", position), "axial", view.voxel_mm if axes is row[0] else None)
        show_labels(axes, plane(view.labels, "axial", position))
    add_legend(figure, _present(view))
    return figure


def label_panel(view: CaseView) -> Figure:
    """The slice alone, with all labels, and with each label by itself."""
    shown = [label for label in (NCR, ED, ET) if label in _present(view)] or sorted(_present(view))
    titles = [_title(view), "All labels", *(SEGMENTS[label].name for label in shown)]
    figure, (row,) = tiles(1, len(titles), titles, view.labels.shape[1:])
    position = view.position()
    image, labels = plane(_best(view), "axial", position), plane(view.labels, "axial", position)
    for number, axes in enumerate(row):
        show_slice(axes, image, "axial", view.voxel_mm if number == 0 else None)
        if number > 0:
            chosen = labels if number == 1 else np.where(labels == shown[number - 2], labels, 0)
            show_labels(axes, chosen, opacity=0.85)
    return figure


def best_sequence(view: CaseView) -> str:
    """The sequence that shows the tumor best."""
    return next(name for name in _CONTRAST if name in view.images)


def _best(view: CaseView) -> FloatArray:
    return view.images[best_sequence(view)]


def _title(view: CaseView) -> str:
    return DISPLAY_NAMES[best_sequence(view)]


def _present(view: CaseView) -> set[int]:
    return set(np.unique(view.labels).tolist()) - {0}
