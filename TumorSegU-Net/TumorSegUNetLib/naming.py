"""What results are called: after the patient, the examination and the time, so that no two look alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import slicer

from tumorseg.sequences import ALIASES

from .dicom_tags import dateIn, examinationDate
from .hierarchy import ancestorItem, hierarchyOf
from .translation import _

TIME_FORMAT = "%Y-%m-%d %H:%M"

_EXTENSION = re.compile(r"\.(nii(\.gz)?|nrrd|nhdr|mha|mhd|dcm)$", re.IGNORECASE)

_SEQUENCE_AT_END = re.compile(rf"[\s_.-]*({'|'.join(sorted(ALIASES, key=len, reverse=True))})$", re.IGNORECASE)


def resultName(case: str, time: datetime | None = None) -> str:
    """Name of a result of a run now, e.g. ``TCGA-DU-7294 1999-03-12 tumor 2026-11-25 14:03``."""
    moment = (time or datetime.now()).strftime(TIME_FORMAT)
    return _("{patient} tumor {time}").format(patient=case, time=moment).strip()


def caseName(inputs: Mapping[str, slicer.vtkMRMLScalarVolumeNode]) -> str:
    """What was segmented: the patient, and the date of the T1ce's examination where it is known.

    Args:
        inputs: the volume per sequence.
    """
    return examinationName([inputs[name] for name in sorted(inputs, key=lambda name: name != "t1ce")])


def examinationName(nodes: Sequence[slicer.vtkMRMLScalarVolumeNode]) -> str:
    """The patient, and the date of the examination where it is known; both of the first volume that tells."""
    patient = patientName(nodes)
    date = next((found for node in nodes if (found := examinationDate(node))), "")
    return patient if date == dateIn(patient) else f"{patient} {date}".strip()


def patientName(nodes: Iterable[slicer.vtkMRMLScalarVolumeNode]) -> str:
    """What the patient is called: in the subject hierarchy, or by the volumes' names without the sequence.

    Args:
        nodes: the volumes of a run, the reference first.

    Returns:
        Empty when only the sequences have names.
    """
    volumes = list(nodes)
    for node in volumes:
        if name := hierarchyPatient(node):
            return name
    stems = (stemOf(node.GetName()) for node in volumes)
    return next((stem for stem in stems if stem), "")


def hierarchyPatient(node: slicer.vtkMRMLNode) -> str:
    """Name of the patient that a node belongs to in the subject hierarchy; empty without one."""
    item = ancestorItem(node, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMLevelPatient())
    return hierarchyOf(node).GetItemName(item) if item else ""


def stemOf(name: str) -> str:
    """What a volume's name says beside its sequence, e.g. ``BraTS_001`` of ``BraTS_001_t1ce``; empty if nothing.

    A name that does not end in a sequence is its own stem.
    """
    return _SEQUENCE_AT_END.sub("", withoutExtension(name))


def withoutExtension(name: str) -> str:
    """``1.2.840_t1`` of ``1.2.840_t1.nii.gz``: only what is the extension of an image goes."""
    return _EXTENSION.sub("", name)
