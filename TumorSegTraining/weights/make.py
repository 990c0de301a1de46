"""Makes the shipped weights from the data that may be used, all with commands of ``tumorseg-train``; resumable.

python TumorSegTraining/weights/make.py --data ../shared/data --work WORK [--paper]

A stopped run goes on with the same command. docs/weights.md tells what each step is for. ``--paper`` trains the paper's
recipe on the same folds instead, and prints both beside each other.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tumorseg_training.cli import main as tumorseg_train

HERE = Path(__file__).resolve().parent
REAL, PARTIAL, ALGORITHMIC, ATLASES = "brats2021", "brats2018-partial", "algorithmic-labels", "atlas"
NAME = "glioma"
FOLDS = 3
BASE_FOLD = 7
"""Of eight, over the synthetic patients: the one without which the base and the final network are trained."""

STAGES = ("patches", "brains", "cores", "halves", "varied")
"""Recipes after the base, each from the network of the one before."""

FLAT = "zscore-flat"
"""Normalisation with the real cases. The base was trained before it was found, on volumes as they are."""

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
    return [*_data_commands(data, work), *_training_commands(work), *_final_commands(work)]


def paper_commands(data: Path, work: Path) -> list[Command]:
    """The paper's recipe on the same folds, judged in the same way, after everything else has been done.

    Args:
        data: folder with the real cases; ``../shared/data``.
        work: folder of :func:`commands`.
    """
    ours, paper = work / "crossval", work / "crossval-paper"
    return [
        _prepare(work / "prepared-1mm", [data / REAL], [], FOLDS, "1"),
        *(_fit(work, "prepared-1mm", fold, f"paper{fold}", "paper-half.toml") for fold in range(FOLDS)),
        _crossval(work, "paper", paper),
        ["crossval", "--compare", str(paper), str(ours), "--names", "paper", "ours"],
    ]


def _data_commands(data: Path, work: Path) -> list[Command]:
    synthetic, unseen, pseudo = work / "data/phantoms", work / "data/unseen", work / "data/pseudo"
    healthy = work / "data/atlas"
    real, partial = data / REAL, data / PARTIAL
    helping = [partial, pseudo]
    return [
        ["phantom", "--count", "22", "--seed", "100", "--output", str(synthetic)],
        ["phantom", "--count", "4", "--seed", "900", "--output", str(unseen)],
        ["atlas", "--data", str(data / ATLASES), "--count", "12", "--seed", "300", "--output", str(healthy)],
        _prepare(work / "prepared-base", [synthetic], helping, 8),
        [*_prepare(work / "prepared", [real], [*helping, synthetic, healthy], FOLDS), "--normalisation", FLAT],
        [*_prepare(work / "prepared-all", [synthetic], [*helping, real, healthy], 8), "--normalisation", FLAT],
    ]


def _prepare(output: Path, scored: Sequence[Path], helping: Sequence[Path], folds: int, spacing: str = "2") -> Command:
    given = [word for path in scored for word in ("--data", str(path))]
    given += [word for path in helping for word in ("--train-only", str(path))]
    return ["prepare", *given, "--output", str(output), "--folds", str(folds), "--test", "0", "--spacing", spacing]


def _training_commands(work: Path) -> list[Command]:
    folds = [("prepared", fold, f"fold{fold}") for fold in range(FOLDS)]
    made = [_fit(work, "prepared-base", BASE_FOLD, "base", "base.toml")]
    for prepared, fold, name in [*folds, ("prepared-all", BASE_FOLD, "all")]:
        before = "base"
        for stage in STAGES:
            run = name if stage == STAGES[-1] else f"{name}-{stage}"
            made.append(_fit(work, prepared, fold, run, f"{stage}.toml", before))
            before = run
    return made


def _fit(work: Path, prepared: str, fold: int, run: str, recipe: str, initial: str | None = None) -> Command:
    start = ["--initial", str(work / f"runs/{initial}/model.safetensors")] if initial else []
    where = ["--prepared", str(work / prepared), "--fold", str(fold), "--run", str(work / "runs" / run)]
    return ["fit", *where, "--recipe", str(HERE / recipe), *start]


def _final_commands(work: Path) -> list[Command]:
    """The final network as a model file, the judgement of the recipe, and what it teaches written into that file."""
    model = str(work / f"{NAME}.safetensors")
    unseen = ["--unseen", str(work / "data/unseen"), "--unseen-called", "synthetic patients"]
    return [
        [
            "export",
            "--run",
            str(work / "runs/all"),
            "--card",
            str(HERE.parent / f"cards/{NAME}.toml"),
            "--output",
            model,
        ],
        [*_crossval(work, "fold", work / "crossval"), *unseen, "--compare-tiles", "--apply", model],
    ]


def _crossval(work: Path, runs: str, output: Path) -> Command:
    folds = [str(work / f"runs/{runs}{fold}") for fold in range(FOLDS)]
    return ["crossval", *folds, "--output", str(output), "--called", "real cases of BraTS 2021"]


def main() -> int:
    """Run every command until one fails; its exit code, or 0."""
    parser = argparse.ArgumentParser(description="Make the shipped weights.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the real cases, ../shared/data")
    parser.add_argument("--work", type=Path, required=True, help="folder for everything that is made")
    parser.add_argument("--paper", action="store_true", help="afterwards: the paper's recipe on the same folds")
    options = parser.parse_args()
    link_pseudo_labelled(options.data / ALGORITHMIC, options.work / "data/pseudo")
    make = paper_commands if options.paper else commands
    for words in make(options.data, options.work):
        print("\n$ tumorseg-train " + " ".join(words), flush=True)
        if code := tumorseg_train(words):
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
