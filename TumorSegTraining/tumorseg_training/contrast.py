"""Which sequence an MR volume is, told from its voxels and the tumor's labels; never from its name.

Three contrasts hold in glioma whatever the scanner (measured on the cases that docs/data-layouts.md lists), as
differences of z-scores over the brain:

- edema is brighter on FLAIR and T2 than on T1 and T1ce;
- fluid, the darkest tissue of T1, is brighter on T2 than on FLAIR;
- enhancing tumor stands out from the rest of the tumor on T1ce and not on T1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from scipy import ndimage

from tumorseg.normalise import bounding_box, brain_mask, zscore
from tumorseg.regions import ED, ET, UNDIVIDED
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import BoolArray, FloatArray, LabelArray

EXCHANGED = -0.5
"""A contrast below this says that two volumes may be exchanged; the lowest in real cases with right names is -0.24."""

_DISTINCT = 0.3
"""How much better than any other order of the channels the best must fit."""
_FEWEST_VOXELS = 50
_DARKEST_PERCENT = 8  # of the brain on T1: mostly fluid
_BORDER_VOXELS = 3  # where the edge of the brain and of the tumor mixes tissues
_WATER = ("flair", "t2")
_FAT = ("t1", "t1ce")


@dataclass(frozen=True)
class Contrast:
    """One contrast between two volumes.

    Attributes:
        brighter: the sequence that must be brighter ...
        darker: ... than this one ...
        where: ... there, in words.
        difference: of the z-scores; negative when it is the other way round.
    """

    brighter: str
    darker: str
    where: str
    difference: float


class Tissues:
    """Where the contrasts are looked at, in one case.

    Args:
        volumes: intensities (z, y, x), all of one shape, under any names.
        labels: engine labels, same shape.
    """

    def __init__(self, volumes: Mapping[str, FloatArray], labels: LabelArray) -> None:
        brain = brain_mask(list(volumes.values()))
        box = bounding_box(brain)
        brain, labels = brain[box], labels[box]
        self.scores = {name: zscore(array[box], brain) for name, array in volumes.items()}
        self._enhancing = labels == ET
        rest = (labels == ED) | (labels == UNDIVIDED)
        self._edema = rest if np.count_nonzero(rest) >= _FEWEST_VOXELS else (labels != 0) & ~self._enhancing
        near_tumor = ndimage.binary_dilation(labels != 0, iterations=_BORDER_VOXELS)
        self._normal = ndimage.binary_erosion(brain, iterations=_BORDER_VOXELS) & ~near_tumor

    def contrasts(self, names: Mapping[str, str]) -> Iterator[Contrast]:
        """All contrasts that can be looked at when volume ``names[sequence]`` is that sequence."""
        scores = {sequence: self.scores[name] for sequence, name in names.items()}
        yield from self._in_edema(scores)
        yield from self._in_fluid(scores)
        yield from self._in_enhancing(scores)

    def _in_edema(self, scores: Mapping[str, FloatArray]) -> Iterator[Contrast]:
        if np.count_nonzero(self._edema) < _FEWEST_VOXELS:
            return
        means = {sequence: _mean(values, self._edema) for sequence, values in scores.items()}
        for water in _WATER:
            for fat in _FAT:
                if water in means and fat in means:
                    yield Contrast(water, fat, "in edema", means[water] - means[fat])

    def _in_fluid(self, scores: Mapping[str, FloatArray]) -> Iterator[Contrast]:
        if not {"t1", "t2", "flair"} <= scores.keys() or np.count_nonzero(self._normal) < _FEWEST_VOXELS:
            return
        dark = scores["t1"] < np.percentile(scores["t1"][self._normal], _DARKEST_PERCENT)
        fluid = self._normal & dark
        if np.count_nonzero(fluid) >= _FEWEST_VOXELS:
            difference = np.median(scores["t2"][fluid]) - np.median(scores["flair"][fluid])
            yield Contrast("t2", "flair", "in fluid", float(difference))

    def _in_enhancing(self, scores: Mapping[str, FloatArray]) -> Iterator[Contrast]:
        parts = (self._enhancing, self._edema)
        if {"t1", "t1ce"} <= scores.keys() and min(map(np.count_nonzero, parts)) >= _FEWEST_VOXELS:
            t1ce, t1 = (_mean(scores[name], parts[0]) - _mean(scores[name], parts[1]) for name in ("t1ce", "t1"))
            yield Contrast("t1ce", "t1", "in enhancing tumor", t1ce - t1)


def exchanged(tissues: Tissues) -> Contrast | None:
    """The contrast that shows best that two volumes are not the sequences they are called; None when all may be right.

    It is wrong by far, and all contrasts together fit better when the two change their names.
    """
    names = {sequence: sequence for sequence in tissues.scores}
    wrong = [contrast for contrast in tissues.contrasts(names) if contrast.difference < EXCHANGED]
    if not wrong:
        return None

    def improvement(contrast: Contrast) -> float:
        first, second = contrast.brighter, contrast.darker
        return _fit([tissues], names | {first: second, second: first}) - _fit([tissues], names)

    best = max(wrong, key=improvement)
    return best if improvement(best) > _DISTINCT else None


def channel_order(cases: Sequence[Tissues]) -> tuple[str, ...]:
    """Which sequence each of four unnamed volumes is, the same in all cases.

    Args:
        cases: whose volumes are called "0", "1", "2" and "3".

    Returns:
        The sequence of each volume.

    Raises:
        ValueError: the contrasts fit several orders about equally well, or there is no case.
    """
    if not cases:
        raise ValueError("none shows enhancing tumor, which tells the order of their channels")
    orders = {order: {name: str(channel) for channel, name in enumerate(order)} for order in permutations(SEQUENCES)}
    fits = sorted(((_fit(cases, names), order) for order, names in orders.items()), reverse=True)
    (best, order), (second, other) = fits[:2]
    if best - second < _DISTINCT:
        raise ValueError(f"the order of their channels may be {', '.join(order)} or {', '.join(other)}")
    return order


def _fit(cases: Sequence[Tissues], names: Mapping[str, str]) -> float:
    """Mean over the cases of the summed contrasts, each limited so that none outweighs the others."""
    sums = [sum(float(np.clip(c.difference, -1, 1)) for c in case.contrasts(names)) for case in cases]
    return float(np.mean(sums))


def _mean(values: FloatArray, where: BoolArray) -> float:
    return float(values[where].mean(dtype=np.float64))
