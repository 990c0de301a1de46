"""The slice version of BraTS 2020 on Kaggle: ``volume_<i>_slice_<j>.h5`` with the channels of one axial slice each.

``image`` is (x, y, channel) and already z-scored, ``mask`` (x, y, 3) holds NCR, ED and ET one by one. The files do not
say the order of the channels nor where the voxels lie; BraTS 2020 has one grid for all cases, which is taken.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import h5py
import numpy as np
import numpy.typing as npt

from tumorseg.errors import BadInputError
from tumorseg.regions import ET
from tumorseg.volume import Geometry, LabelArray, Volume
from tumorseg_training.blobs import Blob
from tumorseg_training.contrast import Tissues, channel_order

_FULL_ORIGIN = (0.0, -239.0, 0.0)  # BraTS 2020, LPS
_LARGEST_SIDE = 4096
_LOOKED_AT = 3  # cases, to tell the order of the channels


@dataclass(frozen=True)
class SliceStack:
    """The files of one volume, from the lowest slice up."""

    name: str
    slices: tuple[Blob, ...]

    def read(self, dataset: str) -> npt.NDArray[np.float32]:
        """The stack of ``image`` or ``mask``, (channel, z, y, x).

        Raises:
            BadInputError: a file that is damaged or unlike the others.
        """
        arrays = [_read_slice(blob, dataset) for blob in self.slices]
        if len({array.shape for array in arrays}) > 1:
            raise BadInputError(f"The slices of {self.name} differ in size; download them again.")
        return np.ascontiguousarray(np.stack(arrays).transpose(3, 0, 2, 1))

    def labels(self) -> LabelArray:
        """NCR 1, ED 2, ET 3, array (z, y, x).

        Raises:
            BadInputError: as ``read``, or masks of other than three regions.
        """
        masks = self.read("mask") > 0
        if masks.shape[0] != 3:
            raise BadInputError(f"The masks of {self.name} have {masks.shape[0]} channels instead of 3.")
        return np.select(list(masks), [1, 2, 3], default=0).astype(np.uint8)

    def tissues(self) -> Tissues:
        """For ``channel_order``; the background, a constant below 0 after z-scoring, becomes 0.

        Raises:
            BadInputError: as ``labels``, or other than four channels.
        """
        images = _images(self)
        if len(images) != 4:
            raise BadInputError(f"The slices of {self.name} have {len(images)} channels instead of 4.")
        return Tissues({str(channel): image for channel, image in enumerate(images)}, self.labels())


@dataclass(frozen=True)
class SliceSource:
    """One channel of a stack, or with ``channel`` None its labels; a ``Source``."""

    stack: SliceStack
    channel: int | None = None

    @property
    def name(self) -> str:
        """Name of the stack and what of it."""
        return f"{self.stack.name} ({'mask' if self.channel is None else f'channel {self.channel}'})"

    @property
    def location(self) -> str:
        """The first file."""
        return self.stack.slices[0].location

    def read_volume(self) -> Volume:
        """The channel on the grid of BraTS 2020, 0 outside the brain."""
        with _reading:
            array = _images(self.stack)[self.channel or 0]
        return Volume(array, _geometry(array.shape), self.name, {"file": self.location})

    def read_labels(self) -> tuple[LabelArray, Geometry]:
        """The labels on the grid of BraTS 2020, numbered as BraTS 2023 does."""
        labels = self.stack.labels()
        return labels, _geometry(labels.shape)

    def sha256(self) -> str:
        """Of the hashes of all files, and of the channel."""
        digests = [blob.sha256() for blob in self.stack.slices]
        return hashlib.sha256(" ".join([*digests, str(self.channel)]).encode()).hexdigest()


def identify_order(stacks: Sequence[SliceStack]) -> tuple[str, ...]:
    """The order of the channels, from the first stacks with enhancing tumor, which tells T1ce from T1.

    Raises:
        BadInputError: the data do not tell.
    """
    enhancing = (stack for stack in stacks if np.any(stack.labels() == ET))
    cases = [stack.tissues() for stack in islice(enhancing, _LOOKED_AT)]
    try:
        return channel_order(cases)
    except ValueError as error:
        raise BadInputError(f"The slices of {stacks[0].name} and others cannot be used: {error}.") from error


def without_background(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Channels (channel, z, y, x) with 0 outside the brain instead of what z-scoring made of the background.

    The corner of each slice lies outside; its value in all channels marks what else does. Voxels of the brain, which
    were brighter than the background, come to lie above 0.
    """
    levels = images[:, :, :1, :1]
    outside = np.all(images == levels, axis=0)
    return np.where(outside, np.float32(0), images - levels)


_reading = threading.Lock()


@lru_cache(maxsize=1)
def _images(stack: SliceStack) -> npt.NDArray[np.float32]:
    """All channels, because they lie in the same files and are asked for one after the other."""
    return without_background(stack.read("image"))


def _read_slice(blob: Blob, dataset: str) -> npt.NDArray[np.float32]:
    try:
        with blob.on_disk() as path, h5py.File(path, "r") as file:
            found = file.get(dataset)
            if not isinstance(found, h5py.Dataset) or found.ndim != 3 or max(found.shape) > _LARGEST_SIDE:
                raise BadInputError(f"{blob.location} holds no {dataset} of one slice; download it again.")
            return np.asarray(found, np.float32)
    except OSError as error:
        raise BadInputError(f"{blob.location} is incomplete or damaged; download it again.") from error


def _geometry(shape: tuple[int, ...]) -> Geometry:
    z, y, x = shape
    return Geometry((z, y, x), _FULL_ORIGIN)
