"""``tumorseg-train fit``: train a network."""

from __future__ import annotations

import argparse
from pathlib import Path

WHEN_STOPPED = "the same command goes on from the last checkpoint"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command on ``parser``."""
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


def run(options: argparse.Namespace) -> int:
    """Train and say where the model file lies."""
    from tumorseg_training.fit import fit
    from tumorseg_training.recipe import load_recipe

    recipe = load_recipe(options.recipe, steps=options.steps, seed=options.seed)
    print(f"Written to {fit(recipe, options.data, options.run, options.hold_out, options.workers)}")
    return 0
