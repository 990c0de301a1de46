"""Made-up masks and label maps for scoring."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from tumorseg.volume import BoolArray, LabelArray


def blobs(seed: int, shape: tuple[int, ...] = (18, 20, 22), share: float = 0.12) -> BoolArray:
    """Smooth random parts that fill about the given share of the volume."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.6)
    return np.asarray(noise > np.quantile(noise, 1 - share))


def box(shape: tuple[int, ...], start: tuple[int, ...], size: tuple[int, ...]) -> BoolArray:
    """A cuboid."""
    mask = np.zeros(shape, bool)
    mask[tuple(slice(first, first + length) for first, length in zip(start, size, strict=True))] = True
    return mask


def random_labels(seed: int, shape: tuple[int, ...] = (18, 20, 22)) -> LabelArray:
    """Engine labels with all regions, in several parts."""
    labels = np.zeros(shape, np.uint8)
    for number, share in ((2, 0.2), (1, 0.1), (3, 0.05)):
        labels[blobs(seed, shape, share)] = number
    return labels
