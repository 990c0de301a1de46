"""The private folder of one run: volumes travel to the worker as ``.npy`` files and labels come back as one."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tumorseg.volume import LabelArray, Volume


class RunFiles:
    """A temporary folder that only this user can read; removed by ``remove()`` and at the latest at exit."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tumorseg-run-", ignore_cleanup_errors=True)

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return Path(self._folder.name)

    def add(self, sequence: str, volume: Volume) -> dict[str, Any]:
        """Write a volume; returns its entry in the worker's request.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        file = f"{sequence}.npy"
        np.save(self.folder / file, volume.array)
        geometry = volume.geometry
        return {
            "file": file,
            "name": volume.name,
            "origin": list(geometry.origin),
            "spacing": list(geometry.spacing),
            "direction": list(geometry.direction),
            "provenance": dict(volume.provenance),
        }

    def labels(self, event: Mapping[str, Any]) -> LabelArray:
        """The labels (z, y, x) that a result event names; not memory-mapped: Windows deletes no mapped file."""
        return np.load(self.folder / event["labels"], allow_pickle=False)

    def remove(self) -> None:
        """Delete the folder."""
        self._folder.cleanup()
