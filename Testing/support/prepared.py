"""A prepared folder of small made-up heads, without reading or preparing any volume, and a recipe for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tumorseg.sequences import SEQUENCES
from tumorseg_training.cache import CachedCase
from tumorseg_training.prepared import Prepared, PreparedCase, write_prepared
from tumorseg_training.split import write_splits

SHAPE = (24, 28, 26)

TINY = str(Path(__file__).with_name("tiny.toml"))
"""Recipe of a training that takes a second on these heads."""


def head(seed: int, shape: tuple[int, int, int] = SHAPE) -> tuple[np.ndarray, np.ndarray]:
    """Images (channel, z, y, x) float16 of a ball with a bright tumor of three labels, 0 outside, and its labels."""
    random = np.random.default_rng(seed)
    places = np.stack(np.meshgrid(*[np.linspace(-1, 1, size) for size in shape], indexing="ij"))
    brain = (places**2).sum(axis=0) < 0.9
    centre = random.uniform(-0.3, 0.3, (3, 1, 1, 1))
    distance = np.sqrt(((places - centre) ** 2).sum(axis=0))
    labels = np.select([distance < 0.2, distance < 0.35, distance < 0.5], [1, 3, 2], 0).astype(np.uint8) * brain
    images = random.normal(0, 0.3, (4, *shape)) + 0.1
    images += np.array([0, -1, 1, 2])[labels] * np.array([0.3, 1, 0.6, 0.8])[:, None, None, None]
    return (images * brain).astype(np.float16), labels


def prepared_folder(folder: Path, train: int = 3, validation: int = 1, groups: Sequence[str] = ("data",)) -> Prepared:
    """Write ``train + validation`` cases, dealt to the groups in turn, and a split with fold 0."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"Head_{number}" for number in range(train + validation)]
    cases = [
        prepared_case(folder, name, *head(number), group=groups[number % len(groups)])
        for number, name in enumerate(names)
    ]
    write_splits(folder, [], [names[train:]], names, seed=0)
    return write_prepared(folder, SEQUENCES, cases)


def prepared_case(
    folder: Path,
    name: str,
    images: np.ndarray,
    labels: np.ndarray,
    group: str = "data",
    sequences: tuple[str, ...] = SEQUENCES,
    undivided: bool = False,
) -> PreparedCase:
    """Write the arrays of a case."""
    cached = CachedCase(name, folder / f"{name}.npy", folder / f"{name}.seg.npy")
    np.save(cached.images, images.astype(np.float16))
    np.save(cached.labels, labels)
    return PreparedCase(cached, name, None, group, sequences, undivided, str(folder))
