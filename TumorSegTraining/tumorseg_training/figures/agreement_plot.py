"""Expected against true Dice of every case, a panel per region: on the dotted line the expectation was right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tumorseg_training.crossval.agreement import SCORE, Pair, agreement
from tumorseg_training.figures.canvas import DOTS_PER_INCH

_COLORS = ("#2f6690", "#c9772b")
_MARKERS = ("o", "^")
_TITLES = {"WT": "whole tumor", "TC": "tumor core", "ET": "enhancing tumor", SCORE: "score of the result"}

Groups = Mapping[str, Mapping[str, Sequence[Pair]]]
"""By what the group of cases is called, by region."""


def agreement_plot(groups: Groups) -> Figure:
    """Draw every region that any group has.

    Args:
        groups: at most two.
    """
    regions = [name for name in _TITLES if any(name in pairs for pairs in groups.values())]
    figure = Figure(figsize=(3.3 * len(regions), 4.0), dpi=DOTS_PER_INCH, layout="constrained")
    panels = figure.subplots(1, len(regions), squeeze=False)[0]
    for axes, region in zip(panels, regions, strict=True):
        _panel(axes, region, groups)
    panels[0].set_ylabel("true Dice")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=8)
    return figure


def _panel(axes: Axes, region: str, groups: Groups) -> None:
    axes.plot((0, 1), (0, 1), color="0.6", linestyle=":", linewidth=1.2)
    for (name, pairs), color, marker in zip(groups.items(), _COLORS, _MARKERS, strict=False):
        points = pairs.get(region, ())
        x, y = [pair.expected for pair in points], [pair.true for pair in points]
        axes.scatter(
            x, y, s=34, color=color, marker=marker, alpha=0.75, linewidths=0, label=name, clip_on=False, zorder=3
        )
    every = [pair for pairs in groups.values() for pair in pairs.get(region, ())]
    ranks = agreement(every).spearman
    told = "" if ranks is None else f"\nSpearman {ranks:.2f}, {len(every)} cases"
    axes.set_title(f"{_TITLES[region]}{told}", loc="left", fontsize=9)
    beside = "mean true Dice of WT and TC" if region == SCORE else ""
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="expected Dice" if not beside else f"score; y: {beside}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92")
