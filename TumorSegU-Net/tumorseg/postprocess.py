"""Rules after the network: small separate parts go, a tiny enhancing part becomes core."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from tumorseg.lesions import TOUCHING
from tumorseg.modelfile import PostProcessing
from tumorseg.normalise import bounding_box
from tumorseg.regions import ET, NCR
from tumorseg.volume import LabelArray


def clean(labels: LabelArray, rules: PostProcessing, voxel_volume_ml: float) -> LabelArray:
    """Apply a model's rules to a copy of the labels (z, y, x).

    Args:
        labels: engine labels.
        rules: of the model.
        voxel_volume_ml: volume of one voxel in mL.
    """
    cleaned = labels.copy()
    _remove_small_parts(cleaned, rules.min_component_ml / voxel_volume_ml)
    enhancing = cleaned == ET
    if np.count_nonzero(enhancing) < rules.min_enhancing_ml / voxel_volume_ml:
        cleaned[enhancing] = NCR
    return cleaned


def _remove_small_parts(labels: LabelArray, min_voxels: float) -> None:
    if not labels.any():
        return
    near = labels[bounding_box(labels != 0, margin=0)]
    parts, _ = ndimage.label(near, TOUCHING)
    small = np.bincount(parts.ravel()) < min_voxels
    near[small[parts]] = 0
