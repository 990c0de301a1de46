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


def reference_labels(shift: tuple[int, int, int] = (0, 0, 0), growth: float = 1.0) -> LabelArray:
    """Engine labels (z, y, x) of two foci, by a formula alone, so that they are the same with every library."""
    labels = np.zeros((20, 34, 40), np.uint8)
    grid = np.indices(labels.shape) - np.reshape(shift, (3, 1, 1, 1))
    for centre, radii in (((8, 14, 12), (5, 9, 8)), ((13, 24, 31), (3, 5, 4))):
        offsets = (grid - np.reshape(centre, (3, 1, 1, 1))) / np.reshape(radii, (3, 1, 1, 1)) / growth
        distance = (offsets**2).sum(axis=0)
        for label, inside in ((2, 1.0), (3, 0.4), (1, 0.12)):
            labels[distance <= inside] = label
    return labels


def reference_pairs() -> dict[str, tuple[LabelArray, LabelArray]]:
    """Prediction and truth of which ``reference_scores.json`` holds the scores of other implementations."""
    truth = reference_labels()
    moved = reference_labels((1, -2, 3), 0.85)
    missed = moved.copy()
    missed[:, 18:, 24:] = 0  # the smaller focus
    missed[2:5, 27:31, 3:7] = 3  # a false part
    return {"moved": (moved, truth), "missed and false": (missed, truth)}
