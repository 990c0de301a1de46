"""What results are called: after the patient and the time, so that no two look alike."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import datetime

import slicer

from tumorseg.images import READABLE, extension_of
from tumorseg.sequences import ALIASES

from .translation import _

TIME_FORMAT = "%Y-%m-%d %H:%M"

_SEQUENCE_AT_END = re.compile(rf"[\s_.-]*({'|'.join(sorted(ALIASES, key=len, reverse=True))})$", re.IGNORECASE)


def resultName(patient: str, time: datetime | None = None) -> str:
    """Name of a result, e.g. ``TCGA-DU-7294 tumor 2026-11-25 14:03``."""
    moment = (time or datetime.now()).strftime(TIME_FORMAT)
    return _("{patient} tumor {time}").format(patient=patient, time=moment).strip()


def patientName(nodes: Iterable[slicer.vtkMRMLScalarVolumeNode]) -> str:
    """What the patient is called: in the subject hierarchy, or by what the names of all volumes begin with.

    Args:
        nodes: the volumes of a run, the reference first.

    Returns:
        Empty when only the sequences have names.
    """
    volumes = list(nodes)
    for node in volumes:
        if name := hierarchyPatient(node):
            return name
    names = [_withoutExtension(node.GetName()) for node in volumes]
    common = os.path.commonprefix(names).rstrip(" _.-") if len(names) > 1 else ""
    # "t1" and "t1ce" have "t1" in common, which is nobody's name.
    shared = _SEQUENCE_AT_END.sub("", common) if common.lower() not in ALIASES else ""
    return shared if len(shared) > 1 else _SEQUENCE_AT_END.sub("", names[0]) if names else ""


def hierarchyPatient(node: slicer.vtkMRMLNode) -> str:
    """Name of the patient that a node belongs to in the subject hierarchy; empty without one."""
    scene = node.GetScene()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene) if scene is not None else None
    if hierarchy is None:
        return ""
    level = slicer.vtkMRMLSubjectHierarchyConstants.GetSubjectHierarchyLevelPatient()
    item = hierarchy.GetItemAncestorAtLevel(hierarchy.GetItemByDataNode(node), level)
    return hierarchy.GetItemName(item) if item != hierarchy.GetInvalidItemID() else ""


def _withoutExtension(name: str) -> str:
    extension = extension_of(name, READABLE)
    return name[: -len(extension)] if extension else name
