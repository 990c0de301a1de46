"""A scan as a training sample sees it, the part around its tumor, and how changed tissue fades into the rest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorseg.normalise import Box
from tumorseg.volume import BoolArray, FloatArray, LabelArray

FADE_MM = 6.0
"""Beyond the tumor, over which changed tissue fades into the brain; labels end before the change of the scan does."""

MAX_SHIFT = 0.5
"""Largest correction of brightness, in standard deviations of the brain."""


class Scan(NamedTuple):
    """Intensities (channel, z, y, x) float16, 0 outside the brain and in lacking sequences, and labels (z, y, x)."""

    images: npt.NDArray[np.float16]
    labels: LabelArray

    @property
    def brain(self) -> BoolArray:
        """Where any sequence shows something, (z, y, x)."""
        return np.asarray((self.images != 0).any(axis=0))


def tumor_box(labels: LabelArray, spacing: float) -> Box:
    """The box (z, y, x) of all tumor and of what fades around it; there is a tumor."""
    (found,) = ndimage.find_objects((labels > 0).view(np.uint8))
    margin = int(np.ceil(FADE_MM / spacing))
    z, y, x = (slice(max(0, side.start - margin), side.stop + margin) for side in found)
    return z, y, x


def in_channels(box: tuple[slice, ...]) -> tuple[slice, ...]:
    """A box (z, y, x) in every channel of an array (channel, z, y, x)."""
    return (slice(None), *box)


def fading(tumor: BoolArray, spacing: float) -> FloatArray:
    """1 in the tumor (z, y, x), from there falling linearly to 0 at ``FADE_MM``; ``spacing`` in mm along each axis."""
    distance = ndimage.distance_transform_edt(~tumor, sampling=spacing)
    return np.clip(1 - distance / FADE_MM, 0, 1).astype(np.float32)


def blended(host: FloatArray, other: FloatArray, weight: FloatArray, healthy: BoolArray) -> FloatArray:
    """Other tissue laid into a brain, its brightness matched to the host's where the one fades into the other.

    Args:
        host: (channel, z, y, x); where it is 0, it stays 0.
        other: same shape.
        weight: of the other tissue, (z, y, x).
        healthy: where both show tissue without tumor, (z, y, x).
    """
    shown = host != 0
    # Most where both count alike.
    evidence = shown * (weight * (1 - weight) * healthy)
    axes = (1, 2, 3)
    shift = ((host - other) * evidence).sum(axis=axes) / np.maximum(evidence.sum(axis=axes), 1e-6)
    matched = other + np.clip(shift, -MAX_SHIFT, MAX_SHIFT)[:, None, None, None]
    return np.asarray(host + shown * weight * (matched - host), np.float32)
