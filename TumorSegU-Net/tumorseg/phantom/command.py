"""``tumorseg-train phantom``: write synthetic patients to a folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .patient import make_patient
from .space import FIELD_OF_VIEW_MM
from .write import write_missing

WHEN_STOPPED = "complete cases are kept"

_MAX_SPACING = 8.0  # mm: coarser grids no longer show a tumour


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command on ``parser``."""
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to write the cases to")
    parser.add_argument("--count", type=int, default=1, metavar="N", help="number of patients (default 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="seed of the first patient (default 0)")
    parser.add_argument("--spacing", type=float, default=1.0, metavar="MM", help="voxel size in mm (default 1)")


def run(args: argparse.Namespace) -> int:
    """Write ``args.count`` patients to ``args.output``, each named after its seed: Synthetic_0007 is of seed 7.

    Complete cases already there are kept. Returns 0, 2 after bad arguments, or 1 if a case cannot be written.
    """
    problem = _problem(args)
    if problem:
        print(f"tumorseg-train phantom: {problem}", file=sys.stderr)
        return 2
    try:
        for seed in range(args.seed, args.seed + args.count):
            _write_case(args.output, f"Synthetic_{seed:04d}", seed, args.spacing)
    except OSError as error:
        print(f"tumorseg-train phantom: {args.output} cannot be written: {error}", file=sys.stderr)
        return 1
    return 0


def _problem(args: argparse.Namespace) -> str:
    if args.count < 1:
        return f"--count must be at least 1, got {args.count}."
    if args.seed < 0:
        return f"--seed must not be negative, got {args.seed}."
    if not 0 < args.spacing <= _MAX_SPACING:
        return f"--spacing must lie above 0 and not above {_MAX_SPACING:g} mm, got {args.spacing:g}."
    if args.output.exists() and not args.output.is_dir():
        return f"--output {args.output} is a file, not a folder."
    return ""


def _write_case(folder: Path, name: str, seed: int, spacing: float) -> None:
    z, y, x = (round(length / spacing) for length in FIELD_OF_VIEW_MM)
    print(f"{name}: {write_missing(folder, name, lambda: make_patient(seed, (z, y, x), spacing))}")
