"""Takes the slow change of brightness over the head out of a volume, which a coil near one part of it leaves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorseg.volume import BoolArray, FloatArray

STRIDE = 2
"""Every second voxel along each axis takes part in the fit. With all of them no voxel of the seven real cases
at 2 mm differs by more than 0.08 standard deviations of the brain."""

ROUNDS = 20
"""Fits, each with weights from the one before. 60 change no voxel of the seven real cases at 2 mm by 0.001 standard
deviations of the brain; 5 would by up to 0.08."""

RIM = 2
"""Voxels of the mask's surface that take no part in the fit: the outermost are half empty, fluid lies under them."""

BIWEIGHT = 4.685
"""Standard deviations beyond which a voxel has no weight: Tukey's biweight at 95 % efficiency (Huber & Ronchetti,
Robust Statistics, 2nd edition, 2009)."""

SIGMA_PER_MAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

FloatVector = npt.NDArray[np.float64]


def flattened(channel: FloatArray, mask: BoolArray) -> FloatArray:
    """Subtract a second-order polynomial of the place, so that brightness no longer depends on it; 0 outside the mask.

    The polynomial is even from left to right: a coil brightens both sides, a tumor one. Its fit leaves out what stands
    out (tumor, fluid, vessels). Of a brighter volume, or one with more contrast, the result is as much brighter or has
    as much more contrast.

    Args:
        channel: intensities (z, y, x), x along the left-right axis.
        mask: brain, same shape.
    """
    part = (slice(None, None, STRIDE),) * 3
    inside = _inside(mask)[part]
    if not inside.any():
        inside = mask[part]
    values = channel[part][inside].astype(np.float64)
    surface = np.zeros((), np.float64)
    if values.size:
        axes = [_places(mask, axis) for axis in range(3)]
        surface = _surface(axes, _robust_fit(_terms(axes, np.nonzero(inside)), values))
    return np.where(mask, channel - surface.astype(channel.dtype), channel.dtype.type(0))


def _inside(mask: BoolArray) -> BoolArray:
    """The mask (z, y, x) without its surface."""
    return np.asarray(ndimage.binary_erosion(mask, iterations=RIM))


def _places(mask: BoolArray, axis: int) -> FloatVector:
    """Place of each voxel along an axis, from the middle of the mask, in half lengths of the axis."""
    along = np.arange(mask.shape[axis])
    middle = np.average(along, weights=np.count_nonzero(mask, axis=tuple({0, 1, 2} - {axis})))
    return (along - middle) / (len(along) / 2)


def _terms(axes: list[FloatVector], voxels: tuple[npt.NDArray[np.intp], ...]) -> npt.NDArray[np.float64]:
    """The polynomial's terms (voxel, term), in the order that ``_surface`` takes their factors."""
    z, y, x = (along[::STRIDE][index] for along, index in zip(axes, voxels, strict=True))
    return np.stack([np.ones_like(z), z, y, z * z, z * y, y * y, x * x], axis=1)


def _surface(axes: list[FloatVector], factors: FloatVector) -> npt.NDArray[np.float64]:
    """The polynomial (z, y, x) without its constant term, which says nothing about place."""
    z, y, x = axes[0][:, None], axes[1][None, :], axes[2]
    _, by_z, by_y, by_zz, by_zy, by_yy, by_xx = factors
    sagittal = by_z * z + by_y * y + by_zz * z * z + by_zy * z * y + by_yy * y * y
    return sagittal[:, :, None] + by_xx * x * x


def _robust_fit(terms: npt.NDArray[np.float64], values: FloatVector) -> FloatVector:
    """Factors of the terms (voxel, term) that fit the values (voxel) with Tukey's biweight."""
    weights = np.ones_like(values)
    factors = np.zeros(terms.shape[1])
    for _ in range(ROUNDS):
        weighted = terms * weights[:, None]
        factors = np.linalg.lstsq(weighted.T @ terms, weighted.T @ values, rcond=None)[0]
        rest = values - terms @ factors
        rest -= np.median(rest)
        scale = BIWEIGHT * SIGMA_PER_MAD * float(np.median(np.abs(rest)))
        if scale == 0:
            break
        weights = np.square(1 - np.square(np.clip(rest / scale, -1, 1)))
    return factors
