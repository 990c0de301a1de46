"""An atlas as brains are made from it: tissue shares, the texture of its T1, and distances, on the atlas's own grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy.ndimage import map_coordinates

from tumorseg.images import to_image
from tumorseg.normalise import bounding_box
from tumorseg.volume import BoolArray, FloatArray, Geometry

STANDARD_CENTRE = (6.0, 13.0, 0.0)
"""Middle (z, y, x) mm of the box around a brain in the standard space of ``tumorseg.phantom``; with its usual scale
brains come to lie where the seven cases of BraTS 2021 at hand have them, within 3 mm on average."""

STANDARD_SIZE = 152.0
"""Cubic root (mm) of the volume of that box; with the phantom's usual scale of 0.965 the 147 mm of those cases."""

DEEP = 0.2
"""CSF farther below the surface than this part of the brain's size (about 30 mm) is in the ventricles."""

MARGIN = 4
"""Voxels kept around the brain."""

_TEXTURE_LIMIT = 0.3
_FAR = 1e3  # mm: distance to ventricles that an atlas does not have


@dataclass(frozen=True)
class Atlas:
    """An atlas; all arrays (z, y, x) float32.

    Attributes:
        name: what users call it.
        grey: share (0-1) of grey matter.
        white: share of white matter; the rest is CSF.
        texture: what the tissues leave unexplained of the T1, relative to the brightness of white matter.
        surface: distance to the border of the brain, mm, negative inside.
        ventricles: distance to CSF deep in the brain, likewise.
        geometry: of the arrays.
        middle: of the box around the brain, (x, y, z) mm in LPS.
        scale: size of the brain relative to the standard one.
    """

    name: str
    grey: FloatArray
    white: FloatArray
    texture: FloatArray
    surface: FloatArray
    ventricles: FloatArray
    geometry: Geometry
    middle: npt.NDArray[np.float64]
    scale: float

    def indices(self, positions: FloatArray, mirrored: bool) -> FloatArray:
        """Fractional voxels (3, ...) along (z, y, x) of positions in the standard brain.

        Args:
            positions: (3, ...) along (z, y, x) mm, pointing to superior, posterior and left.
            mirrored: whether the atlas's left is shown on the right.
        """
        scale = np.diag([self.scale, self.scale, -self.scale if mirrored else self.scale])
        to_voxels = np.linalg.inv(self.geometry.index_to_lps)
        turn = to_voxels[:3, :3][::-1, ::-1] @ scale  # of (x, y, z) to (z, y, x)
        shift = (to_voxels @ [*self.middle, 1.0])[2::-1] - turn @ STANDARD_CENTRE
        moved = np.tensordot(turn.astype(np.float32), positions, 1)
        return np.asarray(moved + shift.astype(np.float32).reshape(3, *[1] * (positions.ndim - 1)), np.float32)


def at(field: FloatArray, indices: FloatArray) -> FloatArray:
    """Values of an array (z, y, x) at fractional voxels (3, ...), linear; outside the border value."""
    return np.asarray(map_coordinates(field, indices, order=1, mode="nearest"), np.float32)


def atlas_of(name: str, t1: FloatArray, grey: FloatArray, white: FloatArray, geometry: Geometry) -> Atlas:
    """An atlas from its T1 without skull, 0 outside the brain, and shares of grey and white matter, all (z, y, x)."""
    box = bounding_box(t1 > 0, MARGIN)
    t1, grey, white, geometry = t1[box], grey[box], white[box], geometry.crop(box)
    surface = _signed_distance(t1 > 0, geometry)
    low, high = _box_lps(t1 > 0, geometry)
    size = float(np.prod(high - low)) ** (1 / 3)
    deep = (grey + white < 0.5) & (surface < -DEEP * size)
    ventricles = _signed_distance(deep, geometry) if deep.any() else np.full_like(surface, _FAR)
    texture = _texture(t1, grey, white, surface)
    return Atlas(name, grey, white, texture, surface, ventricles, geometry, (low + high) / 2, size / STANDARD_SIZE)


def _texture(t1: FloatArray, grey: FloatArray, white: FloatArray, surface: FloatArray) -> FloatArray:
    """T1 minus the mean of its tissues; fades out within 3 mm of the border, where voxels are partly outside."""
    brain = t1 > 0
    shares = np.stack([1 - grey[brain] - white[brain], grey[brain], white[brain]], axis=1).astype(np.float64)
    means = np.linalg.lstsq(shares, t1[brain].astype(np.float64), rcond=None)[0]
    texture = np.zeros_like(t1)
    texture[brain] = np.clip((t1[brain] - shares @ means) / means[2], -_TEXTURE_LIMIT, _TEXTURE_LIMIT)
    return np.asarray(texture * np.clip(-surface / 3, 0, 1), np.float32)


def _signed_distance(mask: BoolArray, geometry: Geometry) -> FloatArray:
    """Distance (mm) to the border of a mask (z, y, x), negative inside."""
    image = to_image(mask.astype(np.uint8), geometry)
    distance = sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True)
    return np.asarray(sitk.GetArrayFromImage(distance), np.float32)


def _box_lps(brain: BoolArray, geometry: Geometry) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Lowest and highest corner (x, y, z) mm of the box around a brain (z, y, x)."""
    inside = np.argwhere(brain)[:, ::-1]
    corners = np.stack([inside.min(axis=0) - 0.5, inside.max(axis=0) + 0.5])
    matrix = geometry.index_to_lps
    low, high = np.sort(corners @ matrix[:3, :3].T + matrix[:3, 3], axis=0)
    return low, high
