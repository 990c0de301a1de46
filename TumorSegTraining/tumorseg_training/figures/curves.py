"""Training curves: loss, Dice of every region and accuracy over the epochs, beside what predicting nothing scores."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tumorseg.regions import REGIONS, SEGMENTS
from tumorseg_training.figures.canvas import DOTS_PER_INCH
from tumorseg_training.figures.run_record import Row

_DICE_COLORS = {"WT": SEGMENTS[2].color, "TC": SEGMENTS[1].color, "ET": SEGMENTS[3].color, "mean": (0.15, 0.15, 0.15)}
_NOTHING = {"color": "0.55", "linestyle": ":", "linewidth": 1.5}


def training_curves(epochs: Sequence[Row], nothing_accuracy: float | None) -> Figure:
    """Three panels over the epochs.

    Args:
        epochs: rows of ``metrics.csv``.
        nothing_accuracy: what predicting nothing scores on the validation cases, if known.
    """
    figure = Figure(figsize=(11, 3.4), dpi=DOTS_PER_INCH, layout="constrained")
    loss, dice, accuracy = figure.subplots(1, 3)
    _line(loss, epochs, "train_loss", label="training", color="#2f6690")
    _line(loss, epochs, "validation_loss", label="validation", color="#c9772b")
    regions = [region for region in REGIONS if any(f"dice_{region}" in row for row in epochs)]
    # The mean of a single region is that region.
    for region in [*regions, "mean"] if len(regions) > 1 else regions:
        _line(dice, epochs, f"dice_{region}", label=region, color=_DICE_COLORS[region])
    for nothing in [row["nothing_dice_mean"] for row in epochs if "nothing_dice_mean" in row][-1:]:
        dice.axhline(nothing, label="predicting nothing, mean", **_NOTHING)  # the same in every epoch
    _line(accuracy, epochs, "accuracy", label="validation", color="#c9772b")
    if nothing_accuracy is not None:
        accuracy.axhline(nothing_accuracy, label="predicting nothing", **_NOTHING)
    dice.set_ylim(0, 1)
    titles = ("Loss", "Dice (validation, per region)", "Voxel accuracy (background included)")
    for axes, title in zip((loss, dice, accuracy), titles, strict=True):
        axes.set_xlim(0.5, len(epochs) + 0.5)
        _finish(axes, title)
    return figure


def _line(axes: Axes, epochs: Sequence[Row], column: str, **style: object) -> None:
    """The epochs that have a number; with a mark each while there are few."""
    points = [(row["epoch"] + 1, row[column]) for row in epochs if column in row and "epoch" in row]
    if points:
        marker = "o" if len(points) < 30 else ""
        axes.plot(*zip(*points, strict=True), marker=marker, markersize=3, **style)  # type: ignore[arg-type]


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="0.92")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8)
    else:
        axes.text(0.5, 0.5, "not logged", ha="center", va="center", color="0.5", transform=axes.transAxes)
