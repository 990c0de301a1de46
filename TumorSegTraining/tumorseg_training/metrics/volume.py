"""How far the predicted volume is from the true one."""

from __future__ import annotations

from math import nan

import numpy as np

from tumorseg.volume import BoolArray, Triple


def volume_scores(prediction: BoolArray, truth: BoolArray, spacing_zyx: Triple) -> dict[str, float]:
    """Volumes in mL and their difference, absolute and relative, of two masks (z, y, x) with voxel sizes in mm."""
    voxel = float(np.prod(spacing_zyx)) / 1000
    predicted, true = int(np.count_nonzero(prediction)) * voxel, int(np.count_nonzero(truth)) * voxel
    return {
        "volume_true_ml": true,
        "volume_error_ml": predicted - true,
        "volume_error_relative": (predicted - true) / true if true else nan,
    }
