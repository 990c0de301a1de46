"""The command ``tumorseg-train``: phantom, fit, evaluate, export."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tumorseg.images import check_writable
from tumorseg.program import run_program
from tumorseg_training import __version__
from tumorseg_training.phantom import command as phantom_command

_NOTHING_WRITTEN = "nothing was written"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0 done, 2 bad input or usage, 3 the model cannot be used, 130 cancelled.
    """
    options = _parser().parse_args(arguments)
    return run_program("tumorseg-train", lambda: options.run_command(options), options.when_stopped)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tumorseg-train", description="Train and evaluate the networks of TumorSegU-Net."
    )
    parser.add_argument("--version", action="version", version=f"tumorseg-train {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    phantom = commands.add_parser("phantom", help="make synthetic glioma patients")
    phantom_command.add_arguments(phantom)
    phantom.set_defaults(run_command=phantom_command.run, when_stopped="complete cases are kept")
    _add_fit(commands.add_parser("fit", help="train a network"))
    _add_evaluate(commands.add_parser("evaluate", help="score a model on labelled cases"))
    _add_export(commands.add_parser("export", help="write the model file of a run, with its card"))
    return parser


def _add_fit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        metavar="DIR",
        help="folder of labelled cases; may be repeated, each folder is drawn equally often",
    )
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="run folder; a stopped run goes on")
    parser.add_argument("--recipe", default="default", help="a preset or a .toml file (default: default)")
    parser.add_argument("--hold-out", action="append", default=[], metavar="CASE", help="a case not to train on")
    parser.add_argument("--steps", type=int, help="optimiser steps, instead of the recipe's")
    parser.add_argument("--seed", type=int, help="seed, instead of the recipe's")
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare patches (default 0: none)")
    parser.set_defaults(run_command=_run_fit, when_stopped="the same command goes on from the last checkpoint")


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="name of a model, or a .safetensors file")
    parser.add_argument("--data", type=Path, action="append", required=True, metavar="DIR", help="labelled cases")
    parser.add_argument("--case", action="append", default=[], metavar="CASE", help="score only these cases")
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")
    parser.add_argument("--output", type=Path, metavar="CSV", help="also write the scores")
    parser.set_defaults(run_command=_run_evaluate, when_stopped=_NOTHING_WRITTEN)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="run folder of fit")
    parser.add_argument("--card", type=Path, required=True, metavar="TOML", help="name, version, card and rules")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the .safetensors file")
    parser.set_defaults(run_command=_run_export, when_stopped=_NOTHING_WRITTEN)


def _run_fit(options: argparse.Namespace) -> int:
    from tumorseg_training.fit import fit
    from tumorseg_training.recipe import load_recipe

    recipe = load_recipe(options.recipe, steps=options.steps, seed=options.seed)
    print(f"Written to {fit(recipe, options.data, options.run, options.hold_out, options.workers)}")
    return 0


def _run_evaluate(options: argparse.Namespace) -> int:
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


def _run_export(options: argparse.Namespace) -> int:
    from tumorseg_training.export import export

    export(options.run, options.card, options.output)
    print(f"Written to {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
