"""What a result was made from, told by the JSON document beside it: whether it may be kept or replaced."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tumorseg.atomic import atomic_path
from tumorseg.errors import BadInputError
from tumorseg.modelfile import file_sha256
from tumorseg.pipeline import Result
from tumorseg.report import REPORT_NAME, report_document
from tumorseg.report_html import HTML_REPORT_NAME
from tumorseg.sequences import DISPLAY_NAMES, SEQUENCES

OPTIONS = "options"
"""Of a record: what was chosen that changes the result and is not in the provenance, by the name in ``DIFFERENCES``."""

DIFFERENCES: Mapping[str, str] = {
    "model_sha256": "model",
    "labels": "--labels",
    "tta": "--tta",
    "register": "--no-register",
} | {f"input_{sequence}_sha256": DISPLAY_NAMES[sequence] for sequence in SEQUENCES}
"""What must be the same for a result to be kept, and what a user calls it."""


def input_hashes(files: Mapping[str, Path]) -> dict[str, str]:
    """SHA-256 of the files by their provenance keys, without those that cannot be read: reading them says why."""
    hashes = {}
    for sequence, path in files.items():
        try:
            hashes[f"input_{sequence}_sha256"] = file_sha256(path)
        except OSError:
            continue
    return hashes


def check_report_folder(folder: Path, files: Mapping[str, Path]) -> None:
    """Refuse a folder whose report is of other volumes; one of the same volumes may be replaced.

    Raises:
        BadInputError: it is of others, or does not say of which.
    """
    report = folder / REPORT_NAME
    if not any(os.path.lexists(path) for path in (report, folder / HTML_REPORT_NAME)):
        return
    made_from = (read_record(report) or {}).get("provenance", {})
    hashes = input_hashes(files)
    common = made_from.keys() & hashes.keys()
    if hashes and (not common or any(made_from[key] != hashes[key] for key in common)):
        raise BadInputError(
            f"{folder} holds a report of other volumes, or one that does not say of which; choose another folder."
        )


def read_record(path: Path) -> dict[str, Any] | None:
    """The document of ``report.json`` or of a record; None where it is none of ours or cannot be read."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(document, dict) and isinstance(document.get("provenance"), dict)
    return document if ours and "measurements" in document else None


def write_record(result: Result, path: Path, options: Mapping[str, str]) -> None:
    """Write the report of a result with what was chosen, atomically; an earlier record is replaced.

    Raises:
        BadInputError: the system refuses, or another program's file has that name.
    """
    if os.path.lexists(path) and read_record(path) is None:
        raise BadInputError(f"{path} is not a record of a result; move it, or choose another folder.")
    try:
        with atomic_path(path) as temporary:
            text = json.dumps({**report_document(result), OPTIONS: dict(options)}, indent=1)
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"{path} could not be written; check the free space and choose another place.") from error


def kept_record(result: Path, record: Path, wanted: Mapping[str, str]) -> dict[str, Any]:
    """The record of a result that is there already.

    Args:
        result: the file.
        record: the JSON document beside it.
        wanted: what a run would write now, by the keys of ``DIFFERENCES``.

    Raises:
        BadInputError: the result was made otherwise, or nothing says how.
    """
    document = read_record(record)
    if document is None:
        raise BadInputError(
            f"{result} was there already, and no {record.name} beside it says from which volumes it was made "
            "(older versions wrote none); delete it or choose another folder."
        )
    made = {**document["provenance"], **document.get(OPTIONS, {})}
    if different := [name for key, name in DIFFERENCES.items() if made.get(key) != wanted.get(key)]:
        raise BadInputError(
            f"{result} was made from other volumes or options ({', '.join(different)}); "
            "delete it or choose another folder."
        )
    return document
