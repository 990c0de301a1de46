"""Voxels that were handed over before: a run takes those that its check has written, without another copy.

Hard links share them: each run has names of its own, and the voxels go with the last name. Where a disk knows no hard
links, every request gets its own copy.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .run_files import RunFiles
from .temporary import remove


class VoxelFiles:
    """The voxels of one set of volumes, known by their state: a number that every change of the voxels makes another.

    A private folder holds them until they are forgotten, other volumes take their place, or the application ends.
    """

    def __init__(self) -> None:
        self._files: RunFiles | None = None
        self._known: dict[int, Path] = {}
        self._numbers = itertools.count(1)

    def write(self, state: int, array: npt.NDArray[np.generic], path: Path) -> None:
        """Have voxels (z, y, x) in a new ``.npy`` file, which shares the kept ones where these are the same.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        kept = self._known.get(state)
        if kept is None or not _link(kept, path):
            np.save(path, array)

    def keep(self, paths: Mapping[int, Path]) -> None:
        """Keep the voxels of these files, by state, and no others."""
        for state in self._known.keys() - paths.keys():
            remove(self._known.pop(state))
        for state in paths.keys() - self._known.keys():
            kept = self._folder() / f"{next(self._numbers)}.npy"
            if _link(paths[state], kept):
                self._known[state] = kept

    def forget(self) -> None:
        """Keep nothing."""
        self._known.clear()
        if self._files is not None:
            self._files.remove()
            self._files = None

    def _folder(self) -> Path:
        if self._files is None:
            self._files = RunFiles()
        return self._files.folder


def _link(source: Path, target: Path) -> bool:
    """Give a file a second name. Returns whether that worked."""
    try:
        os.link(source, target)
    except OSError:  # no hard links here, or somebody has cleared the temporary folders
        return False
    return True
