"""What DICOM says about a loaded volume: through the application's database, where there is one."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import slicer

from .hierarchy import ancestorItem, hierarchyOf

INSTANCE_UIDS = "DICOM.instanceUIDs"
"""Attribute of volume nodes that were loaded from the database."""

_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)([-./]?)(\d\d)\2(\d\d)(?!\d)")

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


def examinationDate(node: slicer.vtkMRMLNode, lookup: Lookup | None = None) -> str:
    """When it was made, e.g. ``2024-01-03``: from DICOM, or as the subject hierarchy keeps it; empty where unknown."""
    if found := dateIn(dicomValue(node, "0008,0020", lookup)):
        return found
    constants = slicer.vtkMRMLSubjectHierarchyConstants
    item = ancestorItem(node, constants.GetDICOMLevelStudy())
    if not item:
        return ""
    hierarchy = hierarchyOf(node)
    attribute = hierarchy.GetItemAttribute(item, constants.GetDICOMStudyDateAttributeName()) or ""
    return dateIn(attribute) or dateIn(hierarchy.GetItemName(item))


def dateIn(text: str) -> str:
    """The first date in a text (``20240103``, ``2024.01.03``) as ``2024-01-03``; empty without one."""
    for year, _separator, month, day in _DATE.findall(text):
        try:
            return date(int(year), int(month), int(day)).isoformat()
        except ValueError:  # no month has that day
            continue
    return ""
