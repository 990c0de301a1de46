"""All files of a data set, whether they lie in folders, behind links, or in archives among them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tumorseg.errors import BadInputError
from tumorseg_training.archives import ARCHIVES, COMPRESSED_TARS, archive_members
from tumorseg_training.blobs import Blob, FileBlob


@dataclass(frozen=True)
class Entry:
    """One file.

    Attributes:
        path: from the data path on, which is the first part; an archive counts as a folder without its extension.
        blob: its bytes.
    """

    path: PurePosixPath
    blob: Blob


@dataclass
class Listing:
    """All files, and a sentence for each that is left out."""

    entries: list[Entry] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def list_files(root: Path) -> Listing:
    """Files below a folder or in an archive, sorted by path; hidden ones (also macOS's ``._x`` and ``__MACOSX``) not.

    Folders that links lead to several times, even in circles, are read once. An archive that cannot be read is a
    sentence in ``refused``, unless it is ``root`` itself. Archives within archives are not opened.

    Raises:
        BadInputError: there is neither a folder nor an archive.
    """
    listing = Listing()
    if root.is_dir():
        for path, file in _files_below(root):
            _add(listing, path, file)
    elif root.is_file() and root.suffix.lower() in ARCHIVES:
        _add_archive(listing, PurePosixPath(root.stem), root)
    elif root.exists():
        raise BadInputError(f"{root} is neither a folder nor a .zip or .tar archive; give what was downloaded.")
    else:
        raise BadInputError(f"The data folder {root} does not exist; check the path.")
    listing.entries.sort(key=lambda entry: entry.path)
    return listing


def check_outside(output: Path, data: Path) -> None:
    """Data are only read.

    Raises:
        BadInputError: the output would be written into the data.
    """
    if data.exists() and output.resolve().is_relative_to(data.resolve()):
        raise BadInputError(f"{output} lies in the data folder, which is only read; choose another with --output.")


def _files_below(root: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    """Path from the root on, and file. Breadth first: of several ways to a folder the shortest counts."""
    waiting = deque([(PurePosixPath(root.resolve().name), root)])
    seen: set[str] = set()
    while waiting:
        path, folder = waiting.popleft()
        if (real := os.path.realpath(folder)) in seen:
            continue
        seen.add(real)
        with os.scandir(folder) as found:
            items = sorted(found, key=lambda item: item.name)
        for item in items:
            if item.is_dir() and not _hidden(item.name):
                waiting.append((path / item.name, Path(item.path)))
            elif item.is_file():
                yield path / item.name, Path(item.path)


def _add(listing: Listing, path: PurePosixPath, file: Path) -> None:
    if _hidden(path.name):
        return
    if path.suffix.lower() not in ARCHIVES:
        if path.name.lower().endswith(COMPRESSED_TARS):
            listing.refused.append(f"{file} is not looked into, because it is compressed as a whole; unpack it.")
        listing.entries.append(Entry(path, FileBlob(file)))
        return
    try:
        _add_archive(listing, path.with_suffix(""), file)
    except BadInputError as error:
        listing.refused.extend(error.problems)


def _add_archive(listing: Listing, path: PurePosixPath, file: Path) -> None:
    members, refused = archive_members(file)
    listing.refused.extend(refused)
    for member, blob in members:
        if any(map(_hidden, member.parts)):
            continue
        if member.suffix.lower() in ARCHIVES or member.name.lower().endswith(COMPRESSED_TARS):
            listing.refused.append(f"{blob.location} is an archive in an archive and is not opened; unpack {file}.")
        else:
            listing.entries.append(Entry(path / member, blob))


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
