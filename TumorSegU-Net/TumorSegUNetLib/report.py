"""The report of a result: its HTML travels with the scene and is written to a file when it is wanted."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import slicer

from tumorseg.atomic import atomic_path
from tumorseg.errors import BadInputError

from .hierarchy import placeBeside
from .temporary import REPORT_PREFIX
from .translation import _

ROLE = "TumorSegUNet.report"
"""Node reference of a segmentation to the text of its report."""

_folders: list[Path] = []
"""Of reports written to be opened; one per process, made when the first is."""


def keepReport(segmentation: slicer.vtkMRMLSegmentationNode, html: str) -> slicer.vtkMRMLTextNode:
    """Keep a report in the scene, beside its segmentation."""
    scene = segmentation.GetScene()
    name = _("{segmentation} report").format(segmentation=segmentation.GetName())
    node = scene.AddNewNodeByClass("vtkMRMLTextNode", scene.GenerateUniqueName(name))
    node.SetText(html)
    placeBeside(segmentation, node)
    segmentation.SetNodeReferenceID(ROLE, node.GetID())
    return node


def reportText(segmentation: slicer.vtkMRMLSegmentationNode) -> str | None:
    """The report of a segmentation as HTML; None without one."""
    node = segmentation.GetNodeReference(ROLE)
    return node.GetText() or None if node is not None else None


def reportFile(segmentation: slicer.vtkMRMLSegmentationNode) -> Path | None:
    """The report as a file to be opened; it is removed when the application ends. None without a report.

    Raises:
        OSError: the file cannot be written.
    """
    if reportText(segmentation) is None:
        return None
    return saveReport(segmentation, _folder() / f"{segmentation.GetID()}.html")


def saveReport(segmentation: slicer.vtkMRMLSegmentationNode, path: str | os.PathLike[str]) -> Path:
    """Write the report of a segmentation to a file, complete or not at all.

    Raises:
        BadInputError: the segmentation has no report.
        OSError: the file cannot be written.
    """
    text = reportText(segmentation)
    if text is None:
        raise BadInputError(f'"{segmentation.GetName()}" has no report; segment once more to get one.')
    with atomic_path(Path(path)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)


def _folder() -> Path:
    if not _folders:
        _folders.append(Path(tempfile.mkdtemp(prefix=REPORT_PREFIX)))
        atexit.register(shutil.rmtree, _folders[0], ignore_errors=True)
    _folders[0].mkdir(mode=0o700, exist_ok=True)  # systems clear their temporary folders after some days
    return _folders[0]
