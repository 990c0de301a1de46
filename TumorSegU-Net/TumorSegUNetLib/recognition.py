"""Which of the loaded volumes is which sequence: nodes, their files and DICOM tags become facts for the engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import slicer

from tumorseg.recognise import SeriesFacts, assign
from tumorseg.sequences import SEQUENCES
from tumorseg.series_stem import stems

from .dicom_tags import Lookup, dicomNumber, dicomValue
from .hierarchy import examinationItem, nodesByClass
from .naming import examinationName, withoutExtension
from .uncertainty_volume import MADE_BY_US


@dataclass(frozen=True)
class Suggestion:
    """A volume for one sequence.

    Attributes:
        node: the volume.
        confidence: 0-1.
        reason: one sentence.
    """

    node: slicer.vtkMRMLScalarVolumeNode
    confidence: float
    reason: str


@dataclass(frozen=True)
class LeftOut:
    """An examination of which no volume is chosen.

    Attributes:
        name: of the patient, with the date.
        missing: the sequences that were not recognized in it.
    """

    name: str
    missing: tuple[str, ...]


def suggestInputs(
    scene: slicer.vtkMRMLScene,
    fixed: Mapping[str, slicer.vtkMRMLScalarVolumeNode],
    lookup: Lookup | None = None,
) -> dict[str, Suggestion]:
    """Suggest volumes for the sequences that are not fixed; never volumes of two examinations together.

    Where several examinations are loaded, it is the one of the fixed volumes, else the one with the most recognized
    sequences, else the one loaded last.

    Args:
        scene: where to look.
        fixed: volumes that the user has chosen.
        lookup: of DICOM tags, instead of the application's database.
    """
    nodes = candidates(scene)
    best: dict[str, Suggestion] = {}
    for group in _examinations(nodes, list(fixed.values())):
        found = _suggest(group, fixed, lookup)
        if len(found) >= len(best):
            best = found
    return best


def leftOut(
    scene: slicer.vtkMRMLScene, chosen: Sequence[slicer.vtkMRMLScalarVolumeNode], lookup: Lookup | None = None
) -> LeftOut | None:
    """The examination loaded last, if it was passed over for an earlier one with more recognized sequences.

    A single image and those of which nothing is recognized are not meant to be segmented.
    """
    *earlier, last = _examinations(candidates(scene), [])
    if not chosen or not earlier or len(last) < 2 or set(last).intersection(chosen):
        return None
    found = _suggest(last, {}, lookup)
    missing = tuple(sequence for sequence in SEQUENCES if sequence not in found)
    return LeftOut(examinationName(last), missing) if found and missing else None


def candidates(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLScalarVolumeNode]:
    """The images that a user could choose, in the order in which they were loaded; not our own results."""
    return [
        node
        for node in nodesByClass(scene, "vtkMRMLScalarVolumeNode")
        if node.GetClassName() == "vtkMRMLScalarVolumeNode"
        and not node.GetHideFromEditors()
        and node.GetAttribute(MADE_BY_US) is None
        and node.GetImageData() is not None
    ]


def factsOfNode(node: slicer.vtkMRMLScalarVolumeNode, lookup: Lookup | None = None) -> SeriesFacts:
    """What is known about a volume without looking at its voxels."""
    return SeriesFacts(
        name=node.GetName(),
        description=dicomValue(node, "0008,103e", lookup) or _fileStem(node),
        protocol=dicomValue(node, "0018,1030", lookup),
        sequence_name=dicomValue(node, "0018,0024", lookup),
        te_ms=dicomNumber(node, "0018,0081", lookup),
        tr_ms=dicomNumber(node, "0018,0080", lookup),
        ti_ms=dicomNumber(node, "0018,0082", lookup),
        contrast_agent=dicomValue(node, "0018,0010", lookup),
        image_type=dicomValue(node, "0008,0008", lookup),
        spacing=tuple(node.GetSpacing()),
        shape=tuple(reversed(node.GetImageData().GetDimensions())),
    )


def _suggest(
    nodes: Sequence[slicer.vtkMRMLScalarVolumeNode],
    fixed: Mapping[str, slicer.vtkMRMLScalarVolumeNode],
    lookup: Lookup | None,
) -> dict[str, Suggestion]:
    byId = {node.GetID(): node for node in nodes}
    facts = {identifier: factsOfNode(node, lookup) for identifier, node in byId.items()}
    suggestions = assign(facts, {sequence: node.GetID() for sequence, node in fixed.items()})
    return {
        sequence: Suggestion(byId[found.key], found.confidence, found.reason)
        for sequence, found in suggestions.items()
        if found.key is not None
    }


def _examinations(
    nodes: Sequence[slicer.vtkMRMLScalarVolumeNode], chosen: Sequence[slicer.vtkMRMLScalarVolumeNode]
) -> list[list[slicer.vtkMRMLScalarVolumeNode]]:
    """The volumes of each examination, the last loaded last; only the chosen ones' if there are any.

    Volumes of which nothing is known belong to every examination.
    """
    groups: dict[Hashable, list[slicer.vtkMRMLScalarVolumeNode]] = defaultdict(list)
    keys = _examinationKeys({node.GetID(): node for node in (*nodes, *chosen)})
    wanted = {keys[node.GetID()] for node in chosen} - {None}
    known = {keys[node.GetID()] for node in nodes} - {None}
    for key in wanted or known or {None}:
        groups[key] = [node for node in nodes if keys[node.GetID()] in (key, None)]
    order = [node.GetID() for node in nodes]
    return sorted(groups.values(), key=lambda group: max((order.index(n.GetID()) for n in group), default=-1))


def _examinationKeys(nodes: Mapping[str, slicer.vtkMRMLScalarVolumeNode]) -> dict[str, Hashable | None]:
    """Place in the subject hierarchy, else what the name says beside the sequence; None where nothing tells."""
    named = stems([withoutExtension(node.GetName()) for node in nodes.values()])
    return {
        identifier: examinationItem(node) or stem or None
        for (identifier, node), stem in zip(nodes.items(), named, strict=True)
    }


def _fileStem(node: slicer.vtkMRMLScalarVolumeNode) -> str:
    """Name of the file, where it says something else than the node's name."""
    storage = node.GetStorageNode()
    stem = withoutExtension(Path(storage.GetFileName() or "").name) if storage is not None else ""
    return "" if stem == node.GetName() else stem
