"""The private folder of one run: volumes travel to the worker as ``.npy`` files and results come back the same way."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .temporary import RUN_PREFIX, remove, removeForgotten, temporaryParent


class RunFiles:
    """A temporary folder that only this user can read.

    It is removed by ``remove()``, at the latest at exit; after a crash by a later session.
    """

    def __init__(self) -> None:
        removeForgotten(temporaryParent())
        self._folder = tempfile.TemporaryDirectory(prefix=RUN_PREFIX, ignore_cleanup_errors=True)

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return Path(self._folder.name)

    def array(self, name: str) -> npt.NDArray[np.uint8]:
        """An array (z, y, x) that the worker wrote; not memory-mapped: Windows deletes no mapped file."""
        return np.load(self.folder / Path(name).name, allow_pickle=False)

    def text(self, name: str) -> str:
        """A text that the worker wrote."""
        return (self.folder / Path(name).name).read_text(encoding="utf-8")

    def remove(self) -> None:
        """Delete the folder; if the system does not let go of a file yet, later, at the latest at exit."""
        self._folder.cleanup()
        remove(self.folder)
