"""``tumorseg-train prepare``: cache labelled cases and split them by patient."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tumorseg_training.preparation import Preparation

WHEN_STOPPED = "what is cached is kept, and the same command goes on"

_MOST_WORKERS = 8
"""More processes read no faster from one disk, and each needs about 1 GB of memory."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command on ``parser``."""
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        metavar="DIR",
        help="folder or archive of labelled cases, as downloaded; may be repeated",
    )
    parser.add_argument(
        "--train-only",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="further data that is never used to validate or test, e.g. synthetic patients; may be repeated",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="PREPARED", help="folder of cache and split")
    parser.add_argument("--folds", type=int, default=5, help="folds of the cross-validation (default 5)")
    parser.add_argument("--test", type=float, default=0.1, metavar="SHARE", help="kept for the test (default 0.1)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the split (default 0)")
    parser.add_argument(
        "--spacing",
        type=float,
        default=1.0,
        metavar="MM",
        help="voxel size of the cache, which the recipe names as its spacing (default 1)",
    )
    parser.add_argument(
        "--normalisation",
        choices=("zscore-brain", "zscore-flat"),
        default="zscore-brain",
        help="of the cache, which the recipe names; zscore-flat takes slow changes of brightness over the head out "
        "(default zscore-brain, from which minmax-brain is made too)",
    )
    parser.add_argument("--workers", type=int, help=f"processes (default: one per core, at most {_MOST_WORKERS})")
    parser.add_argument("--skip-bad", action="store_true", help="leave out cases that cannot be used")


def run(options: argparse.Namespace) -> int:
    """Prepare the folder, and say what is in it and what to know about it."""
    from tumorseg_training.figures.canvas import save
    from tumorseg_training.figures.split_chart import split_chart
    from tumorseg_training.preparation import Settings, prepare_folder

    workers = min(os.cpu_count() or 1, _MOST_WORKERS) if options.workers is None else options.workers
    settings = Settings(
        options.folds, options.test, options.seed, workers, options.spacing, options.skip_bad, options.normalisation
    )
    preparation = prepare_folder(options.data, options.output, settings, options.train_only)
    save(split_chart(preparation.prepared, preparation.splits), options.output / "split.png")
    print(_summary(preparation))
    return 0


def _summary(preparation: Preparation) -> str:
    from tumorseg.console import table

    prepared, splits = preparation.prepared, preparation.splits
    groups = sorted({case.group for case in prepared.cases})
    group_of = {case.name: case.group for case in prepared.cases}

    def row(title: str, names: tuple[str, ...]) -> tuple[str, ...]:
        return (title, *(str(sum(group_of[name] == group for name in names)) for group in groups), str(len(names)))

    rows = [row(f"fold {split.fold}, validation", split.validation) for split in splits]
    rows += [row("test", splits[0].test), row("all", tuple(group_of))]
    lines = [table(("cases", *groups, "sum"), rows), *preparation.notes]
    lines.append(f"Split {splits[0].sha256[:16]}, written with the cache to {prepared.folder}")
    return "\n".join(lines)
