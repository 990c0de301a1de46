"""A cached case as it is looked at: brightness from 0 to 1, slices in radiological orientation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from tumorseg.errors import BadInputError
from tumorseg.images import read_labels, to_image
from tumorseg.regions import REGIONS
from tumorseg.volume import BoolArray, FloatArray, Geometry, LabelArray
from tumorseg_training.cache import read_facts
from tumorseg_training.prepared import Prepared, PreparedCase

Scalar = TypeVar("Scalar", bound=np.generic)

DARKEST, BRIGHTEST = 1.0, 99.7
"""Percentiles of the brain that are shown black and white."""

PLANES = ("axial", "coronal", "sagittal")
"""Fixed axis of each is that of the array: z, y, x."""

EDGES = {"axial": ("R", "L", "A", "P"), "coronal": ("R", "L", "S", "I"), "sagittal": ("A", "P", "S", "I")}
"""What lies at the left, right, upper and lower edge: the patient's right is at the left, as radiologists look."""


@dataclass(frozen=True)
class CaseView:
    """A case on the grid of its crop, cubic voxels, axes to the left, back and top of the patient.

    Attributes:
        name: of the case.
        images: brightness (z, y, x), 0 to 1, of each sequence that the case has.
        labels: of the expert (z, y, x).
        geometry: of the crop.
    """

    name: str
    images: dict[str, FloatArray]
    labels: LabelArray
    geometry: Geometry

    @property
    def voxel_mm(self) -> float:
        """Edge of a voxel."""
        return self.geometry.spacing[0]

    def position(self, labels: LabelArray | None = None) -> tuple[int, int, int]:
        """Voxel (z, y, x) on whose slices most of the tumor core lies, or of the whole tumor when there is no core."""
        shown = self.labels if labels is None else labels
        core = np.isin(shown, REGIONS["TC"])
        mask = core if core.any() else shown > 0
        return _most(mask, 0), _most(mask, 1), _most(mask, 2)


def load_view(prepared: Prepared, case: PreparedCase) -> CaseView:
    """Read a case from the cache.

    Raises:
        BadInputError: the cache is damaged.
    """
    facts = read_facts(case.cached)
    if facts is None:
        raise BadInputError(f"The cache of {case.name} in {prepared.folder} is damaged; prepare the data again.")
    stored, labels = case.cached.load()
    brain = (np.asarray(stored) != 0).any(axis=0)
    images = {name: _brightness(stored[prepared.channels.index(name)], brain) for name in case.sequences}
    geometry = geometry_of_affine(np.array(facts.affine), labels.shape)
    return CaseView(case.name, images, np.asarray(labels), geometry)


def geometry_of_affine(affine: npt.NDArray[np.float64], shape: tuple[int, ...]) -> Geometry:
    """The geometry of a grid (z, y, x) whose indices (x, y, z) the matrix (4, 4) brings to mm in LPS."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    x, y, z = affine[:3, 3].tolist()
    width, height, depth = spacing.tolist()
    planes, rows, columns = shape
    direction = tuple((affine[:3, :3] / spacing).ravel().tolist())
    return Geometry((planes, rows, columns), (x, y, z), (width, height, depth), direction)


def read_prediction(path: Path, view: CaseView) -> LabelArray:
    """Predicted labels, brought from the grid of their file to that of the view by taking the nearest voxel.

    Raises:
        BadInputError: the file cannot be read.
    """
    labels, geometry = read_labels(path)
    target = to_image(view.labels, view.geometry)
    moved = sitk.Resample(to_image(labels, geometry), target, sitk.Transform(), sitk.sitkNearestNeighbor)
    return np.asarray(sitk.GetArrayFromImage(moved))


def plane(array: npt.NDArray[Scalar], name: str, position: tuple[int, int, int]) -> npt.NDArray[Scalar]:
    """The slice through a voxel, rows from the upper edge of the picture, columns from the left one."""
    axis = PLANES.index(name)
    cut = np.take(array, position[axis], axis=axis)
    return cut if name == "axial" else cut[::-1]


def framed(array: npt.NDArray[Scalar], shape: tuple[int, ...]) -> npt.NDArray[Scalar]:
    """A slice in the middle of background of a shape, so that slices of different sizes are shown at one scale."""
    room = np.subtract(shape, array.shape)
    return np.pad(array, [(before, after) for before, after in zip(room // 2, room - room // 2, strict=True)])


def _most(mask: BoolArray, axis: int) -> int:
    """Where the mask has most voxels along an axis."""
    others = tuple(other for other in range(3) if other != axis)
    counts = mask.sum(axis=others)
    return int(counts.argmax()) if counts.any() else mask.shape[axis] // 2


def _brightness(channel: npt.NDArray[np.float16], brain: BoolArray) -> FloatArray:
    values = np.asarray(channel, np.float32)
    low, high = np.percentile(values[brain], (DARKEST, BRIGHTEST))
    shown = np.clip((values - low) / max(high - low, 1e-6), 0, 1)
    return np.where(brain, shown, 0).astype(np.float32)
