"""Several files as one result, a folder or a zip, that is there completely or not at all."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from tumorseg.atomic import atomic_path
from tumorseg.errors import BadInputError
from tumorseg.images import check_folder

Files = Mapping[str, bytes]
"""Content by path within the result, with forward slashes."""


def check_new_folder(path: Path) -> None:
    """Make sure, before the work, that a folder can be made.

    Raises:
        BadInputError: something is there already, or the place cannot be written to.
    """
    if path.exists():
        raise BadInputError(f"{path} exists already; name a new folder, or remove it first.")
    check_folder(path.parent)


def write_folder(path: Path, files: Files) -> None:
    """Write files into a new folder."""
    temporary = path.with_name(f".tmp-{secrets.token_hex(4)}-{path.name}")
    try:
        for name, content in files.items():
            target = temporary / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_zip(path: Path, files: Files, root: str = "") -> None:
    """Write files into a zip, below a folder ``root`` if one is named."""
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{root}/{name}" if root else name, content)


def torch_bytes(value: dict[str, Any]) -> bytes:
    """What ``torch.save`` writes, for tensors and plain values: ``torch.load(weights_only=True)`` reads it."""
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()
