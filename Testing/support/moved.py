"""A head that moved between two scans: the same volume, turned, shifted, and on another grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import SimpleITK as sitk

from support.models import threshold_model
from tumorseg.images import to_image
from tumorseg.modelfile import Model
from tumorseg.phantom import make_patient
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import FloatArray, Geometry, Triple, Volume

HEAD = Geometry((39, 60, 60), (-118.0, -118.0, -76.0), (4.0, 4.0, 4.0))
"""Holds a synthetic patient at 4 mm; the centre of the grid is the origin."""


def head_patient(name: str = "{sequence}") -> dict[str, Volume]:
    """Four contrasts of a synthetic patient on ``HEAD``; ``name`` is what the volumes are called."""
    images = make_patient(3, HEAD.shape, HEAD.spacing[0]).images
    return {s: Volume(images[s].astype(np.float32), HEAD, name.format(sequence=s)) for s in SEQUENCES}


def head_model(*channels: str) -> Model:
    """Calls tumor what is bright in the second channel, T1ce unless others are given; voxels as those of ``HEAD``."""
    model = threshold_model((0.8, 1.4, 2.0), (32, 32, 32))
    return replace(model, spec=replace(model.spec, channels=channels or model.spec.channels, spacing=HEAD.spacing))


def moved(
    volume: Volume,
    degrees: Sequence[float],
    shift: Sequence[float],
    grid: Geometry | None = None,
    spacing: Triple | None = None,
) -> tuple[Volume, sitk.Euler3DTransform]:
    """Scan a head again after it moved.

    Args:
        volume: the first scan.
        degrees: turn about x, y and z of LPS, about the centre of the grid.
        shift: of the head, mm in LPS.
        grid: of the second scan; the first one's, or where that does not hold the head the same around it, if None.
        spacing: voxels of the second scan instead of the grid, with its extent.

    Returns:
        The second scan, and the motion from places of the first scan to those of the second one.
    """
    motion = sitk.Euler3DTransform()
    motion.SetCenter(volume.geometry.corners_lps().mean(axis=0).tolist())
    motion.SetRotation(*np.radians(degrees).tolist())
    motion.SetTranslation([float(millimetres) for millimetres in shift])
    grid = grid or _grid(volume.geometry, shift, spacing)
    array = _scanned(_blurred(volume, grid), grid, motion)
    brain = _scanned(to_image((volume.array != 0).astype(np.float32), volume.geometry), grid, motion) > 0.5
    return replace(volume, array=np.where(brain, array, np.float32(0)), geometry=grid), motion


def _scanned(image: sitk.Image, grid: Geometry, motion: sitk.Euler3DTransform) -> FloatArray:
    moved_image = sitk.Resample(
        image,
        grid.shape[::-1],
        motion.GetInverse(),
        sitk.sitkLinear,
        grid.origin,
        grid.spacing,
        grid.direction,
        0.0,
        sitk.sitkFloat32,
    )
    return np.asarray(sitk.GetArrayFromImage(moved_image))


def _grid(first: Geometry, shift: Sequence[float], spacing: Triple | None) -> Geometry:
    """The first grid, which goes along with a large shift."""
    if max(map(abs, shift)) > 20:
        x, y, z = np.add(first.origin, shift).tolist()
        first = replace(first, origin=(x, y, z))
    if spacing is None:
        return first
    nz, ny, nx = (round(size / step) for size, step in zip(first.extent_mm[::-1], spacing[::-1], strict=True))
    return replace(first, shape=(nz, ny, nx), spacing=spacing)


def _blurred(volume: Volume, grid: Geometry) -> sitk.Image:
    """As thick slices average: a Gaussian of half their thickness along the nearest axis."""
    axes = np.abs(np.reshape(volume.geometry.direction, (3, 3)).T @ np.reshape(grid.direction, (3, 3))).argmax(axis=1)
    sigmas = [max(grid.spacing[axis] / 2, 1e-3) for axis in axes]
    image = to_image(volume.array, volume.geometry)
    if np.allclose(grid.spacing, volume.geometry.spacing):
        return image
    return sitk.SmoothingRecursiveGaussian(image, sigmas)
