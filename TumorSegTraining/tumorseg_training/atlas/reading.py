"""Atlases from the files in which they are published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from tumorseg.errors import BadInputError
from tumorseg.images import read_labels, read_volume
from tumorseg.volume import FloatArray, Volume
from tumorseg_training.atlas.anatomy import Atlas, atlas_of

GREY, WHITE = 2, 3
"""Labels of the tissues of SRI24; 1 is CSF."""

_LABELS_BLUR_MM = 0.6
"""Standard deviation of the Gaussian that makes shares of labels."""

Shares = tuple[FloatArray, FloatArray]
"""Of grey and white matter, (z, y, x)."""


class Published(NamedTuple):
    """An atlas on disk: what it is called, its T1 without skull and the files that say where which tissue is."""

    name: str
    t1: str
    tissues: tuple[str, ...]
    read: Callable[[Volume, list[Path]], Shares]


def read_atlases(folder: Path) -> list[Atlas]:
    """Every atlas in a folder.

    Raises:
        BadInputError: no atlas, a part of one, or files that cannot be read or do not belong together.
    """
    found = [atlas for atlas in PUBLISHED if any((folder / name).is_file() for name in (atlas.t1, *atlas.tissues))]
    if not found:
        raise BadInputError(f"{folder} holds no atlas; it needs {' or '.join(map(_files, PUBLISHED))}.")
    return [_read(atlas, folder) for atlas in found]


def _files(atlas: Published) -> str:
    return f"{atlas.t1} with {' and '.join(atlas.tissues)} ({atlas.name})"


def _read(published: Published, folder: Path) -> Atlas:
    needed = (published.t1, *published.tissues)
    if missing := [name for name in needed if not (folder / name).is_file()]:
        raise BadInputError(f"{folder} lacks {', '.join(missing)} of the atlas {published.name}; put it there.")
    t1 = read_volume(folder / published.t1)
    grey, white = published.read(t1, [folder / name for name in published.tissues])
    for what, share in (("brain", t1.array > 0), ("gray matter", grey > 0.5), ("white matter", white > 0.5)):
        if not share.any():
            raise BadInputError(f"{published.name} in {folder} shows no {what}; download its files again.")
    return atlas_of(published.name, t1.array, grey, white, t1.geometry)


def _from_labels(t1: Volume, paths: list[Path]) -> Shares:
    """Shares from hard labels, softened so that borders have mixed voxels as in a scan."""
    labels, geometry = read_labels(paths[0])
    _check_grid(t1, Volume(labels.astype(np.float32), geometry, paths[0].name))
    sigmas = [_LABELS_BLUR_MM / step for step in t1.geometry.spacing[::-1]]
    grey, white = (gaussian_filter((labels == label).astype(np.float32), sigmas) for label in (GREY, WHITE))
    return grey, white


def _from_maps(t1: Volume, paths: list[Path]) -> Shares:
    """Shares from maps of gray and white matter with a common scale, together at most 1."""
    grey, white = (read_volume(path) for path in paths)
    for volume in (grey, white):
        _check_grid(t1, volume)
    unit = max(float(grey.array.max()), float(white.array.max()), 1e-6)
    total = np.maximum((grey.array + white.array) / unit, 1)
    return grey.array / unit / total, white.array / unit / total


def _check_grid(t1: Volume, other: Volume) -> None:
    if difference := t1.geometry.differences(other.geometry):
        raise BadInputError(
            f"{other.name} does not lie on the grid of {t1.name}: {', '.join(difference)}; take both from one release."
        )


PUBLISHED = (
    Published("SRI24", "sri24_t1_brain.nii.gz", ("sri24_tissues.nii.gz",), _from_labels),
    Published(
        "MNI152 2009a",
        "mni152_2009a_sym_t1_brain.nii.gz",
        ("mni152_2009a_sym_gm.nii.gz", "mni152_2009a_sym_wm.nii.gz"),
        _from_maps,
    ),
)
"""The atlases that are known, by the names of their files."""
