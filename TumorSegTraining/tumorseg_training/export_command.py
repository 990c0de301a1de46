"""``tumorseg-train export``: write the model file of a run."""

from __future__ import annotations

import argparse
from pathlib import Path

WHEN_STOPPED = "nothing was written"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command on ``parser``."""
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="run folder of fit")
    parser.add_argument("--card", type=Path, required=True, metavar="TOML", help="name, version, card and rules")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the .safetensors file")


def run(options: argparse.Namespace) -> int:
    """Write the model file."""
    from tumorseg_training.export import export

    export(options.run, options.card, options.output)
    print(f"Written to {options.output}")
    return 0
