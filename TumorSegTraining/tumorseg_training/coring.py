"""Tumors with more core that does not enhance: a part of edema and core, or all of the core, of another brightness."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from tumorseg.regions import ED, NCR
from tumorseg.volume import BoolArray, FloatArray
from tumorseg_training.enhancement import LEAST_ML, lobed_ball
from tumorseg_training.tumor_edge import Scan, in_channels, tumor_box

RECOLORED = 0.4
"""Chance that what is core already changes its brightness, where there is enough of it, instead of new core."""

T2 = (0.1, 1.0)
"""What becomes core is brighter by than it was, in standard deviations of the brain.

Median of core minus median of edema in five of the six real cases at hand with little or no enhancement: 0.25 to 1.05
on T2, 0.4 to 1.48 on FLAIR, -0.73 to 0.03 on T1, -0.84 to -0.1 on T1ce; the sixth (01485) has hardly any such core. In
most synthetic patients core is darker than edema on FLAIR, as necrosis is.
"""

FLAIR = (0.1, 1.4)
"""The same on FLAIR."""

T1 = (-0.7, 0.1)
"""The same on T1 and T1ce alike."""


def cored(scan: Scan, channels: tuple[str, ...], spacing: float, random: np.random.Generator) -> Scan | None:
    """The scan with core that does not enhance; None where there is no tumor of divided labels to change.

    What enhances keeps its label, and but for its edge its brightness. The input is not changed.

    Args:
        scan: in LPS.
        channels: sequence of each channel.
        spacing: voxel size along each axis, mm.
        random: where the numbers come from.
    """
    changeable = (scan.labels == NCR) | (scan.labels == ED)
    least = LEAST_ML * 1000 / spacing**3
    if np.count_nonzero(changeable) < least:
        return None
    box = tumor_box(scan.labels, spacing)
    labels = np.array(scan.labels)
    core = labels[box] == NCR
    recolored = random.random() < RECOLORED and np.count_nonzero(core) >= least
    body = core if recolored else lobed_ball(changeable[box], core, spacing, random)
    images = scan.images.copy()
    images[in_channels(box)] = _shifted(images[in_channels(box)].astype(np.float32), channels, body, random)
    labels[box][body] = NCR
    return Scan(images, labels)


def _shifted(images: FloatArray, channels: tuple[str, ...], body: BoolArray, random: np.random.Generator) -> FloatArray:
    """Images (channel, z, y, x) of the box, brighter or darker in the body; where an image is 0, it stays 0."""
    t1, t2, flair = (random.uniform(*limits) for limits in (T1, T2, FLAIR))
    shifts = {"t1": t1, "t1ce": t1, "t2": t2, "flair": flair}
    # An edge as sharp as the scan: what lies between two voxels belongs to both.
    soft = ndimage.gaussian_filter(body.astype(np.float32), 0.5)
    added = np.stack([shifts[name] * soft for name in channels])
    return np.asarray(images + added * (images != 0), np.float32)
