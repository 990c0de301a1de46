"""Where an image of a case comes from: a file, a member of an archive, one volume of a 4-D file, a stack of slices."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from tumorseg.errors import BadInputError
from tumorseg.images import read_labels, read_volume
from tumorseg.volume import Geometry, LabelArray, Volume
from tumorseg_training.blobs import Blob


class Source(Protocol):
    """An image that can be read; picklable, so that other processes can."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def location(self) -> str:
        """Where it lies, in full."""

    def read_volume(self) -> Volume:
        """The image as an MR volume, float32 (z, y, x).

        Raises:
            BadInputError: one sentence on why it cannot be used.
        """

    def read_labels(self) -> tuple[LabelArray, Geometry]:
        """The image as a label map, uint8 (z, y, x) with the numbers of the file, and its grid.

        Raises:
            BadInputError: one sentence on why it cannot be used.
        """

    def sha256(self) -> str:
        """Hexadecimal hash that changes with what is read."""


@dataclass(frozen=True)
class ImageSource:
    """An image file, in a folder or an archive.

    Attributes:
        blob: the file.
        frame: which volume of a 4-D file; None for a file of one volume.
    """

    blob: Blob
    frame: int | None = None

    @property
    def name(self) -> str:
        """File name."""
        return self.blob.name if self.frame is None else f"{self.blob.name}, volume {self.frame}"

    @property
    def location(self) -> str:
        """Path of the file, through its archive."""
        return self.blob.location

    def read_volume(self) -> Volume:
        """As ``Source``."""
        with self._file() as path:
            volume = read_volume(path, self.name, self.frame)
        return replace(volume, provenance={**volume.provenance, "file": self.location})

    def read_labels(self) -> tuple[LabelArray, Geometry]:
        """As ``Source``."""
        with self._file() as path:
            return read_labels(path)

    def sha256(self) -> str:
        """Of the file's bytes, and of the number of the volume where there are several."""
        digest = self.blob.sha256()
        return digest if self.frame is None else hashlib.sha256(f"{digest} {self.frame}".encode()).hexdigest()

    @contextmanager
    def _file(self) -> Iterator[Path]:
        """The file on disk; problems name the place the user knows, not the temporary copy."""
        try:
            with self.blob.on_disk() as path:
                try:
                    yield path
                except BadInputError as error:
                    problems = [problem.replace(str(path), self.location) for problem in error.problems]
                    raise BadInputError(problems) from error
        except OSError as error:
            raise BadInputError(f"{self.location} cannot be read ({error.strerror or error}).") from error
