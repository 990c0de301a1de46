"""Who trains, who validates, who tests: ``split.json`` of a prepared folder, identified by its hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorseg.errors import BadInputError
from tumorseg_training.documents import Document, damaged, document_sha256, read_document, write_document
from tumorseg_training.prepared import REMEDY

SPLIT = "split.json"
SPLIT_VERSION = 1


@dataclass(frozen=True)
class Split:
    """One fold: names of cases, sorted; no name is in two of them.

    Attributes:
        fold: number, from 0.
        train: cases to train on.
        validation: cases that choose weights and thresholds.
        test: cases that nothing is chosen by; the same in every fold, empty without a test share.
        sha256: of the canonical JSON of the whole ``split.json``, the same for every fold.
    """

    fold: int
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    sha256: str


def load_split(folder: Path, fold: int) -> Split:
    """Read one fold of the split of a prepared folder.

    Raises:
        BadInputError: the folder was not prepared, its split is damaged, or it has fewer folds.
    """
    splits = load_splits(folder)
    if not 0 <= fold < len(splits):
        raise BadInputError(f"{folder / SPLIT} has the folds 0 to {len(splits) - 1}, not {fold}; choose one of them.")
    return splits[fold]


def load_splits(folder: Path) -> list[Split]:
    """Read all folds.

    Raises:
        BadInputError: the folder was not prepared or its split is damaged.
    """
    path = folder / SPLIT
    document = read_document(path, SPLIT_VERSION, REMEDY)
    try:
        splits = _folds(document)
    except (KeyError, TypeError) as error:
        raise damaged(path, REMEDY) from error
    if not splits or not all(_disjoint(split) for split in splits):
        raise damaged(path, REMEDY)
    return splits


def write_splits(
    folder: Path, test: Sequence[str], validations: Sequence[Sequence[str]], names: Sequence[str], seed: int
) -> list[Split]:
    """Write ``split.json``.

    Args:
        folder: prepared folder.
        test: cases that are in no fold.
        validations: cases of each fold that validate; the rest of it trains.
        names: all cases.
        seed: with which they were drawn, kept for the reader.
    """
    folds = [
        {"train": sorted(set(names) - set(test) - set(validation)), "validation": sorted(validation)}
        for validation in validations
    ]
    document = {"version": SPLIT_VERSION, "seed": seed, "test": sorted(test), "folds": folds}
    write_document(folder / SPLIT, document)
    return _folds(document)


def _folds(document: Document) -> list[Split]:
    sha256 = document_sha256(document)
    return [
        Split(number, tuple(fold["train"]), tuple(fold["validation"]), tuple(document["test"]), sha256)
        for number, fold in enumerate(document["folds"])
    ]


def _disjoint(split: Split) -> bool:
    names = [*split.train, *split.validation, *split.test]
    return len(set(names)) == len(names)
