"""Volumes on their way to the worker: copied into a folder, with what they came from kept for the result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import slicer

from tumorseg.errors import BadInputError, TumorSegError
from tumorseg.sequences import DISPLAY_NAMES

from .result import Origin
from .run_files import RunFiles
from .translation import _
from .volumes import volumeFromNode


def handOver(
    inputs: Mapping[str, slicer.vtkMRMLScalarVolumeNode], surfaces: bool = False
) -> tuple[RunFiles, dict[str, Any], Origin]:
    """Copy the volumes into a folder for the worker: the folder, its entries in the request, what they came from.

    Raises:
        BadInputError: no volume, or a node that is not a usable one.
        TumorSegError: the folder cannot be written.
    """
    if not inputs:
        raise BadInputError(_("No volume is chosen; choose the volumes of one patient."))
    volumes = {name: volumeFromNode(node, DISPLAY_NAMES[name]) for name, node in inputs.items()}
    geometries = {name: volume.geometry for name, volume in volumes.items()}
    scene = next(iter(inputs.values())).GetScene()
    files = RunFiles()
    try:
        entries = {name: files.add(name, volumes.pop(name)) for name in inputs}
    except OSError as error:
        files.remove()
        raise TumorSegError(startSentence(error)) from error
    return files, entries, Origin(scene, dict(inputs), geometries, surfaces)


def startSentence(error: OSError) -> str:
    """Why neither a worker nor its folder can be had."""
    return _("The segmentation cannot be started ({error}); free disk space or repair the installation.").format(
        error=error
    )
