"""Run folders made on the fly: cases with noisy labels, a prepared folder that names them, and a finished model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from support.cases import SMALL, small_case, write_case
from support.models import saved
from tumorseg.images import write_labels
from tumorseg.modelfile import Model
from tumorseg_training.cache import CachedCase
from tumorseg_training.prepared import PreparedCase, write_prepared

SEQUENCES = ("t1", "t1ce", "t2", "flair")


def write_noisy_cases(data: Path, names: Sequence[str], first_seed: int = 0) -> None:
    """Cases whose tumor is a noisy threshold on T1ce, with labels of BraTS 2020."""
    for seed, name in enumerate(names, start=first_seed):
        case = small_case(seed=seed)
        write_case(case, data / name)
        noisy = case["t1ce"].array + np.random.default_rng(seed).normal(0, 40, SMALL.shape)
        labels = np.select([noisy > 320, noisy > 280, noisy > 240], [4, 1, 2], 0).astype(np.uint8)
        write_labels(labels, SMALL, data / name / "Case_seg.nii.gz")


def write_prepared_index(folder: Path, data: Path, names: Sequence[str]) -> None:
    """A prepared folder whose caches are empty: enough to find the original cases again."""
    folder.mkdir()
    cases = []
    for name in names:
        cached = CachedCase(name, folder / f"{name}.npy", folder / f"{name}.seg.npy")
        for path in (cached.images, cached.labels):
            np.save(path, np.zeros(1))
        cases.append(PreparedCase(cached, name, None, "data", SEQUENCES, False, str(data)))
    write_prepared(folder, SEQUENCES, cases)


def write_run(folder: Path, prepared: Path, train: Sequence[str], validation: Sequence[str], model: Model) -> Path:
    """A run folder with a split and a model, without test cases."""
    folder.mkdir()
    split = {"prepared": str(prepared), "fold": 0, "train": [*train], "validation": [*validation], "test": []}
    (folder / "split.json").write_text(json.dumps({**split, "sha256": "0"}))
    saved(model, folder)
    return folder
