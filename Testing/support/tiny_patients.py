"""Patients of a few thousand voxels in milliseconds, with the contrasts of glioma: to fill data sets with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorseg.volume import BoolArray, FloatArray, LabelArray

SHAPE = (24, 40, 36)
"""(z, y, x)."""

_BRAIN = (11.0, 18.5, 16.5)  # semi-axes along z, y, x
_VENTRICLE = (5.0, 8.0, 4.0)
_RADII = (3.0, 5.0, 8.5)  # of necrosis, enhancing tumor and edema around each other

# Brightness of normal brain, fluid, necrosis, edema and enhancing tumor.
_CONTRASTS = {
    "t1": (500, 200, 300, 430, 450),
    "t1ce": (500, 210, 300, 430, 1000),
    "t2": (400, 900, 750, 700, 600),
    "flair": (450, 150, 600, 800, 650),
}
_TEXTURE = {"t1": 80, "t1ce": 80, "t2": -60, "flair": 60}


@dataclass(frozen=True)
class TinyPatient:
    """Volumes (z, y, x), whole numbers with 0 outside the brain, and engine labels; axes as BraTS (LPS)."""

    images: dict[str, FloatArray]
    labels: LabelArray


def tiny_patient(seed: int) -> TinyPatient:
    """A patient with necrosis, enhancing tumor and edema; other seeds differ in the folds, place and size."""
    random = np.random.default_rng(seed)
    size, side = random.uniform(0.9, 1.1), random.choice((-1, 1))
    tumor_at = (random.uniform(-3, 3), random.uniform(-6, 6), 6 * side)
    fluid = _ellipsoid(_VENTRICLE, (random.uniform(-3, 3), random.uniform(-6, 6), -8 * side))
    brain = _ellipsoid(_BRAIN, (0, 0, 0))
    labels = np.zeros(SHAPE, np.uint8)
    for label, radius in ((2, _RADII[2]), (3, _RADII[1]), (1, _RADII[0])):
        labels[brain & _ellipsoid((size * radius,) * 3, tumor_at)] = label
    tissues = np.select([labels == 1, labels == 2, labels == 3, fluid], [2, 3, 4, 1], 0)
    folds = ndimage.gaussian_filter(random.normal(size=SHAPE), 2)
    folds = folds / folds.std()
    return TinyPatient({name: _image(name, brain, tissues, folds, random) for name in _CONTRASTS}, labels)


def _image(
    name: str, brain: BoolArray, tissues: npt.NDArray[np.int64], folds: FloatArray, random: np.random.Generator
) -> FloatArray:
    values = np.array(_CONTRASTS[name])[tissues] + _TEXTURE[name] * folds + random.normal(0, 8, SHAPE)
    return np.where(brain, np.rint(np.maximum(values, 1)), 0).astype(np.float32)


def _ellipsoid(semi_axes: tuple[float, ...], at: tuple[float, ...]) -> BoolArray:
    axes = [np.arange(n) - (n - 1) / 2 - shift for n, shift in zip(SHAPE, at, strict=True)]
    grid = np.meshgrid(*axes, indexing="ij")
    return np.asarray(sum((a / s) ** 2 for a, s in zip(grid, semi_axes, strict=True)) <= 1)
