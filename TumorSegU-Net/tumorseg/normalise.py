"""From four volumes to the network's input: brain mask, brain crop, z-score (flattened or not) or scaling to 0-1."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tumorseg.flatten import flattened
from tumorseg.volume import BoolArray, FloatArray

Box = tuple[slice, slice, slice]

CROP_MARGIN = 4
"""Voxels kept around the brain."""

WHOLE = 0.9
"""Part of the brain that a channel has to show; its zeros count for the statistics of one with less as little as those
around the brain. The real cases show 0.998 and more."""


def brain_mask(channels: Sequence[FloatArray]) -> BoolArray:
    """Voxels (z, y, x) where any channel differs from 0, the background of skull-stripped volumes."""
    mask = np.zeros(channels[0].shape, bool)
    for channel in channels:
        mask |= channel != 0
    return mask


def bounding_box(mask: BoolArray, margin: int = CROP_MARGIN) -> Box:
    """Smallest box (slices along z, y, x) that holds the mask and a margin in voxels, clipped to the grid.

    Raises:
        ValueError: the mask is empty.
    """
    slices = np.flatnonzero(mask.any(axis=(1, 2)))
    if not len(slices):
        raise ValueError("the brain mask is empty")
    near = mask[slices[0] : slices[-1] + 1]
    found = (slices, np.flatnonzero(near.any(axis=(0, 2))), np.flatnonzero(near.any(axis=(0, 1))))
    z, y, x = (
        slice(max(0, int(side[0]) - margin), min(size, int(side[-1]) + 1 + margin))
        for side, size in zip(found, mask.shape, strict=True)
    )
    return z, y, x


def shown_part(channel: FloatArray, brain: BoolArray) -> BoolArray:
    """What a channel is to be normalised over: the brain, or the part of it where it is not 0 if it lacks the rest.

    Args:
        channel: intensities (z, y, x), 0 where the volume shows nothing.
        brain: mask, same shape.
    """
    shown = brain & (channel != 0)
    count = np.count_nonzero(shown)
    return shown if 0 < count < WHOLE * np.count_nonzero(brain) else brain


def zscore(channel: FloatArray, mask: BoolArray) -> FloatArray:
    """Zero mean and unit variance over the mask, exactly 0 outside; a constant channel becomes 0.

    Args:
        channel: intensities (z, y, x).
        mask: brain, same shape.
    """
    values = channel[mask]
    mean, deviation = float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
    normalised = np.zeros_like(channel)
    if deviation > 0:
        normalised[mask] = (values - mean) / deviation
    return normalised


def flat_zscore(channel: FloatArray, mask: BoolArray) -> FloatArray:
    """Z-score, as ``zscore``, of the :func:`flattened <tumorseg.flatten.flattened>` channel."""
    return zscore(flattened(channel, mask), mask)


def minmax(channel: FloatArray, mask: BoolArray) -> FloatArray:
    """(value - smallest) / (largest - smallest) over the mask, exactly 0 outside; a constant channel becomes 0.

    Scaling to 0-1, the normalisation of the paper. Brightness and contrast of the input do not matter, so a z-scored
    channel gives the same.

    Args:
        channel: intensities (z, y, x).
        mask: brain, same shape.
    """
    values = channel[mask]
    low, high = float(values.min()), float(values.max())
    normalised = np.zeros_like(channel)
    if high > low:
        normalised[mask] = (values - low) / (high - low)
    return normalised


NORMALISERS: Mapping[str, Callable[[FloatArray, BoolArray], FloatArray]] = {
    "zscore-brain": zscore,
    "zscore-flat": flat_zscore,
    "minmax-brain": minmax,
}
"""What a model file can name."""


def network_input(
    channels: Sequence[FloatArray], mask: BoolArray | None = None, normalisation: str = "zscore-brain"
) -> tuple[FloatArray, Box]:
    """Crop all channels to the brain and normalise each over what it shows of it.

    Args:
        channels: intensities (z, y, x) in the model's channel order, on the working grid.
        mask: brain (z, y, x); voxels where any channel differs from 0 when None.
        normalisation: one of ``NORMALISERS``.

    Returns:
        Array (channel, z, y, x) float32 of the crop, and the box of the crop in the working grid.
    """
    brain = brain_mask(channels) if mask is None else mask
    box = bounding_box(brain)
    normalise = NORMALISERS[normalisation]
    cut, inside = [channel[box] for channel in channels], brain[box]
    return np.stack([normalise(channel, shown_part(channel, inside)) for channel in cut]), box
