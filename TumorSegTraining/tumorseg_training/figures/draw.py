"""All figures of a run; what cannot be drawn is said and does not keep the others from being drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from tumorseg.atomic import atomic_path
from tumorseg.errors import BadInputError, TumorSegError
from tumorseg.images import check_folder
from tumorseg.regions import ET
from tumorseg_training.figures import anatomy
from tumorseg_training.figures.canvas import save
from tumorseg_training.figures.case_view import load_view, read_prediction
from tumorseg_training.figures.comparison import markdown, sections
from tumorseg_training.figures.comparison_table import comparison_table
from tumorseg_training.figures.curves import training_curves
from tumorseg_training.figures.extremes import Compared, choose_extremes, dice_scores, extremes
from tumorseg_training.figures.reliability import load_reliability, reliability_plot
from tumorseg_training.figures.run_record import RunRecord
from tumorseg_training.figures.split_chart import split_chart
from tumorseg_training.prepared import PreparedCase
from tumorseg_training.run_folder import MODEL_FILE
from tumorseg_training.split import load_splits


@dataclass(frozen=True)
class Drawn:
    """Files that were written, and a sentence for each figure that was not."""

    files: list[Path]
    missing: list[str]


def draw_figures(run: RunRecord, output: Path, case: str | None = None, extension: str = "png") -> Drawn:
    """Draw every figure that the run has the data for.

    Args:
        run: what to draw.
        output: folder, made when needed.
        case: that is shown; of the validation and test cases the one with most enhancing tumor unless given.
        extension: ``png``, ``pdf`` or ``svg``.

    Raises:
        BadInputError: the case is unknown, or the folder cannot be written to.
    """
    check_folder(output)
    shown = _case(run, case)
    done = Drawn([], [])
    figures: dict[str, Callable[[], Figure]] = {
        **_anatomy(run, shown),
        "training": lambda: _curves(run),
        "split": lambda: _split(run),
        "extremes": lambda: _extremes(run),
        "reliability": lambda: reliability_plot(load_reliability(run.folder / MODEL_FILE)),
        "comparison": lambda: comparison_table(sections(run), run.summary.notes),
    }
    for name, draw in figures.items():
        path = output / f"{name}.{extension}"
        try:
            save(draw(), path)
        except TumorSegError as error:
            done.missing.extend(f"{path.name} is not drawn: {problem}" for problem in error.problems)
        else:
            done.files.append(path)
    with atomic_path(output / "comparison.md") as temporary:
        temporary.write_text(markdown(run), encoding="utf-8")
    done.files.append(output / "comparison.md")
    return done


def _anatomy(run: RunRecord, shown: PreparedCase) -> dict[str, Callable[[], Figure]]:
    view = cache(partial(load_view, run.prepared, shown))
    return {
        "modalities": lambda: anatomy.modalities(view()),
        "planes": lambda: anatomy.planes(view()),
        "overlay": lambda: anatomy.overlay(view()),
        "labels": lambda: anatomy.label_panel(view()),
    }


def _case(run: RunRecord, name: str | None) -> PreparedCase:
    if name is not None:
        ((case,),) = run.prepared.groups([name])
        return case
    scored = [case for group in run.prepared.groups([*run.validation, *run.test]) for case in group]
    return max(scored, key=_size)


def _size(case: PreparedCase) -> tuple[int, int]:
    """Voxels of enhancing tumor and of the whole tumor."""
    _, labels = case.cached.load()
    return int(np.count_nonzero(labels == ET)), int(np.count_nonzero(labels))


def _curves(run: RunRecord) -> Figure:
    if not run.epochs:
        raise BadInputError(f"{run.folder} has no metrics.csv with epochs yet.")
    validated = [case for group in run.prepared.groups(run.validation) for case in group]
    background = [float(np.mean(case.cached.load()[1] == 0)) for case in validated]
    return training_curves(run.epochs, float(np.mean(background)) if background else None)


def _split(run: RunRecord) -> Figure:
    splits = load_splits(run.prepared.folder)
    if splits[0].sha256 != run.sha256:
        raise BadInputError(f"{run.prepared.folder} was split anew since the run was made.")
    return split_chart(run.prepared, splits, run.fold)


def _extremes(run: RunRecord) -> Figure:
    chosen = choose_extremes(run.scores)
    if not chosen:
        advice = f"run tumorseg-train evaluate --run {run.folder} first"
        raise BadInputError(f"There are no scores in {run.evaluation}; {advice}.")
    return extremes([_compared(run, rank, name) for rank, name in chosen.items()], run.summary.notes)


def _compared(run: RunRecord, rank: str, name: str) -> Compared:
    path = run.prediction(name)
    if path is None:
        raise BadInputError(f"{run.evaluation} holds no prediction of {name}; evaluate the run again.")
    ((case,),) = run.prepared.groups([name])
    view = load_view(run.prepared, case)
    return Compared(rank, view, read_prediction(path, view), dice_scores(run.scores[name]))
