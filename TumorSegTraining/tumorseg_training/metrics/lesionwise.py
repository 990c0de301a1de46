"""Lesion-wise Dice and HD95 as BraTS 2023 defines them for gliomas (https://github.com/rachitsaluja/BraTS-2023-Metrics).

Lesions of the truth are what is connected after growing by three voxels; each is compared with all parts of the
prediction that come near it, and a part that is near no lesion counts as one with Dice 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorseg.volume import BoolArray, Triple
from tumorseg_training.metrics.overlap import dice
from tumorseg_training.metrics.surface import surface_distances

GROWTH_VOXELS = 3
IGNORED_MM3 = 50.0
"""Lesions of the truth up to this volume are not counted; a part of the prediction near one is no error."""

WORST_HD95_MM = 374.0

_GROWING = ndimage.generate_binary_structure(3, 2)  # 18-connected
_TOUCHING = ndimage.generate_binary_structure(3, 3)  # 26-connected

Numbers = npt.NDArray[np.int32]


@dataclass(frozen=True)
class _Lesion:
    """A lesion of the truth: its mask (z, y, x) and the numbers of the prediction's parts near it."""

    mask: BoolArray
    near: npt.NDArray[np.int32]


def lesion_scores(prediction: BoolArray, truth: BoolArray, spacing_zyx: Triple) -> dict[str, float]:
    """Lesion-wise scores of two masks (z, y, x), voxel sizes in mm along the same axes.

    Masks may be cropped if ``GROWTH_VOXELS`` voxels around the truth are kept, or the volume ends there.
    """
    parts, count = ndimage.label(prediction, _TOUCHING)
    lesions = list(_lesions(truth, parts))
    false = count - len({number for lesion in lesions for number in lesion.near.tolist()})
    counted = [lesion for lesion in lesions if lesion.mask.sum() * np.prod(spacing_zyx) > IGNORED_MM3]
    pairs = [_compare(lesion, parts, count, spacing_zyx) for lesion in counted]
    cases = len(pairs) + false
    return {
        "lesion_dice": sum(pair[0] for pair in pairs) / cases if cases else 1.0,
        "lesion_hd95": (sum(pair[1] for pair in pairs) + false * WORST_HD95_MM) / cases if cases else 0.0,
        "lesions_true": len(counted),
        "lesions_missed": sum(len(lesion.near) == 0 for lesion in counted),
        "lesions_false": false,
    }


def _lesions(truth: BoolArray, parts: Numbers) -> Iterator[_Lesion]:
    grown = ndimage.binary_dilation(truth, _GROWING, iterations=GROWTH_VOXELS)
    numbers = np.where(truth, ndimage.label(grown, _TOUCHING)[0], 0)
    for number, box in enumerate(ndimage.find_objects(numbers), start=1):
        around = tuple(slice(max(0, side.start - GROWTH_VOXELS), side.stop + GROWTH_VOXELS) for side in box)
        reach = ndimage.binary_dilation(numbers[around] == number, _GROWING, iterations=GROWTH_VOXELS)
        near = np.unique(parts[around][reach])
        yield _Lesion(numbers == number, near[near > 0])


def _compare(lesion: _Lesion, parts: Numbers, count: int, spacing_zyx: Triple) -> tuple[float, float]:
    """Dice and HD95 (mm) of a lesion and all parts of the prediction that come near it."""
    if not len(lesion.near):
        return 0.0, WORST_HD95_MM
    chosen = np.zeros(count + 1, bool)
    chosen[lesion.near] = True
    prediction = chosen[parts]
    return dice(prediction, lesion.mask), surface_distances(prediction, lesion.mask, spacing_zyx).hausdorff()
