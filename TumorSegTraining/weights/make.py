"""Makes the next weights to ship from the data that may be used, all with commands of ``tumorseg-train``; resumable.

python TumorSegTraining/weights/make.py --data ../shared/data --work WORK

A stopped run goes on with the same command. docs/weights.md tells what each step is for.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tumorseg_training.cli import main as tumorseg_train

HERE = Path(__file__).resolve().parent
REAL, PARTIAL, ALGORITHMIC = "brats2021", "brats2018-partial", "algorithmic-labels"
FOLDS = 3
BASE_FOLD = 7
"""Of eight, over the synthetic patients: the one without which the base and the final network are trained."""

Command = list[str]


def link_pseudo_labelled(source: Path, target: Path) -> None:
    """Cases whose labels a program made, named so that ``prepare`` takes these labels for the truth.

    Args:
        source: folder of cases with a file ``*algseg.nii.gz`` each.
        target: folder of links to their files, made when needed.
    """
    for path in sorted(source.glob("*/*.nii.gz")):
        link = target / path.parent.name / path.name.replace("algseg", "seg")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)  # the data may have moved since
        link.symlink_to(path.resolve())


def commands(data: Path, work: Path) -> list[Command]:
    """Everything from synthetic patients to the final network, in order.

    Args:
        data: folder with the real cases; ``../shared/data``.
        work: folder for everything that is made.
    """
    return [*_data_commands(data, work), *_training_commands(work)]


def _data_commands(data: Path, work: Path) -> list[Command]:
    synthetic, unseen, pseudo = work / "data/phantoms", work / "data/unseen", work / "data/pseudo"
    real, partial = data / REAL, data / PARTIAL
    helping = [partial, pseudo]
    return [
        ["phantom", "--count", "22", "--seed", "100", "--output", str(synthetic)],
        ["phantom", "--count", "4", "--seed", "900", "--output", str(unseen)],
        _prepare(work / "prepared-base", [synthetic], helping, folds=8),
        _prepare(work / "prepared", [real], [*helping, synthetic], folds=FOLDS),
        _prepare(work / "prepared-all", [synthetic], [*helping, real], folds=8),
    ]


def _prepare(output: Path, scored: Sequence[Path], helping: Sequence[Path], folds: int) -> Command:
    given = [word for path in scored for word in ("--data", str(path))]
    given += [word for path in helping for word in ("--train-only", str(path))]
    return ["prepare", *given, "--output", str(output), "--folds", str(folds), "--test", "0", "--spacing", "2"]


def _training_commands(work: Path) -> list[Command]:
    base = str(work / "runs/base/model.safetensors")
    return [
        _fit(work, "prepared-base", BASE_FOLD, "base", "base.toml"),
        *(_fit(work, "prepared", fold, f"fold{fold}", "patches.toml", base) for fold in range(FOLDS)),
        _fit(work, "prepared-all", BASE_FOLD, "all", "patches.toml", base),
    ]


def _fit(work: Path, prepared: str, fold: int, run: str, recipe: str, initial: str | None = None) -> Command:
    start = ["--initial", initial] if initial else []
    where = ["--prepared", str(work / prepared), "--fold", str(fold), "--run", str(work / "runs" / run)]
    return ["fit", *where, "--recipe", str(HERE / recipe), *start]


def main() -> int:
    """Run every command until one fails; its exit code, or 0."""
    parser = argparse.ArgumentParser(description="Make the next weights to ship.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the real cases, ../shared/data")
    parser.add_argument("--work", type=Path, required=True, help="folder for everything that is made")
    options = parser.parse_args()
    link_pseudo_labelled(options.data / ALGORITHMIC, options.work / "data/pseudo")
    for words in commands(options.data, options.work):
        print("\n$ tumorseg-train " + " ".join(words), flush=True)
        if code := tumorseg_train(words):
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
