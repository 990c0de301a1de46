"""What travels between the worker and its parent in files: volumes in, the result's arrays and report out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorseg.errors import BadInputError, TumorSegError
from tumorseg.modelfile import Model
from tumorseg.sequences import SEQUENCES, Case
from tumorseg.volume import Geometry, Volume
from tumorseg.worker_inbox import Message

if TYPE_CHECKING:
    from tumorseg.pipeline import Result

LABELS_FILE = "labels.npy"
"""Written into the request's folder: labels (z, y, x) uint8 on the grid of the reference volume."""

UNCERTAINTY_FILE = "uncertainty.npy"
"""Beside it: uncertainty (z, y, x) uint8, 0 certain to 255, on the same grid."""


def folder_of(request: Message) -> Path:
    """The folder that a request shares with its parent.

    Raises:
        BadInputError: there is none.
    """
    folder = Path(str(request.get("folder") or ""))
    if not request.get("folder") or not folder.is_dir():
        raise BadInputError(f"The worker needs a folder with the voxels, but {request.get('folder')!r} is none.")
    return folder


def read_volumes(request: Message) -> dict[str, Volume]:
    """The volumes of a request, memory-mapped from its folder.

    Raises:
        BadInputError: an entry or file that cannot be used.
    """
    folder, entries = folder_of(request), request.get("volumes")
    if not isinstance(entries, dict):
        raise BadInputError("The request names no volumes; give one entry per sequence.")
    for sequence in entries:
        if sequence not in SEQUENCES:
            raise BadInputError(f"The worker does not know the sequence {sequence!r}; use {', '.join(SEQUENCES)}.")
    return {name: _volume(folder, name, entry) for name, entry in entries.items()}


def read_mask(request: Message) -> Volume | None:
    """The brain mask of a request; None without one.

    Raises:
        BadInputError: an entry or file that cannot be used.
    """
    entry = request.get("brain_mask")
    return None if entry is None else _volume(folder_of(request), "the brain mask", entry)


def _volume(folder: Path, role: str, entry: Mapping[str, Any]) -> Volume:
    try:
        array = np.load(folder / entry["file"], mmap_mode="r", allow_pickle=False)
        origin, spacing, direction = (tuple(map(float, entry[key])) for key in ("origin", "spacing", "direction"))
        name, provenance = entry["name"], dict(entry.get("provenance", {}))
    except (OSError, TypeError, ValueError) as error:
        called = entry.get("name", role) if isinstance(entry, dict) else role
        raise BadInputError(f"The worker cannot read the voxels of {called}: {error}.") from error
    except KeyError as error:
        raise BadInputError(f"The entry of {role} in the request has no {error}.") from error
    if array.ndim != 3 or (len(origin), len(spacing), len(direction)) != (3, 3, 9):
        raise BadInputError(f"The voxels of {name} are not a volume with its origin, spacing and direction.")
    geometry = Geometry(array.shape, origin, spacing, direction)  # type: ignore[arg-type]
    return Volume(array.astype(np.float32, copy=False), geometry, name, provenance)


def result_event(request: Message, case: Case, result: Result, model: Model) -> dict[str, Any]:
    """Write the arrays of a result, and its report if wanted, into the request's folder; the values of its event.

    Raises:
        TumorSegError: the folder is full or cannot be written any more.
    """
    from tumorseg.pipeline import reference_sequence
    from tumorseg.report import report_document

    folder = folder_of(request)
    try:
        names = _written(folder, request, case, result, model)
    except OSError as error:
        raise TumorSegError(
            f"The result does not fit into the temporary folder {folder} ({error.strerror or error}); "
            "free disk space and try again."
        ) from error
    return names | {"reference": reference_sequence(model.spec)} | report_document(result)


def _written(folder: Path, request: Message, case: Case, result: Result, model: Model) -> dict[str, Any]:
    """The names of what was written."""
    from tumorseg.report_html import HTML_REPORT_NAME, write_html_report

    np.save(folder / LABELS_FILE, result.labels)
    np.save(folder / UNCERTAINTY_FILE, result.maps.uncertainty_bytes)
    names = {"labels": LABELS_FILE, "uncertainty": UNCERTAINTY_FILE}
    if request.get("report"):
        title = request.get("case")
        write_html_report(result, case, folder / HTML_REPORT_NAME, model.spec.card, title and str(title))
        names["report"] = HTML_REPORT_NAME
    return names
