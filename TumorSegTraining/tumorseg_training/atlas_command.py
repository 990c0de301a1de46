"""``tumorseg-train atlas``: write brains without a tumor, made from published atlases."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from tumorseg.errors import BadInputError

WHEN_STOPPED = "complete cases are kept, and the same command goes on"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command on ``parser``."""
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with the files of the atlases")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to write the cases to")
    parser.add_argument("--count", type=int, default=1, metavar="N", help="number of brains (default 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="seed of the first brain (default 0)")


def run(options: argparse.Namespace) -> int:
    """Write ``--count`` cases, each named after its seed: Atlas_0007 is of seed 7; complete ones are kept."""
    from tumorseg.images import check_folder
    from tumorseg.phantom.write import write_missing
    from tumorseg_training.atlas.patient import make_atlas_patient
    from tumorseg_training.atlas.reading import read_atlases
    from tumorseg_training.listing import check_outside

    if options.count < 1 or options.seed < 0:
        raise BadInputError(
            f"--count must be at least 1 and --seed not negative, got {options.count} and {options.seed}."
        )
    check_outside(options.output, options.data)
    atlases = read_atlases(options.data)
    check_folder(options.output)
    for seed in range(options.seed, options.seed + options.count):
        name = f"Atlas_{seed:04d}"
        print(f"{name}: {write_missing(options.output, name, partial(make_atlas_patient, atlases, seed))}", flush=True)
    return 0
