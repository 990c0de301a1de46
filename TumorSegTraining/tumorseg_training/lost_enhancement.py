"""Tumors without their enhancement: where T1ce no longer shows more than T1, the label becomes core."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from tumorseg.regions import ET, NCR
from tumorseg.volume import BoolArray, FloatArray
from tumorseg_training.tumor_edge import Scan

MOST_LEFT = 0.2
"""Largest uptake that stays, median over what enhanced, in standard deviations of the brain: what does not enhance is
not free of texture either."""

ON_T1 = 0.7
"""Largest part of the uptake that comes to lie on T1 instead: blood is bright before contrast medium too."""

FAINT = 0.25
"""Uptake, median over the enhancing tumor, below which it is not called enhancing, in standard deviations of the brain.

Medians in the real cases at hand, at 2 mm, are 0.23 (01485, 0.6 mL) to 2.0. So 01485 has no enhancing tumor in the
samples in which it is weakened, however little.
"""


def unenhanced(scan: Scan, channels: tuple[str, ...], random: np.random.Generator) -> Scan | None:
    """The scan with an enhancing part that does not enhance; None where there is none, or no T1 and T1ce to tell.

    What T1ce shows more than T1 in and beside enhancing tumor is taken away, in part by adding it to T1. The
    label of enhancing tumor becomes core. The input is not changed.

    Args:
        scan: in LPS.
        channels: sequence of each channel.
        random: where the numbers come from.
    """
    enhancing = scan.labels == ET
    uptake = _uptake(scan, channels) if enhancing.any() else None
    if uptake is None:
        return None
    left = min(random.uniform(0, MOST_LEFT) / max(float(np.median(uptake[enhancing])), MOST_LEFT), 1.0)
    lost = np.maximum(uptake, 0) * _beside(enhancing) * (1 - left)
    on_t1 = random.uniform(0, ON_T1)
    images = scan.images.copy()
    for name, change in (("t1", on_t1 * lost), ("t1ce", (on_t1 - 1) * lost)):
        image = images[channels.index(name)]
        image += (change * (image != 0)).astype(np.float16)
    return Scan(images, np.where(enhancing, NCR, scan.labels).astype(np.uint8))


def without_faint_enhancement(scan: Scan, channels: tuple[str, ...]) -> Scan:
    """The scan, enhancing tumor that hardly takes up contrast medium labelled core; itself where it does.

    Args:
        scan: in LPS.
        channels: sequence of each channel.
    """
    enhancing = scan.labels == ET
    uptake = _uptake(scan, channels) if enhancing.any() else None
    if uptake is None or np.median(uptake[enhancing]) >= FAINT:
        return scan
    return Scan(scan.images, np.where(enhancing, NCR, scan.labels).astype(np.uint8))


def _uptake(scan: Scan, channels: tuple[str, ...]) -> FloatArray | None:
    """T1ce minus T1 (z, y, x) from its median in the brain without tumor; 0 outside; None where either is lacking."""
    if not {"t1", "t1ce"} <= set(channels):
        return None
    t1, t1ce = (scan.images[channels.index(name)].astype(np.float32) for name in ("t1", "t1ce"))
    shown = (t1 != 0) & (t1ce != 0)
    healthy = shown & (scan.labels == 0)
    if not healthy.any():
        return None
    difference = t1ce - t1
    return np.where(shown, difference - np.median(difference[healthy]), np.float32(0))


def _beside(enhancing: BoolArray) -> FloatArray:
    """1 in enhancing tumor (z, y, x), half in the voxels at its faces, which show part of it."""
    touching = ndimage.binary_dilation(enhancing)
    return np.where(enhancing, 1.0, np.where(touching, 0.5, 0.0)).astype(np.float32)
