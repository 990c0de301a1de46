"""The chart of a split, after Fig. 2 of the paper: how many cases train, validate and test, of which data."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tumorseg_training.prepared import Prepared
from tumorseg_training.split import Split

_COLORS = ("#2f6690", "#4d9fc4", "#c9772b", "#9e2a2b", "#5b8c3e", "#7b6d8d", "#8a7f72", "#b8860b")
"""One per data folder and grade, and again from the start when there are more."""

_LEAST_LABELLED = 0.06
"""Part of the axis that a bar must fill for its number to fit into it."""


def split_chart(prepared: Prepared, splits: Sequence[Split], fold: int = 0) -> Figure:
    """Train, validation and test of one fold, and the validation of every fold."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, max(2, len(splits) * 0.6)))
    kinds = _kinds(prepared)
    chosen = splits[fold]
    parts = {"Train": chosen.train, "Validation": chosen.validation, "Test": chosen.test}
    _stacked(left, parts, kinds)
    _stacked(right, {str(split.fold): split.validation for split in splits}, kinds)
    left.set_title(f"Fold {fold} of {len(splits)}, numbered from 0", loc="left", fontsize=10)
    right.set_title("Validation of each fold", loc="left", fontsize=10)
    left.set_ylabel("cases")
    right.set_xlabel("fold")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def _kinds(prepared: Prepared) -> dict[str, str]:
    """Data folder and grade, in words, of each case by its name."""
    return {case.name: f"{case.group}{f', {case.grade}' if case.grade else ''}" for case in prepared.cases}


def _stacked(axes: Axes, parts: dict[str, tuple[str, ...]], kinds: dict[str, str]) -> None:
    """A bar per part, stacked by kind, with the sum on top."""
    below = [0] * len(parts)
    top = max(1, *(len(names) for names in parts.values()))
    axes.set_ylim(0, 1.14 * top)
    for number, kind in enumerate(sorted(set(kinds.values()))):
        counts = [sum(kinds[name] == kind for name in names) for names in parts.values()]
        bars = axes.bar(list(parts), counts, 0.62, below, label=kind, color=_COLORS[number % len(_COLORS)])
        axes.bar_label(
            bars,
            [str(n) if n > _LEAST_LABELLED * top else "" for n in counts],
            label_type="center",
            color="white",
            fontsize=8,
        )
        below = [low + count for low, count in zip(below, counts, strict=True)]
    for position, total in enumerate(below):
        axes.annotate(str(total), (position, total), (0, 3), textcoords="offset points", ha="center", weight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
