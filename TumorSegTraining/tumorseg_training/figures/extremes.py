"""Prediction against truth for the best, the median and the worst case of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from tumorseg.regions import REGIONS, UNDIVIDED
from tumorseg.sequences import DISPLAY_NAMES
from tumorseg.volume import LabelArray
from tumorseg_training.figures.anatomy import best_sequence
from tumorseg_training.figures.canvas import WARNING_COLOR, add_legend, show_labels, show_mask, show_slice, tiles
from tumorseg_training.figures.case_view import CaseView, framed, plane
from tumorseg_training.figures.run_record import Row

MISSED, FALSE, EXCHANGED = (0.20, 0.55, 1.0), (1.0, 0.25, 0.85), (0.95, 0.95, 0.95)
"""Colors of tumor that was not found, of what is none, and of tumor with another label."""


@dataclass(frozen=True)
class Compared:
    """A case with its prediction.

    Attributes:
        rank: ``Best``, ``Median`` or ``Worst``.
        view: images and truth.
        prediction: labels on the grid of the view.
        scores: Dice by region.
    """

    rank: str
    view: CaseView
    prediction: LabelArray
    scores: Mapping[str, float]


def dice_scores(row: Row) -> dict[str, float]:
    """Dice by region of a row of ``scores.csv``."""
    return {region: row[f"dice_{region}"] for region in REGIONS if f"dice_{region}" in row}


def choose_extremes(scores: Mapping[str, Row]) -> dict[str, str]:
    """Case of each rank by the mean Dice of its regions; each case once, the median is left out first."""
    means = {case: float(np.mean(list(dice.values()))) for case, row in scores.items() if (dice := dice_scores(row))}
    ordered = sorted(means, key=lambda case: (-means[case], case))
    if len(ordered) < 3:
        return dict(zip(("Best", "Worst"), ordered, strict=False))
    return {"Best": ordered[0], "Median": ordered[len(ordered) // 2], "Worst": ordered[-1]}


def extremes(compared: Sequence[Compared], notes: Sequence[str] = ()) -> Figure:
    """A row per case: two sequences, the expert's labels, the prediction, and where they differ.

    Args:
        compared: the cases.
        notes: on the evaluation, shown above.
    """
    titles = (*(DISPLAY_NAMES[name] for name in _sequences(compared[0].view)), "Expert", "Prediction", "Differences")
    shape = tuple(max(case.view.labels.shape[axis] for case in compared) for axis in (1, 2))
    figure, rows = tiles(len(compared), len(titles), titles, shape, legend=True)
    for row, case in zip(rows, compared, strict=True):
        _draw_case(row, case, shape)
    differences = [
        Patch(color=MISSED, label="Missed tumor"),
        Patch(color=FALSE, label="False tumor"),
        Patch(facecolor=EXCHANGED, edgecolor="0.5", label="Other label"),
    ]
    labels = set().union(*(set(np.unique(array)) for c in compared for array in (c.view.labels, c.prediction))) - {0}
    add_legend(figure, labels, differences)
    if notes:
        figure.set_size_inches(figure.get_figwidth(), figure.get_figheight() + 0.2 * len(notes))
        figure.suptitle("\n".join(notes), fontsize=8, color=WARNING_COLOR)
    return figure


def _draw_case(row: Sequence[Axes], case: Compared, shape: tuple[int, ...]) -> None:
    shown = case.view.labels if case.view.labels.any() else case.prediction
    position = case.view.position(shown)
    gray = [framed(plane(case.view.images[name], "axial", position), shape) for name in _sequences(case.view)]
    arrays = (case.view.labels, case.prediction)
    truth, prediction = (framed(plane(labels, "axial", position), shape) for labels in arrays)
    for number, axes in enumerate(row):
        show_slice(
            axes, gray[number] if number < len(gray) else gray[0], "axial", case.view.voxel_mm if number == 0 else None
        )
    show_labels(row[-3], truth)
    show_labels(row[-2], prediction)
    show_mask(row[-1], (truth > 0) & (prediction == 0), MISSED)
    show_mask(row[-1], (truth == 0) & (prediction > 0), FALSE)
    divided = (truth > 0) & (truth != UNDIVIDED) & (prediction != UNDIVIDED)
    show_mask(row[-1], divided & (prediction > 0) & (truth != prediction), EXCHANGED)
    figures = ", ".join(f"{region} {value:.3f}" for region, value in case.scores.items())
    row[0].set_ylabel(f"{case.rank}: {case.view.name}\nDice {figures}", fontsize=7)


def _sequences(view: CaseView) -> list[str]:
    """What shows the tumor best, and FLAIR beside it."""
    best = best_sequence(view)
    return [best] if best == "flair" or "flair" not in view.images else [best, "flair"]
