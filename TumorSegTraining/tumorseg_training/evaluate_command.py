"""``tumorseg-train evaluate``: score a model on labelled cases."""

from __future__ import annotations

import argparse
from pathlib import Path

WHEN_STOPPED = "nothing was written"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command on ``parser``."""
    parser.add_argument("--model", required=True, help="name of a model, or a .safetensors file")
    parser.add_argument("--data", type=Path, action="append", required=True, metavar="DIR", help="labelled cases")
    parser.add_argument("--case", action="append", default=[], metavar="CASE", help="score only these cases")
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")
    parser.add_argument("--output", type=Path, metavar="CSV", help="also write the scores")


def run(options: argparse.Namespace) -> int:
    """Score and print a table."""
    from tumorseg.images import check_writable
    from tumorseg.modelstore import find_model
    from tumorseg_training.cases import check_names, find_labelled_cases
    from tumorseg_training.evaluate import evaluate, summary_table, write_scores

    if options.output is not None:
        check_writable(options.output, (".csv",))
    cases = [case for folder in options.data for case in find_labelled_cases(folder)]
    check_names(options.case, cases)
    chosen = [case for case in cases if not options.case or case.name in options.case]
    scores = evaluate(find_model(options.model), chosen, options.device)
    print(summary_table(scores))
    if options.output is not None:
        write_scores(scores, options.output)
    return 0
