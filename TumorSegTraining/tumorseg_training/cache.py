"""The cache: per case one float16 array of the normalised brain crop and one uint8 label array, memory-mapped.

Files ``<case>-<key>.npy``, ``<case>-<key>.seg.npy`` and ``<case>-<key>.json``; the key is a hash of the source files,
so a changed source makes a new entry. The arrays are what the engine feeds its network, so training sees what a
clinician's run sees.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tumorseg.atomic import atomic_path
from tumorseg.errors import BadInputError
from tumorseg.grids import to_working, working_grid
from tumorseg.guard import blocking, check_case
from tumorseg.normalise import network_input
from tumorseg.volume import FloatArray, LabelArray, Volume
from tumorseg_training.cases import LabelledCase, read_labelled

CACHE_VERSION = 1
"""Raised whenever what is stored changes."""


@dataclass(frozen=True)
class CachedCase:
    """One prepared case on disk.

    Attributes:
        name: of the case.
        images: file with the array (channel, z, y, x) float16.
        labels: file with the array (z, y, x) uint8, engine labels.
    """

    name: str
    images: Path
    labels: Path

    def load(self) -> tuple[npt.NDArray[np.float16], LabelArray]:
        """Both arrays, memory-mapped."""
        return np.load(self.images, mmap_mode="r"), np.load(self.labels, mmap_mode="r")


def prepare(cases: Iterable[LabelledCase], folder: Path, channels: Sequence[str]) -> list[CachedCase]:
    """Bring every case into the cache; complete entries are kept.

    Raises:
        BadInputError: a case that cannot be used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [_prepare_case(case, folder, channels) for case in cases]


def _prepare_case(case: LabelledCase, folder: Path, channels: Sequence[str]) -> CachedCase:
    stem = f"{case.name}-{_content_key(case, channels)}"
    cached = CachedCase(case.name, folder / f"{stem}.npy", folder / f"{stem}.seg.npy")
    sidecar = folder / f"{stem}.json"
    if sidecar.exists():
        return cached
    images, labels = _network_arrays(case, channels)
    _save(cached.images, images.astype(np.float16))
    _save(cached.labels, labels)
    with atomic_path(sidecar) as temporary:
        temporary.write_text(json.dumps({"case": case.name, "channels": list(channels), "shape": images.shape}))
    return cached


def _network_arrays(case: LabelledCase, channels: Sequence[str]) -> tuple[FloatArray, LabelArray]:
    """Normalised channels (channel, z, y, x) and labels (z, y, x) of the brain crop."""
    volumes, truth, geometry = read_labelled(case, channels)
    if problems := blocking(check_case(volumes, channels)):
        raise BadInputError([f"{case.name}: {finding.sentence}" for finding in problems])
    grid = working_grid(geometry, (1.0, 1.0, 1.0))
    if grid.resampled:
        raise BadInputError(f"{case.name} is not on a 1 mm grid; training cases must be, as BraTS is.")
    images, box = network_input([to_working(volumes[name], grid) for name in channels])
    truth_volume = Volume(truth.astype(np.float32), geometry, case.segmentation.name)
    return images, to_working(truth_volume, grid)[box].astype(np.uint8)


def _content_key(case: LabelledCase, channels: Sequence[str]) -> str:
    hashes = [case.images[name].sha256() for name in channels] + [case.segmentation.sha256()]
    return hashlib.sha256("\n".join([str(CACHE_VERSION), *channels, *hashes]).encode()).hexdigest()[:16]


def _save(path: Path, array: npt.NDArray[np.generic]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, array)
