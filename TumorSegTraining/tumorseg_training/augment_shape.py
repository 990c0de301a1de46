"""From a case to a patch: cut, scale, mirror, rotate and bend in one step, so that nothing is interpolated twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from tumorseg.normalise import Box
from tumorseg_training.augment_draw import Draw, Matrix, Sizes, triple

ELASTIC_CELL = 24
"""Voxels between the random vectors of an elastic displacement; in between it is interpolated."""


@dataclass(frozen=True)
class Cut:
    """The part of a case that a patch needs.

    Attributes:
        images: (channel, z, y, x), float16 as in the cache.
        labels: (z, y, x) uint8.
        corner: first voxel of the part in the case.
    """

    images: Tensor
    labels: Tensor
    corner: Sizes


def cut_for(
    draw: Draw,
    patch_size: Sizes,
    images: npt.NDArray[np.floating],
    labels: npt.NDArray[np.uint8],
    channels: Sequence[int],
    more: Callable[[Box], npt.NDArray[np.floating]] | None = None,
) -> Cut:
    """Read the part of a case (memory-mapped arrays) that a draw needs; 0 outside the case.

    Args:
        draw: of the patch.
        patch_size: (z, y, x) of the patch.
        images: (channel, z, y, x) of the whole case.
        labels: (z, y, x) of the whole case.
        channels: which channels, in which order.
        more: gives as many further channels (channel, z, y, x) of a part (slices along z, y, x) of the case.
    """
    if is_plain(draw):
        corner, size, mirrored = draw.corner, draw.size, draw.mirrored
    else:
        corner, size = _source_box(draw, patch_size, labels.shape)
        mirrored = (False, False, False)
    part = np.zeros((len(channels) * (2 if more else 1), *size), images.dtype)
    truth = np.zeros(size, np.uint8)
    (z, y, x), source = overlap(corner, size, labels.shape)
    for place, channel in enumerate(channels):
        part[place, z, y, x] = images[channel][source]
    if more:
        part[len(channels) :, z, y, x] = more(source)
    truth[z, y, x] = labels[source]
    if any(mirrored):
        z, y, x = (slice(None, None, -1 if reverse else 1) for reverse in mirrored)
        part, truth = np.ascontiguousarray(part[:, z, y, x]), np.ascontiguousarray(truth[z, y, x])
    return Cut(torch.from_numpy(part), torch.from_numpy(truth), corner)


def is_plain(draw: Draw) -> bool:
    """Whether the axes of the patch are those of the case: no rotation, no elastic displacement."""
    return draw.rotation is None and not draw.elastic


def shaped(cut: Cut, draw: Draw, patch_size: Sizes) -> tuple[Tensor, Tensor]:
    """The patch in its final shape.

    Args:
        cut: of the same draw.
        draw: of the patch.
        patch_size: (z, y, x).

    Returns:
        Intensities (channel, *patch_size) float32, interpolated linearly, and labels (*patch_size) uint8, nearest.
    """
    images = cut.images.float()
    if not is_plain(draw):
        return _sampled(images, cut.labels, _sampling_grid(cut, draw, patch_size))
    if draw.size == patch_size:
        return images, cut.labels
    return resized(images, patch_size), _resized_labels(cut.labels, patch_size)


def resized(images: Tensor, size: Sizes) -> Tensor:
    """Stretch (channel, z, y, x) to (channel, *size); voxels are cells that fill the same space before and after."""
    return functional.interpolate(images[None], size=size, mode="trilinear", align_corners=False)[0]


def _resized_labels(labels: Tensor, size: Sizes) -> Tensor:
    return functional.interpolate(labels[None, None], size=size, mode="nearest-exact")[0, 0]


def _matrix(draw: Draw, patch_size: Sizes) -> Matrix:
    """From offsets to the patch's centre to offsets to the part's centre, in voxels (z, y, x)."""
    rotation = np.eye(3) if draw.rotation is None else draw.rotation
    signs = np.where(draw.mirrored, -1.0, 1.0)
    return np.asarray(rotation * (signs * np.divide(draw.size, patch_size)))


def _source_box(draw: Draw, patch_size: Sizes, shape: Sequence[int]) -> tuple[Sizes, Sizes]:
    """Corner and size of the part of the case where a turned or bent patch can lie; at least one voxel."""
    centre = np.add(draw.corner, np.subtract(draw.size, 1) / 2)
    reach = np.abs(_matrix(draw, patch_size)) @ (np.subtract(patch_size, 1) / 2) + 3 * draw.elastic
    low = np.clip(np.floor(centre - reach), 0, np.subtract(shape, 1)).astype(int)
    high = np.clip(np.ceil(centre + reach) + 1, low + 1, shape).astype(int)
    return triple(low), triple(high - low)


def overlap(corner: Sizes, size: Sizes, shape: Sequence[int]) -> tuple[Box, Box]:
    """Where a box (first voxel may be outside) overlaps with a case of a shape: slices in the box, and in the case."""
    low = np.clip(corner, 0, shape)
    high = np.clip(np.add(corner, size), low, shape)
    z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    inside_z, inside_y, inside_x = (
        slice(side.start - first, side.stop - first) for side, first in zip((z, y, x), corner, strict=True)
    )
    return (inside_z, inside_y, inside_x), (z, y, x)


def _sampling_grid(cut: Cut, draw: Draw, patch_size: Sizes) -> Tensor:
    """Where in the cut each voxel of the patch lies, as ``grid_sample`` wants it: (1, z, y, x, 3).

    It counts axes from x, and from -1 to 1 between the outer faces of the first and the last voxel.
    """
    sizes = np.array(cut.labels.shape, float)
    centre = np.add(draw.corner, np.subtract(draw.size, 1) / 2) - cut.corner
    start = (2 * centre + 1) / sizes - 1
    columns = _matrix(draw, patch_size).T * (2 / sizes)
    along = [
        (np.arange(size) - (size - 1) / 2)[:, None] * column for size, column in zip(patch_size, columns, strict=True)
    ]
    z, y, x = (_reversed(steps, cut.images.device) for steps in along)
    grid = z[:, None, None] + (y[:, None] + (x + _reversed(start, cut.images.device)))
    if draw.elastic:
        grid += _displacement(draw, patch_size, cut.images.device) * _reversed(2 / sizes, cut.images.device)
    return grid[None]


def _reversed(values: npt.NDArray[np.float64], device: torch.device) -> Tensor:
    """Vectors (..., 3) of axes z, y, x as float32 of axes x, y, z."""
    return torch.from_numpy(np.ascontiguousarray(values[..., ::-1])).float().to(device)


def _displacement(draw: Draw, patch_size: Sizes, device: torch.device) -> Tensor:
    """Smooth random vectors (z, y, x, 3) in voxels, at most three standard deviations long per axis."""
    random = torch.Generator().manual_seed(draw.seed)
    cells = [max(2, -(-size // ELASTIC_CELL) + 1) for size in patch_size]
    vectors = torch.randn((1, 3, *cells), generator=random).clamp_(-3, 3).mul_(draw.elastic).to(device)
    smooth = functional.interpolate(vectors, size=patch_size, mode="trilinear", align_corners=True)
    return smooth[0].movedim(0, -1)


def _sampled(images: Tensor, labels: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    patch = functional.grid_sample(images[None], grid, padding_mode="zeros", align_corners=False)[0]
    truth = functional.grid_sample(
        labels[None, None].float(), grid, mode="nearest", padding_mode="zeros", align_corners=False
    )
    return patch, truth[0, 0].to(torch.uint8)
