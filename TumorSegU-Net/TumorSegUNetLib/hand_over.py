"""Volumes on their way to the worker: written into a folder, with what they came from kept for the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import slicer

from tumorseg.errors import BadInputError, TumorSegError
from tumorseg.sequences import DISPLAY_NAMES

from .brain_masks import MaskNode, viewOfMask
from .result import Origin
from .run_files import RunFiles
from .translation import _
from .volumes import NodeVolume, viewOfNode
from .voxel_files import VoxelFiles

Inputs: TypeAlias = "Mapping[str, slicer.vtkMRMLScalarVolumeNode]"
"""Volume node per sequence (t1, t1ce, t2, flair); a model needs not all of them."""

MASK = "brain_mask"
"""What the worker calls the brain mask among what it is handed."""


@dataclass(frozen=True)
class HandOver:
    """Volumes that the worker can read.

    Attributes:
        files: the folder.
        entries: the volumes' entries in the request.
        brainMask: that of the brain mask; None without one.
        origin: what they came from.
    """

    files: RunFiles
    entries: Mapping[str, Any]
    brainMask: Mapping[str, Any] | None
    origin: Origin


def handOver(
    inputs: Inputs, voxels: VoxelFiles, brainMask: MaskNode | None = None, surfaces: bool = False, keep: bool = False
) -> HandOver:
    """Write the volumes into a folder for the worker: straight from the nodes' memory, or not at all if it has them.

    Args:
        inputs: the volume nodes; later changes do not matter to what was handed over.
        voxels: those that were handed over before.
        brainMask: says where the brain is.
        surfaces: whether the result gets closed surfaces.
        keep: whether these voxels will be wanted again.

    Raises:
        BadInputError: no volume, or a node that is not a usable one.
        TumorSegError: the folder cannot be written.
    """
    if not inputs:
        raise BadInputError(_("No volume is chosen; choose the volumes of one patient."))
    volumes = {name: viewOfNode(node, DISPLAY_NAMES[name]) for name, node in inputs.items()}
    seen = volumes if brainMask is None else {**volumes, MASK: viewOfMask(brainMask)}
    scene = next(iter(inputs.values())).GetScene()
    files = RunFiles()
    try:
        entries = {name: _write(name, volume, files, voxels) for name, volume in seen.items()}
        if keep:
            voxels.keep({volume.state: files.folder / entries[name]["file"] for name, volume in seen.items()})
    except OSError as error:
        files.remove()
        raise TumorSegError(startSentence(error)) from error
    geometries = {name: volume.geometry for name, volume in volumes.items()}
    return HandOver(files, entries, entries.pop(MASK, None), Origin(scene, dict(inputs), geometries, surfaces))


def startSentence(error: OSError) -> str:
    """Why neither a worker nor its folder can be had."""
    return _("The segmentation cannot be started ({error}); free disk space or repair the installation.").format(
        error=error
    )


def _write(name: str, volume: NodeVolume, files: RunFiles, voxels: VoxelFiles) -> dict[str, Any]:
    """Write a volume or mask; returns its entry in the worker's request."""
    file = f"{name}.npy"
    voxels.write(volume.state, volume.array, files.folder / file)
    geometry = volume.geometry
    return {
        "file": file,
        "name": volume.name,
        "origin": list(geometry.origin),
        "spacing": list(geometry.spacing),
        "direction": list(geometry.direction),
        "provenance": dict(volume.provenance),
    }
