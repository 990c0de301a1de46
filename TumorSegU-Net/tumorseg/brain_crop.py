"""The part of a case that holds the brain: what the network sees of it, and where its answer goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tumorseg.errors import BadInputError
from tumorseg.grids import WorkingGrid, box_around, nearest_to_lps, to_working, working_grid
from tumorseg.normalise import CROP_MARGIN, Box, bounding_box, brain_mask, network_input
from tumorseg.other_half import with_other_half
from tumorseg.volume import BoolArray, FloatArray, Geometry, Triple, Volume

TOUCHED = 1e-6
"""Part of a voxel that makes it brain where volumes of voxels no larger than the network's say what brain is:
interpolation leaves 0 only outside, but for rounding."""

HALF = 0.5
"""The same where a mask says it, or larger voxels: of slices of 5 mm the least touch would add a rim of faint air."""


@dataclass(frozen=True)
class BrainCrop:
    """A case cropped to its brain and normalised; nothing outside is ever resampled, predicted or measured.

    Attributes:
        box: of the brain in the reference volume (slices along z, y, x), with a margin.
        brain: mask (z, y, x) of the box; a coarser network's mask would cut the brain's surface off.
        grid: ``reference`` is the grid of the box, ``working`` that of ``channels``.
        channels: (input, z, y, x) float32, what the network gets.
        working_brain: mask (z, y, x) on the grid of the channels.
    """

    box: Box
    brain: BoolArray
    grid: WorkingGrid
    channels: FloatArray
    working_brain: BoolArray


def crop_to_brain(
    volumes: Sequence[Volume],
    reference: Geometry,
    spacing: Triple,
    normalisation: str,
    mask: Volume | None = None,
    other_half: bool = False,
) -> BrainCrop:
    """Crop to the brain, bring to the network's grid, normalise, and compare both halves where that is wanted.

    Args:
        volumes: in the model's channel order, all on the reference grid.
        reference: where the result will lie.
        spacing: voxel size (x, y, z) in mm that the network expects.
        normalisation: one of ``NORMALISERS``.
        mask: brain, not 0 inside and not empty, on the reference grid; where any volume differs from 0 if None.
        other_half: whether the difference of each channel from the other half of the brain follows the channels.

    Raises:
        BadInputError: the mask, or what the volumes show, is too small for the network's grid.
    """
    brain = brain_mask([volume.array for volume in volumes]) if mask is None else mask.array != 0
    box = bounding_box(brain)
    grid = _near(working_grid(reference, spacing), box)
    channels = [to_working(_cut(volume, box), grid) for volume in volumes]
    working_brain = _on_working(brain[box], grid, TOUCHED if mask is None and not _coarse(grid) else HALF)
    if not working_brain.any():
        what = f"The brain mask {mask.name}" if mask else "What the volumes show"
        raise BadInputError(f"{what} is empty on the network's grid; give one of the whole brain.")
    crop, inner = network_input(channels, working_brain, normalisation)
    inside = working_brain[inner]
    inputs = with_other_half(crop, inside, grid.working.spacing) if other_half else crop
    grid = replace(grid, working=grid.working.crop(inner))
    return BrainCrop(box, brain[box], grid, inputs, inside)


def _on_working(brain: BoolArray, grid: WorkingGrid, share: float) -> BoolArray:
    """The voxels of the working grid at least this part of which, interpolated, is brain."""
    return to_working(Volume(brain.astype(np.float32), grid.reference, "brain"), grid) >= share


def _coarse(grid: WorkingGrid) -> bool:
    """Whether a voxel of the reference is larger than the network's along any axis."""
    return bool(np.any(np.greater(nearest_to_lps(grid.reference).spacing, grid.working.spacing)))


def _cut(volume: Volume, box: Box) -> Volume:
    return replace(volume, array=volume.array[box], geometry=volume.geometry.crop(box))


def _near(grid: WorkingGrid, box: Box) -> WorkingGrid:
    """The part of a grid around a box of its reference, with the margin that the network's crop has."""
    reference = grid.reference.crop(box)
    if not grid.resampled:
        return working_grid(reference, grid.working.spacing)
    # One voxel more than the margin on either side: the network's brain may be that much larger.
    near = box_around(reference, grid.working, 1 + CROP_MARGIN)
    return WorkingGrid(reference, grid.working.crop(near), resampled=True)
