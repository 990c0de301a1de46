"""Bytes that lie somewhere: a file, or a member of a zip or tar archive that is never unpacked."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from tumorseg.errors import BadInputError
from tumorseg.modelfile import file_sha256


class Blob(ABC):
    """One file of a data set."""

    @property
    @abstractmethod
    def location(self) -> str:
        """Full path, through the archive where there is one; for messages."""

    @property
    def name(self) -> str:
        """Last part of the location."""
        return PurePosixPath(self.location.replace(os.sep, "/")).name

    @abstractmethod
    def read(self) -> bytes:
        """All bytes.

        Raises:
            BadInputError: the archive is damaged there.
            OSError: the system refuses.
        """

    def sha256(self) -> str:
        """Hexadecimal SHA-256 of the bytes."""
        return hashlib.sha256(self.read()).hexdigest()

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """A file with these bytes and this extension: readers of image formats need one."""
        with tempfile.TemporaryDirectory() as folder:
            # The name is ours, so whatever an archive calls its member cannot lead out of the folder.
            path = Path(folder) / ("member" + "".join(PurePosixPath(self.name).suffixes[-2:]))
            path.write_bytes(self.read())
            yield path


@dataclass(frozen=True)
class FileBlob(Blob):
    """A file."""

    path: Path

    @property
    def location(self) -> str:
        """The path as it was given."""
        return str(self.path)

    def read(self) -> bytes:
        """All bytes."""
        return self.path.read_bytes()

    def sha256(self) -> str:
        """Hexadecimal SHA-256, without holding the file in memory."""
        return file_sha256(self.path)

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """The file itself."""
        yield self.path


@dataclass(frozen=True)
class ZipBlob(Blob):
    """A member of a zip archive; ``archives.zip_members`` has checked its name and size."""

    archive: Path
    member: str

    @property
    def location(self) -> str:
        """Archive and member."""
        return f"{self.archive}/{self.member}"

    def read(self) -> bytes:
        """All bytes, checksum verified; no more than the directory of the archive says."""
        try:
            return _opened_zip(self.archive, os.getpid()).read(self.member)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise BadInputError(f"{self.location} is damaged ({error}); download {self.archive} again.") from error


@dataclass(frozen=True)
class TarBlob(Blob):
    """A member of an uncompressed tar archive, which is a stretch of its bytes."""

    archive: Path
    member: str
    start: int
    size: int

    @property
    def location(self) -> str:
        """Archive and member."""
        return f"{self.archive}/{self.member}"

    def read(self) -> bytes:
        """All bytes."""
        with self.archive.open("rb") as stream:
            stream.seek(self.start)
            content = stream.read(self.size)
        if len(content) < self.size:
            raise BadInputError(f"{self.location} is incomplete; download {self.archive} again.")
        return content


@lru_cache(maxsize=8)
def _opened_zip(archive: Path, _process: int) -> zipfile.ZipFile:
    """Opened once per process: the directory of a large archive takes long to read, and a position in the file that
    two processes share would be moved by both."""
    return zipfile.ZipFile(archive)
