"""``tumorseg-train fit``: train a network."""

from __future__ import annotations

import argparse
from pathlib import Path

WHEN_STOPPED = "the same command goes on from the last checkpoint"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command on ``parser``."""
    parser.add_argument("--prepared", type=Path, required=True, metavar="DIR", help="folder written by prepare")
    parser.add_argument("--fold", type=int, default=0, help="fold whose validation cases are held out (default: 0)")
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="run folder; a stopped run goes on")
    parser.add_argument("--recipe", default="default", help="a preset or a .toml file (default: default)")
    parser.add_argument("--epochs", type=int, help="epochs, instead of the recipe's")
    parser.add_argument("--batch-size", type=int, help="patches per step over all processes, instead of the recipe's")
    parser.add_argument("--seed", type=int, help="seed, instead of the recipe's")
    parser.add_argument("--precision", help="auto, 32-true, bf16-mixed or 16-mixed, instead of the recipe's")
    parser.add_argument("--initial", metavar="MODEL", help="model whose weights to start from, instead of the recipe's")
    parser.add_argument(
        "--accelerator", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="device (default: auto)"
    )
    parser.add_argument("--devices", type=int, default=1, help="GPUs, or CPU processes, per node (default: 1)")
    parser.add_argument("--nodes", type=int, default=1, help="nodes (default: 1)")
    parser.add_argument("--workers", type=int, help="threads per device that load patches (default: by device)")


def run(options: argparse.Namespace) -> int:
    """Train and say where the model file lies."""
    from tumorseg_training.fit import fit
    from tumorseg_training.hardware import Hardware, is_first_process
    from tumorseg_training.recipe_file import load_recipe

    replaced = {name: getattr(options, name) for name in ("epochs", "batch_size", "seed", "initial", "precision")}
    recipe = load_recipe(options.recipe, **replaced)
    hardware = Hardware(options.accelerator, options.devices, options.nodes, options.workers)
    written = fit(recipe, options.prepared, options.fold, options.run, hardware)
    if is_first_process():
        print(f"Written to {written}")
    return 0
