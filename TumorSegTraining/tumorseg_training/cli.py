"""The command ``tumorseg-train``; each sub-command lies in a module of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from tumorseg.program import run_program
from tumorseg_training import __version__

COMMANDS = {
    "phantom": ("tumorseg.phantom.command", "make synthetic glioma patients"),
    "atlas": ("tumorseg_training.atlas_command", "make brains without a tumor from published atlases"),
    "audit": ("tumorseg_training.audit_command", "say what a downloaded data set holds and what is wrong with it"),
    "prepare": ("tumorseg_training.prepare_command", "cache labelled cases and split them by patient"),
    "fit": ("tumorseg_training.fit_command", "train a network"),
    "evaluate": ("tumorseg_training.evaluate_command", "score a run, a model or predictions on labelled cases"),
    "crossval": ("tumorseg_training.crossval_command", "judge a recipe by runs of several folds, and what they teach"),
    "figures": ("tumorseg_training.figures_command", "redraw the paper's figures from a run"),
    "export": ("tumorseg_training.export_command", "write the model of a run, or of several as an ensemble"),
}
"""Module and help of each sub-command; the module has ``add_arguments``, ``run`` and ``WHEN_STOPPED``.

These modules import torch, Lightning and MONAI only inside ``run``, so that ``--help`` is quick.
"""


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
    for name, (module_name, description) in COMMANDS.items():
        module = import_module(module_name)
        command = commands.add_parser(name, help=description)
        module.add_arguments(command)
        command.set_defaults(run_command=module.run, when_stopped=module.WHEN_STOPPED)
    return parser


if __name__ == "__main__":
    sys.exit(main())
