"""What is in a zip or tar archive, looked at with suspicion: nothing is ever unpacked to where a member's name points.

Members whose names lead out of the archive, links, devices, encrypted and huge members are left out and named.
"""

from __future__ import annotations

import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tumorseg.errors import BadInputError
from tumorseg.image_integrity import MAX_BYTES
from tumorseg_training.blobs import Blob, TarBlob, ZipBlob

ARCHIVES = (".zip", ".tar")
COMPRESSED_TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_COMPRESSED_START = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ")

Members = list[tuple[PurePosixPath, Blob]]


def archive_members(path: Path) -> tuple[Members, list[str]]:
    """The files in an archive and a sentence for each thing that is left out.

    Raises:
        BadInputError: it is no archive, damaged from the start, or compressed as a whole.
    """
    return zip_members(path) if path.suffix.lower() == ".zip" else tar_members(path)


def zip_members(path: Path) -> tuple[Members, list[str]]:
    """As ``archive_members``, for zip.

    Raises:
        BadInputError: it is no zip archive, cut off, or cannot be opened.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError) as error:
        raise BadInputError(f"{path} is not a complete zip archive ({error}); download it again.") from error
    members: Members = []
    refused = []
    for info in infos:
        if problem := _zip_problem(info):
            refused.append(_left_out(path, info.filename, problem))
        else:
            members.append((PurePosixPath(info.filename), ZipBlob(path, info.filename)))
    return members, refused


def tar_members(path: Path) -> tuple[Members, list[str]]:
    """As ``archive_members``, for tar; what can be read of an archive that ends early is read.

    Raises:
        BadInputError: it is no tar archive, damaged from the start, compressed as a whole, or cannot be opened.
    """
    members: Members = []
    refused: list[str] = []
    try:
        if _is_compressed(path):
            raise BadInputError(f"{path} is compressed as a whole, so single files cannot be read from it; unpack it.")
        with tarfile.open(path, "r:") as archive:
            for info in _each(archive, path, refused):
                if problem := _tar_problem(info):
                    refused.append(_left_out(path, info.name, problem))
                elif info.isreg():
                    blob = TarBlob(path, info.name, info.offset_data, info.size)
                    members.append((PurePosixPath(info.name), blob))
    except (tarfile.TarError, OSError) as error:
        raise BadInputError(f"{path} is not a complete tar archive ({error}); download it again.") from error
    return members, refused


def _is_compressed(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(8).startswith(_COMPRESSED_START)


def _each(archive: tarfile.TarFile, path: Path, refused: list[str]) -> Iterator[tarfile.TarInfo]:
    try:
        yield from archive
    except tarfile.ReadError:
        refused.append(f"{path} ends early; what comes before the end is read. Download it again.")


def _zip_problem(info: zipfile.ZipInfo) -> str:
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link"
    if info.flag_bits & 1:
        return "is encrypted"
    return _name_problem(info.filename) or _size_problem(info.file_size)


def _tar_problem(info: tarfile.TarInfo) -> str:
    if info.issym() or info.islnk():
        return "is a link"
    if info.issparse() or not (info.isreg() or info.isdir()):
        return "is not a plain file"
    return _name_problem(info.name) or _size_problem(info.size)


def _name_problem(name: str) -> str:
    # A backslash is a separator on Windows, "C:" a drive.
    parts = re.split(r"[/\\]", name)
    outside = not parts[0] or ".." in parts or re.match("[A-Za-z]:", name) or "\0" in name
    return "has a name that leads out of the archive" if outside else ""


def _size_problem(size: int) -> str:
    return f"has more than {MAX_BYTES >> 30} GiB" if size > MAX_BYTES else ""


def _left_out(path: Path, member: str, problem: str) -> str:
    return f"{member!r} in {path} {problem} and is left out."
