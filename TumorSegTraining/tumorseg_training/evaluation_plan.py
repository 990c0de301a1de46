"""From the options of the command to an evaluation: which cases, predicted by what, saved where."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tumorseg.atomic import atomic_path
from tumorseg.errors import BadInputError
from tumorseg.modelfile import Model, load_model
from tumorseg.modelstore import find_model
from tumorseg_training.calibrate import calibrate
from tumorseg_training.calibration_report import calibration_markdown, calibration_text
from tumorseg_training.case_predictions import ModelPredictions, PredictionFiles
from tumorseg_training.cases import LabelledCase, cases_and_notes, check_names
from tumorseg_training.documents import Document
from tumorseg_training.evaluate import Evaluation, Show, evaluate
from tumorseg_training.evaluation_summary import dice_table, statistics, write_summary
from tumorseg_training.numbering import Numbering
from tumorseg_training.results_folder import SUMMARY_TEXT, ResultsFolder, check_results_folder
from tumorseg_training.run_cases import find_run_cases, read_run_split
from tumorseg_training.run_folder import EVALUATION_FOLDER, MODEL_FILE
from tumorseg_training.training_notes import training_notes

CALIBRATION_FILE = "calibration.md"


@dataclass
class Plan:
    """An evaluation that can begin.

    Attributes:
        cases: to score.
        predictions: where predictions come from.
        subject: what is evaluated, in JSON values.
        output: folder of the results; None to print only.
        problems: sentences on cases that cannot be scored.
        notes: what a reader must know before trusting the figures.
        report: what was done before.
    """

    cases: list[LabelledCase]
    predictions: ModelPredictions | PredictionFiles
    subject: Document
    output: Path | None
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    report: str = ""


def make_plan(options: argparse.Namespace, show: Show) -> Plan:
    """Check the options, find the cases, and calibrate if asked to.

    Raises:
        BadInputError, ModelError: options that do not go together, or what they name cannot be used.
    """
    _check_options(options)
    if options.output is not None:
        check_results_folder(options.output)
    if options.run is not None:
        return _run_plan(options, show)
    cases, notes = _found(options.data)
    cases = _chosen(cases, options.case)
    subject: Document = {"data": [str(folder.resolve()) for folder in options.data]}
    if options.predictions is not None:
        plan = _predictions_plan(options, cases, subject)
    else:
        plan = _model_plan(load_model(find_model(options.model)), cases, subject, options)
    plan.notes += notes
    return plan


def run_plan(plan: Plan, seed: int, show: Show) -> tuple[Evaluation, str]:
    """Score, save, and say what came out.

    Returns:
        The evaluation and the text for the terminal.

    Raises:
        BadInputError: the results cannot be saved, or no case could be scored.
    """
    results = None
    if plan.output is not None:
        keep = isinstance(plan.predictions, ModelPredictions)
        results = ResultsFolder(plan.output, plan.subject, [case.name for case in plan.cases], keep)
    evaluation = evaluate(plan.cases, plan.predictions, results, show)
    evaluation.problems[:0] = plan.problems
    if not evaluation.scores:
        raise BadInputError(evaluation.problems or ["There is no case to score; check --case and --split."])
    figures = statistics(evaluation, seed)
    parts = [plan.report] if plan.report else []
    parts += [dice_table(evaluation, figures), *plan.notes]
    if plan.output is not None:
        write_summary(plan.output, plan.subject, evaluation, figures, plan.notes)
        parts.append(f"Scores, definitions and summary: {plan.output / SUMMARY_TEXT}")
    return evaluation, "\n".join(parts)


def _check_options(options: argparse.Namespace) -> None:
    of_run = options.run is not None
    if of_run == bool(options.data):
        raise BadInputError(
            "--run finds its cases itself; leave --data away." if of_run else "Name the labelled cases with --data."
        )
    if not of_run and (options.split or options.calibrate):
        raise BadInputError("--split and --calibrate belong to a run; name its folder with --run.")
    if options.calibrate and options.split not in (None, "validation"):
        raise BadInputError("--calibrate is fitted on the validation cases; give --split validation.")
    if options.labels != "auto" and options.predictions is None:
        raise BadInputError("--labels states the numbering of --predictions; leave it away.")


def _run_plan(options: argparse.Namespace, show: Show) -> Plan:
    split = read_run_split(options.run)
    part = options.split or ("validation" if options.calibrate else split.default_part)
    names = split.parts[part]
    if not names:
        raise BadInputError(f"The split of {options.run} has no {part} cases; choose others with --split.")
    cases, problems = find_run_cases(split, names)
    results = EVALUATION_FOLDER if part == split.default_part else f"{EVALUATION_FOLDER}-{part}"
    # A few cases alone must not take the place of the scores of all.
    output = options.output or (None if options.case else options.run / results)
    if output is not None:
        check_results_folder(output)
    report = ""
    if options.calibrate:
        fitted = calibrate(options.run / MODEL_FILE, cases, options.device, show)
        with atomic_path(options.run / CALIBRATION_FILE) as temporary:
            temporary.write_text(calibration_markdown(fitted), encoding="utf-8")
        report = f"{calibration_text(fitted)}\n"
    subject: Document = {
        "run": str(options.run.resolve()),
        "fold": split.fold,
        "split": part,
        "split_sha256": split.sha256,
    }
    model = load_model(options.run / MODEL_FILE)
    plan = _model_plan(model, _chosen(cases, options.case), subject, options)
    plan.output, plan.problems, plan.report = output, problems, report
    return plan


def _model_plan(model: Model, cases: list[LabelledCase], subject: Document, options: argparse.Namespace) -> Plan:
    subject |= {"model": f"{model.spec.name} {model.spec.version}", "model_sha256": model.sha256}
    notes = training_notes(model.spec.training, [case.name for case in cases])
    return Plan(cases, ModelPredictions(model, options.device), subject, options.output, notes=notes)


def _predictions_plan(options: argparse.Namespace, cases: list[LabelledCase], subject: Document) -> Plan:
    stated = None if options.labels == "auto" else Numbering(options.labels)
    files = PredictionFiles(options.predictions, cases, stated)
    numbering = f"{files.numbering.called} ({'identified' if stated is None else 'stated'})"
    subject |= {
        "predictions": str(options.predictions.resolve()),
        "convention": numbering,
    }
    note = f"Numbering of the predictions: {numbering}.{files.doubt}"
    return Plan(cases, files, subject, options.output, notes=[note])


def _found(folders: Sequence[Path]) -> tuple[list[LabelledCase], list[str]]:
    """The cases of all folders, and what to know about them."""
    of_each = [cases_and_notes(folder) for folder in folders]
    return [case for cases, _ in of_each for case in cases], [note for _, notes in of_each for note in notes]


def _chosen(cases: list[LabelledCase], names: Sequence[str]) -> list[LabelledCase]:
    counts = Counter(case.name for case in cases)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise BadInputError(f"{', '.join(twice)} is in more than one data folder; evaluate the folders one by one.")
    check_names(names, cases)
    return [case for case in cases if not names or case.name in names]
