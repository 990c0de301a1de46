"""Small cases made on the fly: a ball of brain with a bright core, on any grid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from tumorseg.images import to_image
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Geometry, Volume

SMALL = Geometry(shape=(20, 22, 24), origin=(-10.0, 5.0, 30.0))
"""1 mm, identity direction."""

HEAD_SIZED = replace(SMALL, spacing=(6.5, 6.5, 6.5))
"""The same grid with coarse voxels: a ball of 1.0 L, whose side is told."""


def small_case(geometry: Geometry = SMALL, seed: int = 0) -> dict[str, Volume]:
    """Four different volumes: 0 outside a ball, noise inside, brightest in the middle of T1ce."""
    random = np.random.default_rng(seed)
    distance = _distance(geometry)
    radius = min(n * s for n, s in zip(geometry.shape[::-1], geometry.spacing, strict=True)) / 2 - 1.5
    case = {}
    for number, sequence in enumerate(SEQUENCES):
        values = 100 * (number + 1) + random.normal(0, 5, geometry.shape) + 200 * np.exp(-((distance / 3) ** 2))
        array = np.where(distance < radius, values, 0).astype(np.float32)
        case[sequence] = Volume(array, geometry, f"Case_{sequence}.nii.gz")
    return case


def expected_threshold_labels(volume: Volume) -> npt.NDArray[np.uint8]:
    """What ``threshold_model`` finds: z-scores above 0, 1 and 2 are edema, core and enhancing tumor."""
    brain = volume.array != 0
    scores = (volume.array - volume.array[brain].mean()) / volume.array[brain].std()
    labels = np.zeros(volume.array.shape, np.uint8)
    for limit, label in ((0, 2), (1, 1), (2, 3)):
        labels[brain & (scores > limit)] = label
    return labels


def write_case(case: dict[str, Volume], folder: Path) -> dict[str, Path]:
    """Write the volumes as ``Case_<sequence>.nii.gz``."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {sequence: folder / volume.name for sequence, volume in case.items()}
    for sequence, path in files.items():
        sitk.WriteImage(to_image(case[sequence].array, case[sequence].geometry), str(path))
    return files


def _distance(geometry: Geometry) -> npt.NDArray[np.float64]:
    """Distance (mm) of every voxel from the centre of the grid, array (z, y, x)."""
    axes = [
        (np.arange(n) - (n - 1) / 2) * spacing
        for n, spacing in zip(geometry.shape, geometry.spacing[::-1], strict=True)
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return np.sqrt(x**2 + y**2 + z**2)
