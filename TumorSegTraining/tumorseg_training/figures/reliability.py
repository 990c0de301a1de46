"""Reliability of a calibrated model: how often a voxel is tumor where the network says so, per tenth of probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tumorseg.errors import BadInputError
from tumorseg.modelfile import read_spec
from tumorseg_training.documents import damaged
from tumorseg_training.figures.canvas import DOTS_PER_INCH
from tumorseg_training.temperature import ReliabilityBin

_BEFORE, _AFTER = "#c9772b", "#2f6690"


@dataclass(frozen=True)
class Reliability:
    """What calibration found of a region; calibration error (ECE) as a share, bins by rising probability.

    Attributes:
        cases: on which it was fitted.
        used: whether the model applies it.
        ece_before: of the network's own probabilities.
        ece_after: of the calibrated ones.
        before: of the network's own probabilities.
        after: of the calibrated ones.
    """

    cases: int
    used: bool
    ece_before: float
    ece_after: float
    before: Sequence[ReliabilityBin]
    after: Sequence[ReliabilityBin]


def load_reliability(model: Path) -> dict[str, Reliability]:
    """The reliability of each region that a model file holds since ``evaluate --calibrate``.

    Raises:
        BadInputError: the model was not calibrated, or there is none.
    """
    if not model.is_file():
        raise BadInputError(f"There is no {model.name} in {model.parent} yet.")
    fitted = read_spec(model).training.get("calibration")
    if not fitted:
        advice = f"run tumorseg-train evaluate --run {model.parent} --calibrate"
        raise BadInputError(f"The model of {model.parent} is not calibrated; {advice}.")
    try:
        return {region: _reliability(values) for region, values in fitted["regions"].items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise damaged(model, "calibrate the run again") from error


def reliability_plot(regions: Mapping[str, Reliability]) -> Figure:
    """A panel per region: the share of voxels in the region over the probability, before and after calibration."""
    figure = Figure(figsize=(3.7 * len(regions), 3.9), dpi=DOTS_PER_INCH, layout="constrained")
    panels = figure.subplots(1, len(regions), squeeze=False)[0]
    for axes, (region, found) in zip(panels, regions.items(), strict=True):
        axes.plot((0, 1), (0, 1), color="0.6", linestyle=":", linewidth=1.2)
        _line(axes, found.before, f"network, ECE {found.ece_before:.4f}", _BEFORE)
        if found.used:
            _line(axes, found.after, f"calibrated, ECE {found.ece_after:.4f}", _AFTER)
        suffix = "" if found.used else ", calibration not used"
        axes.set_title(f"{region}, {found.cases} cases{suffix}", loc="left", fontsize=10)
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="probability")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.92")
        axes.legend(frameon=False, fontsize=8, loc="upper left")
    panels[0].set_ylabel("share of voxels in the region")
    figure.suptitle(
        "Reliability on the cases of the fit; on the dotted line probabilities mean what they say", fontsize=8
    )
    return figure


def _line(axes: Axes, bins: Sequence[ReliabilityBin], label: str, color: str) -> None:
    points = [(found.probability, found.frequency) for found in bins]
    axes.plot(*zip(*points, strict=True), marker="o", markersize=4, label=label, color=color, clip_on=False)


def _reliability(values: Mapping[str, Any]) -> Reliability:
    before, after = ([ReliabilityBin(**found) for found in values[name]] for name in ("before", "after"))
    errors = float(values["ece_before"]), float(values["ece_after"])
    return Reliability(int(values["cases"]), bool(values["used"]), *errors, before, after)
