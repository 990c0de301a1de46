"""Random patches of cached cases: foreground oversampling, mirroring, changes of brightness and contrast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from tumorseg.regions import ED, ET, NCR, region_mask
from tumorseg.volume import LabelArray
from tumorseg_training.cache import CachedCase
from tumorseg_training.recipe import Recipe

MAX_CENTRES = 5000
"""Tumor voxels remembered per label and case; enough to reach every part of a tumor."""


class PatchDataset(Dataset[tuple[Tensor, Tensor]]):
    """Patches drawn at random; item ``i`` depends on the recipe's seed and ``first + i`` only, whatever the worker.

    Each group of cases (one per data folder) is drawn equally often, so that a few real cases are not drowned by
    many synthetic ones. ``first`` patches were drawn before a run was interrupted; item 0 is the next one. The length
    stays that of the whole run, from which Lightning takes the batches done before itself. An item is (channels
    (channel, z, y, x) float32, region masks (region, z, y, x) float32).
    """

    def __init__(self, groups: Sequence[Sequence[CachedCase]], recipe: Recipe, first: int = 0) -> None:
        self.recipe = recipe
        self.first = first
        self.groups = [[(*case.load(), _centres(case)) for case in group] for group in groups]

    def __len__(self) -> int:
        return self.recipe.steps * self.recipe.batch_size

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        random = np.random.default_rng((self.recipe.seed, self.first + index))
        group = self.groups[int(random.integers(len(self.groups)))]
        images, labels, centres = group[int(random.integers(len(group)))]
        corner = self._corner(labels.shape, centres, random)
        patch = _cut(images, corner, self.recipe.patch_size).astype(np.float32)
        truth = _cut(labels[None], corner, self.recipe.patch_size)[0]
        masks = np.stack([region_mask(truth, region) for region in self.recipe.regions]).astype(np.float32)
        patch = _change_intensity(patch, self.recipe.intensity, random)
        mirrored = tuple(int(axis) + 1 for axis in np.flatnonzero(random.random(3) < 0.5))
        return torch.from_numpy(patch).flip(mirrored), torch.from_numpy(masks).flip(mirrored)

    def _corner(
        self, shape: tuple[int, ...], centres: Sequence[npt.NDArray[np.intp]], random: np.random.Generator
    ) -> tuple[int, ...]:
        """First voxel (z, y, x) of a patch that lies inside the crop where the crop is large enough."""
        room = np.maximum(np.subtract(shape, self.recipe.patch_size), 0)
        if centres and random.random() < self.recipe.foreground:
            chosen = centres[int(random.integers(len(centres)))]
            centre = chosen[random.integers(len(chosen))]
            jitter = random.integers(-np.array(self.recipe.patch_size) // 4, np.array(self.recipe.patch_size) // 4 + 1)
            return tuple(np.clip(centre + jitter - np.array(self.recipe.patch_size) // 2, 0, room).tolist())
        return tuple(random.integers(0, room + 1).tolist())


def _centres(case: CachedCase) -> list[npt.NDArray[np.intp]]:
    """Up to ``MAX_CENTRES`` voxels (n, 3) of each label that occurs, evenly spread."""
    labels: LabelArray = case.load()[1]
    found = [np.argwhere(labels == label) for label in (NCR, ED, ET)]
    return [voxels[:: -(-len(voxels) // MAX_CENTRES)] for voxels in found if len(voxels)]


def _cut(array: npt.NDArray[np.generic], corner: Sequence[int], size: Sequence[int]) -> npt.NDArray[np.generic]:
    """Patch (channel, *size) from ``corner``, padded with 0 behind the end."""
    z, y, x = (slice(start, start + length) for start, length in zip(corner, size, strict=True))
    part = array[:, z, y, x]
    missing = [(0, length - have) for length, have in zip(size, part.shape[1:], strict=True)]
    return np.pad(part, [(0, 0), *missing])


def _change_intensity(
    patch: npt.NDArray[np.float32], amount: float, random: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Scale and shift each channel (channel, z, y, x) inside the brain; the background stays 0."""
    scale = random.uniform(1 - amount, 1 + amount, (len(patch), 1, 1, 1)).astype(np.float32)
    shift = random.uniform(-amount, amount, (len(patch), 1, 1, 1)).astype(np.float32)
    return np.where(patch != 0, patch * scale + shift, patch)
