"""Data sets of small labelled cases, and run folders made from them as training and evaluation would leave them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from scipy import ndimage

from support.cases import SMALL, small_case, write_case
from tumorseg.images import write_labels
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import LabelArray, Volume
from tumorseg_training.split import load_split

NESTED = np.zeros(SMALL.shape, np.uint8)
"""Edema around enhancing tumor around necrosis, engine labels (z, y, x)."""
NESTED[6:14, 6:15, 4:12] = 2
NESTED[8:12, 8:13, 6:10] = 3
NESTED[9:11, 9:12, 7:9] = 1


def write_labelled(folder: Path, seed: int, sequences: Sequence[str] = SEQUENCES, labels: LabelArray = NESTED) -> Path:
    """Write a case with a texture of its own, as ``<folder name>_<sequence>.nii.gz``, labels as BraTS 2017-2022."""
    texture = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=SMALL.shape), 1.5)
    case = {}
    for name, volume in small_case(seed=seed).items():
        brain = volume.array != 0
        bright = 300 * (labels == 3) if name == "t1ce" else 150 * (labels > 0) if name in ("t2", "flair") else 0
        array = np.where(brain, volume.array + 300 + 1500 * texture + bright, 0).astype(np.float32)
        case[name] = Volume(array, SMALL, f"{folder.name}_{name}.nii.gz")
    write_case({name: case[name] for name in sequences}, folder)
    numbers = labels.copy()
    numbers[labels == 3] = 4
    write_labels(numbers, SMALL, folder / f"{folder.name}_seg.nii.gz")
    return folder


def write_data(folder: Path, names: Iterable[str], first_seed: int = 0) -> Path:
    """Write several cases."""
    for number, name in enumerate(names):
        write_labelled(folder / name, first_seed + number)
    return folder


def write_run(run: Path, prepared: Path, fold: int = 0) -> Path:
    """A run folder with its split only."""
    run.mkdir(parents=True)
    split = {"prepared": str(prepared), **asdict(load_split(prepared, fold))}
    (run / "split.json").write_text(json.dumps(split))
    return run


def write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """A CSV file with the columns of the first row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
