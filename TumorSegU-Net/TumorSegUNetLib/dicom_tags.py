"""What DICOM says about a loaded volume: through the application's database, where there is one."""

from __future__ import annotations

from collections.abc import Callable

import slicer

from .hierarchy import ancestorItem, hierarchyOf

INSTANCE_UIDS = "DICOM.instanceUIDs"
"""Attribute of volume nodes that were loaded from the database."""

Lookup = Callable[[str, str], str]
"""Value of a tag (``0008,103e``) of an instance (its UID)."""


def databaseLookup() -> Lookup | None:
    """How tags are looked up in the application; None where there is no DICOM database."""
    database = getattr(slicer, "dicomDatabase", None)
    return database.instanceValue if database is not None and database.isOpen else None


def dicomValue(node: slicer.vtkMRMLNode, tag: str, lookup: Lookup | None = None) -> str:
    """Value of a tag of the volume's first instance; empty where it is unknown.

    Args:
        node: a volume.
        tag: e.g. ``0008,103e``, in lower case.
        lookup: instead of the application's database.
    """
    look = lookup or databaseLookup()
    uids = (node.GetAttribute(INSTANCE_UIDS) or "").split()
    return (look(uids[0], tag) or "").strip() if look is not None and uids else ""


def dicomNumber(node: slicer.vtkMRMLNode, tag: str, lookup: Lookup | None = None) -> float | None:
    """Value of a numeric tag; None where it is unknown or no number."""
    try:
        return float(dicomValue(node, tag, lookup).split("\\")[0])
    except ValueError:
        return None


def patientId(node: slicer.vtkMRMLNode, lookup: Lookup | None = None) -> str:
    """The patient's ID: from DICOM, or as the subject hierarchy keeps it; empty where it is unknown."""
    if value := dicomValue(node, "0010,0020", lookup):
        return value
    item = ancestorItem(node, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMLevelPatient())
    name = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMPatientIDAttributeName()
    return hierarchyOf(node).GetItemAttribute(item, name) or "" if item else ""
