"""``tumorseg-train evaluate``: score a run, a model or predictions against experts' segmentations."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

WHEN_STOPPED = "finished cases are kept where results are saved, and the same command goes on from there"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command on ``parser``."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--run", type=Path, metavar="RUN", help="run folder: score its model on cases of its split")
    what.add_argument("--model", help="name of a model, or a .safetensors file")
    what.add_argument("--predictions", type=Path, metavar="DIR", help="label maps named by case, <case>.nii.gz")
    what.add_argument("--definitions", action="store_true", help="print what each score means")
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="labelled cases, for --model and --predictions",
    )
    parser.add_argument(
        "--split",
        choices=("test", "validation", "train"),
        help="cases of the run (default: test, or validation if none)",
    )
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help="first fit calibration and the rule for small enhancing parts on validation cases, into the run's model",
    )
    parser.add_argument(
        "--case", action="append", default=[], metavar="CASE", help="score only these cases; saved with --output only"
    )
    parser.add_argument(
        "--labels",
        choices=("auto", "2024", "2023", "2020", "decathlon"),
        default="auto",
        help="numbering of --predictions: enhancing tumor is 3 (2023; 2024, where 4 is a resection cavity) or 4 "
        "(2020), or edema is 1 (decathlon); BraTS's are identified by default",
    )
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap intervals (default: 0)")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for scores, summary and predictions (default: in the run folder)",
    )


def run(options: argparse.Namespace) -> int:
    """Score, print a table and save the results; 2 if some cases could not be scored."""
    if options.definitions:
        from tumorseg_training.metrics.definitions import definitions_table

        print(definitions_table())
        return 0
    from tumorseg.console import ProgressLine
    from tumorseg_training.evaluation_plan import make_plan, run_plan

    line = ProgressLine()
    try:
        plan = make_plan(options, line.show)
        evaluation, text = run_plan(plan, options.seed, line.show)
    finally:
        line.close()
    print(text)
    for problem in evaluation.problems:
        print(f"tumorseg-train: {problem}", file=sys.stderr)
    return 2 if evaluation.problems else 0
