"""The cache: per case one float16 array of the normalised brain crop and one uint8 label array, memory-mapped.

Files ``<case>-<key>.npy``, ``<case>-<key>.seg.npy`` and, written last, ``<case>-<key>.json`` with what is known about
them; the key is a hash of the sources, so a changed source makes a new entry. The arrays are what the engine feeds its
network, so training sees what a clinician's run sees.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tumorseg.atomic import atomic_path
from tumorseg.errors import BadInputError
from tumorseg.grids import WorkingGrid, to_working, working_grid
from tumorseg.guard import blocking, check_case
from tumorseg.normalise import Box, brain_mask, network_input
from tumorseg.outside import with_zero_outside
from tumorseg.regions import UNDIVIDED
from tumorseg.volume import LabelArray, Volume
from tumorseg_training.cases import LabelledCase, read_labelled
from tumorseg_training.conventions import Convention
from tumorseg_training.documents import document_sha256, write_document
from tumorseg_training.fingerprint import fingerprint
from tumorseg_training.fingerprint_text import from_text, to_text
from tumorseg_training.working_labels import labels_on_working

CACHE_VERSION = 5
"""Raised whenever what is stored changes; with another number nothing that was kept is used again."""

CACHED = ("zscore-brain", "zscore-flat")
"""Normalisations that a cache can hold, of those of the model file; the others are computed from the first of them."""


def cached_as(normalisation: str) -> str:
    """The cached normalisation that one of the model file is made from."""
    return normalisation if normalisation in CACHED else CACHED[0]


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

    @property
    def sidecar(self) -> Path:
        """File with the facts."""
        return self.images.with_suffix(".json")


@dataclass(frozen=True)
class Facts:
    """What the sidecar says about a cached case.

    Attributes:
        channels: sequence of each channel.
        sequences: those that the case has; the other channels are 0 everywhere.
        undivided: the truth holds the whole tumor only.
        outside: labelled voxels outside the crop, which are lost.
        shape: of the crop, (z, y, x).
        box: first and end voxel of the crop along (z, y, x) in the working grid of the whole volume.
        affine: 4x4, from homogeneous voxel indices (x, y, z) of the crop to mm in LPS.
        mean: of each present sequence over the brain, before normalisation.
        std: standard deviation, likewise.
        sources: SHA-256 of the source of each present sequence and of the segmentation (``seg``).
        fingerprint: to recognise the scan in other data, text.
        sizes: bytes of the files of images and labels.
    """

    channels: list[str]
    sequences: list[str]
    undivided: bool
    outside: int
    shape: list[int]
    box: list[list[int]]
    affine: list[list[float]]
    mean: dict[str, float]
    std: dict[str, float]
    sources: dict[str, str]
    fingerprint: str
    sizes: list[int]


@dataclass(frozen=True)
class Entry:
    """A case in the cache: its arrays, the facts, and whether it was written just now."""

    cached: CachedCase
    facts: Facts
    fresh: bool

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(self.facts.sizes)


def cache_case(
    case: LabelledCase,
    folder: Path,
    channels: Sequence[str],
    spacing: float = 1.0,
    normalisation: str = CACHED[0],
) -> Entry:
    """Bring one case into the cache; a complete entry is kept.

    Args:
        case: which may lack some of the sequences, but not all.
        folder: of the cache; exists.
        channels: sequence of each channel.
        spacing: voxel size of the cache along each axis, mm.
        normalisation: one of ``CACHED``.

    Raises:
        BadInputError: the case cannot be used.
    """
    present = [name for name in channels if name in case.images]
    if not present:
        raise BadInputError(f"{case.name} has none of the sequences {', '.join(channels)}; leave the case out.")
    sources = {name: case.images[name].sha256() for name in present} | {"seg": case.segmentation.sha256()}
    settings: dict[str, object] = {"version": CACHE_VERSION, "channels": list(channels), "spacing": spacing}
    if normalisation != CACHED[0]:  # not otherwise, so that what older versions cached is found
        settings["normalisation"] = normalisation
    key = document_sha256({**settings, "sources": sources})
    name = re.sub(r"[^\w.-]", "_", case.name)
    stem = f"{name}-{key[:16]}"
    cached = CachedCase(case.name, folder / f"{stem}.npy", folder / f"{stem}.seg.npy")
    facts = read_facts(cached)
    # A file that was renamed to say that its label is the whole tumor has the hash that it had before.
    if facts and (facts.undivided or case.convention is not Convention.WHOLE_TUMOR):
        return Entry(cached, _recognisable(cached, case, facts), fresh=False)
    return Entry(cached, _write_entry(cached, case, channels, sources, spacing, normalisation), fresh=True)


def read_facts(cached: CachedCase) -> Facts | None:
    """What is known about a cached case; None unless all of its files are there and complete."""
    try:
        facts = Facts(**json.loads(cached.sidecar.read_text(encoding="utf-8"))["facts"])
        sizes = [path.stat().st_size for path in (cached.images, cached.labels)]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return facts if sizes == facts.sizes else None


def _write_entry(
    cached: CachedCase,
    case: LabelledCase,
    channels: Sequence[str],
    sources: Mapping[str, str],
    spacing: float,
    normalisation: str,
) -> Facts:
    present = [name for name in channels if name in case.images]
    volumes, truth, grid = _read(case, present, spacing)
    arrays = {name: to_working(volumes[name], grid) for name in present}
    normalised, box = network_input(list(arrays.values()), normalisation=normalisation)
    labels = labels_on_working(truth, grid)
    brain = brain_mask(list(arrays.values()))
    images = np.zeros((len(channels), *normalised.shape[1:]), np.float16)
    images[[list(channels).index(name) for name in present]] = normalised
    facts = Facts(
        channels=list(channels),
        sequences=list(present),
        undivided=bool(np.any(labels == UNDIVIDED)),
        outside=int(np.count_nonzero(labels) - np.count_nonzero(labels[box])),
        shape=list(normalised.shape[1:]),
        box=[[side.start, side.stop] for side in box],
        affine=_crop_affine(grid, box),
        mean={name: float(array[brain].mean(dtype=np.float64)) for name, array in arrays.items()},
        std={name: float(array[brain].std(dtype=np.float64)) for name, array in arrays.items()},
        sources=dict(sources),
        fingerprint=to_text(fingerprint(volumes)),
        sizes=[_save(cached.images, images), _save(cached.labels, labels[box])],
    )
    _write_facts(cached, facts)
    return facts


def _recognisable(cached: CachedCase, case: LabelledCase, facts: Facts) -> Facts:
    """The facts with a fingerprint of every sequence; older versions kept that of one, which a copy may lack."""
    known = from_text(facts.fingerprint)
    if known is None or known.blocks.keys() == set(facts.sequences):
        return facts
    volumes = {name: case.images[name].read_volume() for name in facts.sequences}
    facts = replace(facts, fingerprint=to_text(fingerprint(volumes)))
    _write_facts(cached, facts)
    return facts


def _write_facts(cached: CachedCase, facts: Facts) -> None:
    write_document(cached.sidecar, {"version": CACHE_VERSION, "case": cached.name, "facts": asdict(facts)})


def _read(
    case: LabelledCase, sequences: Sequence[str], spacing: float
) -> tuple[dict[str, Volume], LabelArray, WorkingGrid]:
    """Volumes and truth (z, y, x) of a case, and the plan of its grid, once nothing speaks against them."""
    volumes, truth, geometry = read_labelled(case, sequences)
    if problems := blocking(check_case(volumes, sequences)):
        raise BadInputError([f"{case.name}: {finding.sentence}" for finding in problems])
    if working_grid(geometry, (1.0, 1.0, 1.0)).resampled:
        raise BadInputError(f"{case.name} is not on a 1 mm grid; training cases must be, as BraTS is.")
    return with_zero_outside(volumes)[0], truth, working_grid(geometry, (spacing, spacing, spacing))


def _crop_affine(grid: WorkingGrid, box: Box) -> list[list[float]]:
    corner = np.eye(4)
    corner[:3, 3] = [side.start for side in box[::-1]]
    return (grid.working.index_to_lps @ corner).tolist()


def _save(path: Path, array: npt.NDArray[np.generic]) -> int:
    """Write the array and tell the size of the file.

    Through memory, because numpy's own way does not say that a disk is full.
    """
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    with atomic_path(path) as temporary:
        return temporary.write_bytes(buffer.getbuffer())
