"""``tumorseg-train figures``: redraw the paper's figures from a run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

WHEN_STOPPED = "the figures drawn so far are complete"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command on ``parser``."""
    parser.add_argument("--run", type=Path, required=True, metavar="RUN", help="run folder of tumorseg-train fit")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the figures")
    parser.add_argument("--case", help="case to show (default: the scored one with most enhancing tumor)")
    parser.add_argument("--prepared", type=Path, metavar="DIR", help="the prepared folder, if it was moved")
    parser.add_argument("--evaluation", type=Path, metavar="DIR", help="its evaluation (default: RUN/evaluation)")
    parser.add_argument("--format", choices=("png", "pdf", "svg"), default="png", help="of the figures (default png)")


def run(options: argparse.Namespace) -> int:
    """Draw, and say what was written and what could not be drawn."""
    from tumorseg_training.figures.draw import draw_figures
    from tumorseg_training.figures.run_record import load_run

    record = load_run(options.run, options.prepared, options.evaluation)
    drawn = draw_figures(record, options.output, options.case, options.format)
    for sentence in drawn.missing:
        print(sentence, file=sys.stderr)
    print(f"Written to {options.output}: {', '.join(path.name for path in drawn.files)}")
    return 0
