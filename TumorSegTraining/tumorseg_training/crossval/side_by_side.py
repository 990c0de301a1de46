"""Two cross-validations beside each other on the cases that both have, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tumorseg.errors import BadInputError
from tumorseg.regions import REGIONS
from tumorseg_training.crossval.results import KeptScores
from tumorseg_training.markdown import markdown_table
from tumorseg_training.metrics import CaseScores
from tumorseg_training.metrics.bootstrap import mean_intervals

ALONE, NESTED = "alone", "nested"


def side_by_side(first: KeptScores, second: KeptScores, names: tuple[str, str], part: str, seed: int = 0) -> str:
    """Dice of every case and region by both, means with intervals, predicting nothing, and the mean difference.

    Args:
        first: of one recipe.
        second: of another.
        names: what they are called.
        part: ``ALONE`` for the networks alone, ``NESTED`` with rules that the other cases chose.
        seed: of the bootstrap intervals.

    Raises:
        BadInputError: no case or region in common.
    """
    both = [getattr(first, part), getattr(second, part)]
    cases = [name for name in both[0] if name in both[1]]
    regions = [region for region in REGIONS if all(_has(scores, cases, region) for scores in both)]
    if not cases or not regions:
        raise BadInputError(f"{first.folder} and {second.folder} have no case and region in common.")
    columns = [(scores, region) for region in regions for scores in both]
    dice = np.array([[_dice(scores, case, region) for scores, region in columns] for case in cases])
    nothing = np.array([[_dice(first.nothing, case, region) for _, region in columns] for case in cases])
    header = ("case", *(f"{region}, {name}" for region in regions for name in names))
    rows = [(case, *map(_text, values)) for case, values in zip(cases, dice, strict=True)]
    rows.append(("**mean**", *(f"**{_text(mean)}**" for mean in np.nanmean(dice, axis=0))))
    rows.append(("95 % interval", *map(_interval, mean_intervals(dice, seed))))
    rows.append(("predicting nothing", *map(_text, np.nanmean(nothing, axis=0))))
    return f"{markdown_table(header, rows)}\n\n{_difference(dice, regions, names, seed)}"


def _difference(dice: np.ndarray, regions: Sequence[str], names: tuple[str, str], seed: int) -> str:
    paired = dice[:, 1::2] - dice[:, ::2]
    told = [
        f"{region} {mean:+.3f} ({_interval(interval)})"
        for region, mean, interval in zip(
            regions, np.nanmean(paired, axis=0), mean_intervals(paired, seed), strict=True
        )
    ]
    return f"Mean difference of Dice, {names[1]} minus {names[0]} (95 % interval): {', '.join(told)}."


def _has(scores: Mapping[str, CaseScores], cases: Sequence[str], region: str) -> bool:
    return any(region in scores[case] for case in cases)


def _dice(scores: Mapping[str, CaseScores], case: str, region: str) -> float:
    return scores.get(case, {}).get(region, {}).get("dice", np.nan)


def _text(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.3f}"


def _interval(ends: Sequence[float]) -> str:
    return "-" if np.isnan(ends[0]) else f"{ends[0]:.2f} to {ends[1]:.2f}"
