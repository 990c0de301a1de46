"""Tumors of other patients: cut out with a margin that fades, turned, scaled and bent, and laid into another brain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorseg.volume import BoolArray, FloatArray, LabelArray
from tumorseg_training.augment_draw import Draw, Sizes, rotation_matrix, triple
from tumorseg_training.augment_shape import cut_for, overlap, shaped
from tumorseg_training.tumor_edge import Scan, blended, fading, in_channels, tumor_box

ROTATION_DEGREES = 30.0
"""Largest rotation of a tumor about each axis."""

SCALE = (0.7, 1.2)
"""Range of the size of a tumor, relative to its own."""

ELASTIC_MM = 2.0
"""Standard deviation of the displacement that bends a tumor."""

LEAST_INSIDE = 0.9
"""Part of a tumor that must come to lie inside the brain; the rest is not shown."""

MOST_COVERED = 0.05
"""Part of a tumor that may come to lie over the host's own."""

SURFACE_MM = (2.0, 6.0)
"""Depths in the donor's brain from which on and to which a graft fades in: fluid at the surface stays where it is."""

ATTEMPTS = 24
"""Places that are tried, the first ones near to where the tumor lay in its own brain."""

_POINTS = 2000
"""Voxels of a tumor that are looked at for each place."""


@dataclass(frozen=True)
class Donor:
    """A tumor that was cut out.

    Attributes:
        stack: (channel + 1, z, y, x) float16, intensities times weight, then the weight, so that interpolation mixes
            no tissue from outside in.
        labels: (z, y, x).
        place: of its centre in the box of its brain, 0-1 along (z, y, x).
    """

    stack: npt.NDArray[np.float16]
    labels: LabelArray
    place: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Graft:
    """A tumor as it will be laid into a brain.

    Attributes:
        images: intensities (channel, z, y, x).
        weight: 0-1, (z, y, x).
        labels: (z, y, x), 0 where mostly the host will be seen.
        mirrored: whether left is right.
    """

    images: FloatArray
    weight: FloatArray
    labels: LabelArray
    mirrored: bool


def donor_of(scan: Scan, spacing: float) -> Donor | None:
    """Cut the tumor out of a scan with all sequences and divided labels; None where there is none.

    Args:
        scan: of the case.
        spacing: voxel size along each axis, mm.
    """
    if not scan.labels.any():
        return None
    box = tumor_box(scan.labels, spacing)
    brain = scan.brain
    labels = np.array(scan.labels[box])
    weight = fading(labels > 0, spacing) * _depth(brain[box], spacing)
    stack = np.concatenate([scan.images[in_channels(box)] * weight, weight[None]]).astype(np.float16)
    low, extent = _extent(brain)
    middle = np.argwhere(scan.labels).mean(axis=0)
    return Donor(stack, labels, (middle - low) / extent)


def transplanted(scan: Scan, donor: Donor, spacing: float, random: np.random.Generator) -> Scan:
    """The scan with the donor's tumor, at random; the scan itself where no place is found. The input is not changed.

    Args:
        scan: of the host, in the donor's channels.
        donor: whose tumor is used.
        spacing: voxel size along each axis, mm.
        random: where the numbers come from.
    """
    graft = turned(donor, spacing, random)
    z, y, x = donor.place
    corner = place_for(graft.labels, scan, np.array([z, y, 1 - x if graft.mirrored else x]), random)
    return scan if corner is None else pasted(scan, graft, corner)


def turned(donor: Donor, spacing: float, random: np.random.Generator) -> Graft:
    """The donor's tumor turned, mirrored (left and right), scaled and bent at random."""
    mirrored = bool(random.random() < 0.5)
    rotation = rotation_matrix(*np.deg2rad(random.uniform(-ROTATION_DEGREES, ROTATION_DEGREES, 3)))
    scale = random.uniform(*SCALE)
    size = triple(np.ceil(np.abs(rotation.T) @ donor.labels.shape * scale).astype(int))
    shown = triple(np.maximum(np.rint(np.divide(size, scale)), 1).astype(int))
    corner = triple(np.subtract(donor.labels.shape, shown) // 2)
    draw = Draw(
        corner, shown, (False, False, mirrored), rotation, ELASTIC_MM / spacing, seed=int(random.integers(2**63))
    )
    cut = cut_for(draw, size, donor.stack, donor.labels, range(len(donor.stack)))
    stack, labels = (array.numpy() for array in shaped(cut, draw, size))
    weight = stack[-1]
    return Graft(stack[:-1] / np.maximum(weight, 1e-3), weight, np.where(weight < 0.5, 0, labels), mirrored)


def place_for(
    labels: LabelArray, scan: Scan, wish: npt.NDArray[np.float64], random: np.random.Generator
) -> Sizes | None:
    """Where in a scan a box with a tumor can lie: its first voxel, which may be outside; None where it fits nowhere.

    Args:
        labels: (z, y, x) of the tumor.
        scan: of the host.
        wish: where its centre should lie in the box of the brain, 0-1 along (z, y, x); there and on the other side is
            tried by turns, farther and farther away.
        random: where the numbers come from.
    """
    voxels = np.argwhere(labels)
    if not len(voxels):
        return None
    centre = voxels.mean(axis=0)
    points = voxels[:: -(-len(voxels) // _POINTS)]
    brain = scan.brain
    low, extent = _extent(brain)
    for attempt in range(ATTEMPTS):
        place = wish + random.normal(0, 0.03 * (1 + attempt / 4), 3)
        if attempt % 2:
            place[2] = 1 - place[2]
        corner = np.rint(low + place * extent - centre).astype(int)
        if _fits(points + corner, brain, scan.labels):
            return triple(corner)
    return None


def pasted(scan: Scan, graft: Graft, corner: Sizes) -> Scan:
    """The scan with a graft whose first voxel lies at ``corner``; nothing outside the graft's weight changes.

    The host's own tumor stays wherever the graft has none.
    """
    inside, where = overlap(corner, graft.labels.shape, scan.labels.shape)
    images, labels = scan.images.copy(), np.array(scan.labels)
    shown = in_channels(where)
    host = images[shown].astype(np.float32)
    own = labels[where]
    new = np.where((host != 0).any(axis=0), graft.labels[inside], 0).astype(np.uint8)
    weight = np.where((own > 0) & (new == 0), 0, graft.weight[inside])
    images[shown] = blended(host, graft.images[in_channels(inside)], weight, (own == 0) & (new == 0))
    labels[where] = np.where(new > 0, new, own)
    return Scan(images, labels)


def _depth(brain: BoolArray, spacing: float) -> FloatArray:
    """0 at the surface of a brain (z, y, x), 1 in the depth."""
    start, end = SURFACE_MM
    depth = ndimage.distance_transform_edt(brain, sampling=spacing)
    return np.clip((depth - start) / (end - start), 0, 1).astype(np.float32)


def _fits(points: npt.NDArray[np.intp], brain: BoolArray, labels: LabelArray) -> bool:
    within = points[((points >= 0) & (points < brain.shape)).all(axis=1)]
    at = tuple(within.T)
    inside, covered = np.count_nonzero(brain[at]), np.count_nonzero(labels[at])
    return bool(inside >= LEAST_INSIDE * len(points) and covered <= MOST_COVERED * len(points))


def _extent(brain: BoolArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """First voxel and size (z, y, x) of the box around a brain."""
    sides = [np.flatnonzero(brain.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    low = np.array([side[0] for side in sides])
    return low, np.array([side[-1] for side in sides]) - low + 1
