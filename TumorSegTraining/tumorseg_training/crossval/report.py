"""A cross-validation in words and tables, for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorseg.atomic import atomic_path
from tumorseg.console import table
from tumorseg_training.calibration_report import CALIBRATION_HEADER, calibration_rows
from tumorseg_training.crossval.agreement import SCORE, Agreement
from tumorseg_training.crossval.results import CrossValidation
from tumorseg_training.crossval.rules import LEAST_ENHANCING_ML, LEAST_ML, RuleChoice
from tumorseg_training.crossval.score_table import score_table
from tumorseg_training.crossval.tiles import TileCase
from tumorseg_training.evaluate import Evaluation
from tumorseg_training.markdown import markdown_table

REPORT_FILE = "crossval.md"
FIGURE_FILE = "expected-dice.png"


@dataclass(frozen=True)
class Section:
    """A heading, a table and what to know about it."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: str = ""
    left: int = 1


def report_text(found: CrossValidation, seed: int) -> str:
    """For the terminal."""
    parts = [
        f"{part.title}\n{table(part.header, part.rows, part.left)}" + (f"\n{part.text}" if part.text else "")
        for part in _sections(found, seed)
    ]
    return "\n\n".join([*parts, *found.notes])


def write_report(folder: Path, found: CrossValidation, seed: int) -> None:
    """Write ``crossval.md``, which shows the figure beside it."""
    parts = ["# Cross-validation", *_intro(found), *(f"**{note}**" for note in found.notes)]
    for part in _sections(found, seed):
        parts += [
            f"## {part.title}",
            markdown_table(part.header, part.rows, part.left),
            *([part.text] * bool(part.text)),
        ]
    parts += ["## Expected and true Dice of every case", f"![expected against true Dice]({FIGURE_FILE})"]
    with atomic_path(folder / REPORT_FILE) as temporary:
        temporary.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def rule_sentence(choice: RuleChoice) -> str:
    """What was chosen, and what it does to cases that did not choose it."""
    figures = f"mean Dice over cases and regions {choice.dice_mildest:.3f} with that alone"
    if choice.dice_held_out is not None:
        figures += f", {choice.dice_held_out:.3f} in cases left out of the choice in turn"
    figures += f", {choice.dice_best:.3f} in the {choice.cases} cases that choose (too good)"
    always = f"Parts below {LEAST_ML:g} mL go, and less enhancing tumor than {LEAST_ENHANCING_ML:g} mL becomes core"
    if not choice.used:
        return f"{always}; no stronger rule helps cases that were left out of the choice: {figures}."
    rule = choice.rule
    rules = [
        f"parts below {rule.min_component_ml:g} mL go",
        f"less enhancing tumor than {rule.min_enhancing_ml:g} mL becomes core",
        f"enhancing is what is above {rule.et_threshold:g}" if rule.distance else "",
    ]
    return f"{always}. Stronger rules were chosen: {', '.join(filter(None, rules))}: {figures}."


def _intro(found: CrossValidation) -> list[str]:
    number = len(found.alone.scores)
    mirrored = "averaged over mirrorings" if found.subject["tta"] else "without mirroring"
    return [
        f"{number} {found.called}, each predicted by the one of {len(found.subject['folds'])} networks that never saw "
        f"it ({mirrored}).",
        "Scores follow the definitions in `summary.md`; the interval is the 95 % bootstrap interval of the mean.",
    ]


def _sections(found: CrossValidation, seed: int) -> Iterator[Section]:
    yield _scores("Networks alone (thresholds 0.5, no rules)", found.alone, found.fold_of, seed)
    text = rule_sentence(found.fitted.choice)
    yield _scores("With rules that the other cases chose", found.nested, found.fold_of, seed, text)
    calibration = (
        "Probabilities over the brain's voxels; a fit is used only if it helps cases that were left out of it."
    )
    yield Section(
        "Calibration, all folds together", CALIBRATION_HEADER, calibration_rows(found.fitted.calibration), calibration
    )
    yield _agreement(found.agreements)
    if found.unseen.scores:
        yield _scores(
            f"{found.unseen_called.capitalize()} that no network saw, networks alone", found.unseen, None, seed
        )
    if found.tiles:
        yield _tiles(found.tiles)


def _scores(
    title: str, evaluation: Evaluation, fold_of: Mapping[str, str] | None, seed: int, text: str = ""
) -> Section:
    header, rows = score_table(evaluation, fold_of, seed)
    return Section(title, header, rows, text, left=1 if fold_of is None else 2)


def _agreement(agreements: Mapping[str, Mapping[str, Agreement]]) -> Section:
    header = ("cases", "Dice of", "number", "Spearman", "Pearson", "mean difference", "mean error")
    rows = [
        (
            group,
            "score (WT, TC)" if name == SCORE else name,
            str(value.cases),
            _number(value.spearman),
            _number(value.pearson),
            f"{value.mean_difference:+.3f}",
            f"{value.mean_error:.3f}",
        )
        for group, values in agreements.items()
        for name, value in values.items()
    ]
    text = (
        "Expected Dice is the engine's, from probabilities calibrated on the other cases; the difference is expected "
        "minus true."
    )
    return Section("Does the expected Dice rank cases?", header, rows, text, left=2)


def _tiles(cases: Sequence[TileCase]) -> Section:
    regions = list(dict.fromkeys(region for case in cases for region in case.whole))
    header = ("case", "one pass", "tile", *(f"{region} {way}" for region in regions for way in ("one pass", "tiles")))
    rows = [(case.case, _size(case.crop), _size(case.tile), *_both(case, regions)) for case in cases]
    means = [
        sum(dice[region] for dice in known) / len(known)
        for region in regions
        for known in (
            [case.whole for case in cases if region in case.whole],
            [case.tiled for case in cases if region in case.tiled],
        )
    ]
    rows.append(("mean", "", "", *(f"{mean:.3f}" for mean in means)))
    largest = max(
        ((abs(value), value, case.case, region) for case in cases for region, value in case.differences.items())
    )
    overall = ", ".join(f"{region} {means[2 * n] - means[2 * n + 1]:+.4f}" for n, region in enumerate(regions))
    text = (
        f"One pass minus tiles: {overall} in the mean; the largest difference is {largest[1]:+.4f} ({largest[3]} of "
        f"{largest[2]})."
    )
    return Section("One pass over the brain crop against tiles", header, rows, text, left=3)


def _both(case: TileCase, regions: Sequence[str]) -> list[str]:
    return [_number(dice.get(region)) for region in regions for dice in (case.whole, case.tiled)]


def _size(size: Sequence[int]) -> str:
    return "x".join(map(str, size))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
