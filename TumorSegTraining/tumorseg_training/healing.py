"""Brains whose tumor is replaced by, or mixed with, the mirrored other half: nothing to find, or hard to find."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from tumorseg.other_half import mirror_columns, mirrored
from tumorseg.volume import BoolArray, FloatArray
from tumorseg_training.tumor_edge import Scan, blended, fading, in_channels, tumor_box

LEAST_MIRRORED = 0.9
"""Part of the tumor whose mirror image must be brain without tumor; the rest is filled from its neighborhood."""

FILL_MM = 6.0
"""Standard deviation of the Gaussian that fills the rest."""


def healed(scan: Scan, spacing: float) -> Scan | None:
    """The scan without its tumor; None where the other half cannot stand in for it. Nothing else is changed.

    Args:
        scan: in LPS, with a tumor of any labels or none.
        spacing: voxel size along each axis, mm.
    """
    if not scan.labels.any():
        return scan
    brain = scan.brain
    box = tumor_box(scan.labels, spacing)
    tumor = scan.labels[box] > 0
    columns = mirror_columns(brain, box)
    if columns is None:
        return None
    usable = mirrored((brain & (scan.labels == 0))[box[:2]], columns)
    if usable[tumor].mean() < LEAST_MIRRORED:
        return None
    images = scan.images.copy()
    within = in_channels(box)
    part = images[within].astype(np.float32)
    other = _filled(mirrored(images[within[:3]], columns).astype(np.float32), usable, spacing)
    weight = fading(tumor, spacing) * (usable | tumor)
    images[within] = blended(part, other, weight, usable & ~tumor)
    return Scan(images, np.zeros_like(scan.labels))


def weakened(scan: Scan, spacing: float, part: float) -> Scan | None:
    """The scan with a fainter tumor of the same labels; None where the other half cannot stand in for it.

    A scan without a tumor is returned as it is.

    Args:
        scan: in LPS, with a tumor of any labels or none.
        spacing: voxel size along each axis, mm.
        part: of the contrast to what :func:`healed` shows that is taken away, 0 to 1.
    """
    without = healed(scan, spacing)
    if without is None or without is scan:
        return without
    before = scan.images.astype(np.float32)
    images = before + np.float32(part) * (without.images - before)
    return Scan(images.astype(np.float16), scan.labels)


def _filled(images: FloatArray, usable: BoolArray, spacing: float) -> FloatArray:
    """Images (channel, z, y, x) with an average of the usable neighbors where they cannot be used."""
    sigma = FILL_MM / spacing
    weight = np.maximum(ndimage.gaussian_filter(usable.astype(np.float32), sigma), 1e-6)
    smooth = [ndimage.gaussian_filter(image * usable, sigma) / weight for image in images]
    return np.where(usable, images, np.stack(smooth))
