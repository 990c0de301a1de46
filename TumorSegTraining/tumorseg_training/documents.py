"""Small JSON documents with a version: written atomically, read with a sentence for everything that can be wrong."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tumorseg.atomic import atomic_path
from tumorseg.errors import BadInputError

Document = dict[str, Any]


def write_document(path: Path, document: Document) -> None:
    """Write JSON, completely or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def read_document(path: Path, version: int | None, remedy: str) -> Document:
    """Read a JSON object whose ``version`` is the given one.

    Args:
        path: the file.
        version: the one that this program understands; None for documents without.
        remedy: what the user can do when the file cannot be used, without a full stop.

    Raises:
        BadInputError: there is no such file, it is damaged or of another version.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BadInputError(f"There is no {path.name} in {path.parent}; {remedy}.") from error
    except ValueError as error:  # JSON and UTF-8 alike
        raise damaged(path, remedy) from error
    if not isinstance(document, dict):
        raise damaged(path, remedy)
    if document.get("version") != version:
        raise BadInputError(f"{path} is of version {document.get('version')}, this program needs {version}; {remedy}.")
    return document


def damaged(path: Path, remedy: str) -> BadInputError:
    """The problem of a file whose content is not what it should be."""
    return BadInputError(f"{path} is damaged or was changed by hand; {remedy}.")


def document_sha256(document: Document) -> str:
    """SHA-256 of the canonical JSON (sorted keys, no spaces), independent of how the file is laid out."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
