"""Patches of cached cases, drawn and changed at random; sample ``i`` depends on the seed and ``i`` only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tumorseg.normalise import minmax, shown_part
from tumorseg.other_half import opposite
from tumorseg.regions import ED, ET, NCR, UNDIVIDED
from tumorseg.volume import LabelArray
from tumorseg_training.augment_draw import Draw, draw_changes, triple
from tumorseg_training.augment_intensity import change_intensity
from tumorseg_training.augment_shape import Cut, cut_for, shaped
from tumorseg_training.cache import CACHED
from tumorseg_training.recipe import Recipe
from tumorseg_training.training_case import TrainingCase, drawn_group
from tumorseg_training.tumor_swaps import TumorSwaps

MAX_CENTRES = 5000
"""Tumor voxels remembered per label and case; enough to reach every part of a tumor."""


Centres = npt.NDArray[np.int16]
"""Voxels (n, 3)."""


class Patch(NamedTuple):
    """A training sample: intensities (channel, z, y, x) float32, labels (z, y, x) uint8, which regions are known."""

    images: Tensor
    labels: Tensor
    undivided: bool


@dataclass(frozen=True)
class RawPatch:
    """What a patch is made of, before it is shaped and changed, possibly on another device.

    Attributes:
        cut: images and labels that it needs.
        draw: its changes.
        undivided: whether only the whole tumor is known.
        other_half: whether the second half of the images' channels is what lies opposite of the first; the patch then
            has the differences there.
    """

    cut: Cut
    draw: Draw
    undivided: bool
    other_half: bool = False

    def to(self, device: torch.device) -> RawPatch:
        """Its arrays on a device; they travel as float16 and uint8."""
        images, labels = (array.to(device, non_blocking=True) for array in (self.cut.images, self.cut.labels))
        return replace(self, cut=Cut(images, labels, self.cut.corner))

    def pinned(self) -> RawPatch:
        """Its arrays in page-locked memory where there is a GPU, which can read from there beside its work."""
        if not torch.cuda.is_available():
            return self
        return replace(self, cut=Cut(self.cut.images.pin_memory(), self.cut.labels.pin_memory(), self.cut.corner))

    def finish(self, patch_size: tuple[int, int, int]) -> Patch:
        """Shape and change it, on the device where its arrays are."""
        images, labels = shaped(self.cut, self.draw, patch_size)
        if not self.other_half:
            return Patch(change_intensity(images, self.draw), labels, self.undivided)
        own, others = images.chunk(2)
        change_intensity(own, self.draw, others)
        torch.sub(own, others, out=others)
        return Patch(images, labels, self.undivided)


@dataclass
class PatchDataset:
    """Raw patches by sample number.

    Groups (one per data folder) are drawn equally often, or as often as the recipe's ``shares`` say, so that a few real
    cases are not drowned by many synthetic ones. Where brains are stretched as a whole, every pass shows each case
    once, in another order.
    """

    groups: Sequence[Sequence[TrainingCase]]
    recipe: Recipe
    _centres: dict[str, list[Centres]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.swaps = TumorSwaps(self.groups, self.recipe)

    def __getitem__(self, index: int) -> RawPatch:
        random = np.random.default_rng((self.recipe.seed, index))
        original = self._case(index, random)
        case = self.swaps.changed(original, index)
        images, labels = case.load()
        if self.recipe.resized:
            plain = Draw((0, 0, 0), triple(np.array(labels.shape)))
        else:
            centres = self._tumor(case, labels) if case is original else tumor_centres(labels)
            plain = Draw(self._corner(labels, centres, random), self.recipe.patch_size)
        draw = draw_changes(plain, self.recipe.augmentation, case.present, random)
        cut = self._cut(draw, case, images, labels)
        return RawPatch(cut, draw, case.undivided, self.recipe.other_half)

    def _cut(self, draw: Draw, case: TrainingCase, images: npt.NDArray[np.float16], labels: LabelArray) -> Cut:
        """What the draw needs of a case, and of what lies opposite where the recipe wants that."""
        values, order = self._normalised(images, case), self._order(case)
        more = None
        if self.recipe.other_half:
            brain = (images != 0).any(axis=0)
            more = partial(opposite, values[list(order)], brain, (self.recipe.spacing,) * 3)
        return cut_for(draw, self.recipe.patch_size, values, labels, order, more)

    def _case(self, index: int, random: np.random.Generator) -> TrainingCase:
        if self.recipe.resized:
            cases = [case for group in self.groups for case in group]
            order = np.random.default_rng((self.recipe.seed, index // len(cases), 1)).permutation(len(cases))
            return cases[order[index % len(cases)]]
        group = drawn_group(self.groups, self.recipe.shares, random)
        return group[int(random.integers(len(group)))]

    def _normalised(self, images: npt.NDArray[np.float16], case: TrainingCase) -> npt.NDArray[np.floating]:
        """The cache holds z-scores; another normalisation is computed from them."""
        if self.recipe.normalisation in CACHED:
            return images
        return normalised(images, case.channels, self.recipe.normalisation)

    def _order(self, case: TrainingCase) -> Sequence[int]:
        return case.channels if self.recipe.normalisation in CACHED else range(len(case.channels))

    def _corner(
        self, labels: LabelArray, centres: Sequence[Centres], random: np.random.Generator
    ) -> tuple[int, int, int]:
        """First voxel (z, y, x) of a patch that lies inside the crop where the crop is large enough."""
        size = np.array(self.recipe.patch_size)
        room = np.subtract(labels.shape, size)
        low, high = np.minimum(room // 2, 0), np.where(room > 0, room, room // 2)
        if centres and random.random() < self.recipe.foreground:
            chosen = centres[int(random.integers(len(centres)))]
            centre = chosen[random.integers(len(chosen))].astype(np.intp)
            jitter = random.integers(-size // 4, size // 4 + 1)
            return triple(np.clip(centre + jitter - size // 2, low, high))
        return triple(random.integers(low, high + 1))

    def _tumor(self, case: TrainingCase, labels: LabelArray) -> list[Centres]:
        if case.name not in self._centres:
            self._centres[case.name] = tumor_centres(labels)
        return self._centres[case.name]


def tumor_centres(labels: LabelArray) -> list[Centres]:
    """Up to ``MAX_CENTRES`` voxels (n, 3) of each label (z, y, x) that occurs, evenly spread."""
    found = np.argwhere(labels)
    values = labels[tuple(found.T)]
    each = [found[values == label] for label in (NCR, ED, ET, UNDIVIDED)]
    # Copies: they are kept for every case, and a view would keep all voxels of the tumor.
    return [voxels[:: -(-len(voxels) // MAX_CENTRES)].astype(np.int16) for voxels in each if len(voxels)]


def normalised(
    images: npt.NDArray[np.float16], channels: Sequence[int], normalisation: str
) -> npt.NDArray[np.floating]:
    """The channels (channel, z, y, x) of cached z-scores in another normalisation; the brain is where any is not 0.

    Args:
        images: all channels of the cache; their normalisation is ``cached_as`` of the wanted one.
        channels: the wanted ones, in order.
        normalisation: as in the model file.
    """
    chosen = images[list(channels)].astype(np.float32)
    if normalisation in CACHED:
        return chosen
    brain = (images != 0).any(axis=0)
    return np.stack([minmax(channel, shown_part(channel, brain)) for channel in chosen])
