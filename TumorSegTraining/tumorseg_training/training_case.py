"""A case as patches are cut from it, and which folder of cases the next one comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tumorseg.volume import LabelArray

Loader = Callable[[], tuple[npt.NDArray[np.float16], LabelArray]]


@dataclass(frozen=True)
class TrainingCase:
    """A case as patches are cut from it.

    Attributes:
        name: of the case.
        load: gives its images (channel, z, y, x) float16 and labels (z, y, x) uint8, memory-mapped.
        channels: index in the images of each of the recipe's channels.
        present: whether the case has the sequence of each channel; the others are 0.
        undivided: whether only the whole tumor is known.
        group: name of the data folder.
    """

    name: str
    load: Loader
    channels: tuple[int, ...]
    present: tuple[bool, ...]
    undivided: bool = False
    group: str = ""


def drawn_group(
    groups: Sequence[Sequence[TrainingCase]], shares: Mapping[str, float], random: np.random.Generator
) -> Sequence[TrainingCase]:
    """One of the groups, each as often as its share says, 1 without an entry."""
    steps = np.cumsum([shares.get(group[0].group, 1.0) for group in groups])
    return groups[int(np.searchsorted(steps, random.random() * steps[-1], side="right"))]
