"""A result in the scene: the segmentation and everything that belongs to it, made together and found again later."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import slicer

from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Geometry

from .diameter_markups import createDiameters, diametersOf, removeDiameters
from .hierarchy import nodesByClass, placeBeside, removeNode
from .naming import caseName, resultName
from .report import ROLE as REPORT
from .report import keepReport, reportFile, reportText
from .result_table import createTable
from .run import Outcome
from .run_files import RunFiles
from .segmentations import createSegmentationNode, provenanceOf, referenceGrid, voxelCounts
from .translation import _
from .tumor_facts import TumorFacts, factsIn
from .uncertainty_volume import createUncertaintyVolume
from .volumes import localRas
from .worker_client import Event

TABLE, UNCERTAINTY = "TumorSegUNet.table", "TumorSegUNet.uncertainty"
"""Node references of a segmentation to what was made with it."""

INPUT = "TumorSegUNet.input_{sequence}"
"""Node references of a segmentation to the volumes it was made from."""

FACTS = "TumorSegUNetFacts"
"""Node attribute of a segmentation with everything measured, as JSON."""

REFERENCE = "reference"
"""Among the facts: the sequence whose grid the segmentation has."""

CENTER = "center"
"""Among the facts: centre of the largest lesion, RAS in mm below the segmentation's transform, which can be moved."""

VOXELS = "voxels"
"""Among the facts: voxels per segment that were measured."""

GRID = "grid"
"""Among the facts: the segmentation's ``referenceGrid``, whose matrix changes when a transform is hardened."""

SAME_SIZE = 1e-4
"""Relative difference of voxel volumes that comes from rounding: files keep the grid as decimal numbers."""

ALGORITHM_NAME_LENGTH = 64
"""Longest value of the DICOM attribute Segment Algorithm Name (LO)."""

Nodes = Mapping[str, "slicer.vtkMRMLScalarVolumeNode"]


@dataclass(frozen=True)
class Origin:
    """What a run was started with.

    Attributes:
        scene: of the volumes; a volume that the user removes during the run no longer knows it.
        inputs: volume node per sequence.
        geometries: their grids at that time.
        surfaces: whether closed surfaces are wanted.
    """

    scene: slicer.vtkMRMLScene
    inputs: Nodes
    geometries: Mapping[str, Geometry]
    surfaces: bool = False


@dataclass(frozen=True)
class StoredResult(TumorFacts):
    """What belongs to a segmentation, found through the scene; entries are empty or None where something is missing.

    Attributes:
        segmentation: of ours.
        table, uncertainty, diameters: as in ``Outcome``.
        reference: the volume that the segmentation lies on.
        volumes: all volumes it was made from.
        center: of the largest lesion, world RAS in mm as the segmentation lies now; None without a lesion.
        provenance: as in ``Outcome``.
        voxels: per segment, as measured; None for results of older versions.
        scaled: whether it was put on another grid, or a transform was hardened that changes volumes.
    """

    segmentation: slicer.vtkMRMLSegmentationNode
    table: slicer.vtkMRMLTableNode | None
    uncertainty: slicer.vtkMRMLScalarVolumeNode | None
    diameters: tuple[slicer.vtkMRMLMarkupsLineNode, ...]
    reference: slicer.vtkMRMLScalarVolumeNode | None
    volumes: Nodes
    center: tuple[float, float, float] | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)
    voxels: Mapping[str, int] | None = None
    scaled: bool = False

    @property
    def edited(self) -> bool:
        """Whether the segments are no longer those that were measured; unknown, in older results, counts as no."""
        return self.voxels is not None and (self.scaled or voxelCounts(self.segmentation) != self.voxels)

    def isOf(self, volumes: Mapping[str, Any]) -> bool:
        """Whether it was made from these volumes (node or None per sequence); what it did not use does not count."""
        chosen = {name: node for name, node in volumes.items() if node is not None}
        if not self.volumes:  # its own are no longer in the scene
            return not chosen
        return all(self.volumes.get(name, node) is node for name, node in chosen.items())

    @property
    def registration(self) -> Mapping[str, Any]:
        """The finding that says how volumes were moved to the reference; empty when none was."""
        return next((finding for finding in self.findings if finding["code"] == "registered"), {})

    @property
    def hasReport(self) -> bool:
        """Whether there is a report to open or to save."""
        return reportText(self.segmentation) is not None

    @property
    def reportFile(self) -> Path | None:
        """The report, written to a file to be opened; None without one."""
        return reportFile(self.segmentation)


def outcomeMaker(origin: Origin) -> Callable[[RunFiles, Event], Outcome]:
    """What turns the result of a run into nodes; a failure leaves none behind."""

    def makeOutcome(files: RunFiles, event: Event) -> Outcome:
        segmentation = _segmentation(origin, files, event)
        try:
            return _complete(segmentation, origin, files, event)
        except Exception:
            removeResult(segmentation)
            raise

    return makeOutcome


def resultOf(segmentation: slicer.vtkMRMLSegmentationNode) -> StoredResult:
    """Everything that belongs to a segmentation of ours, also after the scene was saved and loaded."""
    kept = json.loads(segmentation.GetAttribute(FACTS) or "{}")
    volumes = {name: segmentation.GetNodeReference(INPUT.format(sequence=name)) for name in SEQUENCES}
    return StoredResult(
        segmentation=segmentation,
        table=segmentation.GetNodeReference(TABLE),
        uncertainty=segmentation.GetNodeReference(UNCERTAINTY),
        diameters=tuple(diametersOf(segmentation)),
        reference=volumes.get(kept.get(REFERENCE, "")),
        volumes={name: node for name, node in volumes.items() if node is not None},
        center=_center(segmentation, kept),
        provenance=provenanceOf(segmentation),
        voxels=kept.get(VOXELS),
        scaled=_scaled(_hardened(segmentation, kept)),
        **vars(factsIn(kept)),
    )


def resultsIn(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLSegmentationNode]:
    """The segmentations of ours, the newest last."""
    return [node for node in nodesByClass(scene, "vtkMRMLSegmentationNode") if node.GetAttribute(FACTS)]


def newestResultOf(scene: slicer.vtkMRMLScene, volumes: Mapping[str, Any]) -> slicer.vtkMRMLSegmentationNode | None:
    """The segmentation of ours made last from these volumes (node or None per sequence); None without any."""
    if not any(volumes.values()):
        return None
    return next((node for node in reversed(resultsIn(scene)) if resultOf(node).isOf(volumes)), None)


def removeResult(segmentation: slicer.vtkMRMLSegmentationNode) -> None:
    """Remove a segmentation with everything that belongs to it."""
    removeDiameters(segmentation)
    for role in (TABLE, UNCERTAINTY, REPORT):
        node = segmentation.GetNodeReference(role)
        if node is not None:
            removeNode(node)
    removeNode(segmentation)


def _segmentation(origin: Origin, files: RunFiles, event: Event) -> slicer.vtkMRMLSegmentationNode:
    sequence = event["reference"]
    labels, provenance = files.array(event["labels"]), event.get("provenance", {})
    return createSegmentationNode(
        origin.scene,
        labels,
        origin.geometries[sequence],
        name=resultName(caseName(origin.inputs)),
        reference=_reference(origin, sequence),
        provenance=provenance,
        algorithm=_algorithmName(provenance),
        surfaces=origin.surfaces,
    )


def _complete(segmentation: slicer.vtkMRMLSegmentationNode, origin: Origin, files: RunFiles, event: Event) -> Outcome:
    facts, sequence = factsIn(event), event["reference"]
    kept = {**asdict(facts), REFERENCE: sequence, VOXELS: voxelCounts(segmentation)}
    matrix, size = referenceGrid(segmentation)
    kept[GRID] = matrix.tolist(), size
    if facts.lesions:
        centroid = np.array([facts.lesions[0]["centroid_lps"]])
        kept[CENTER] = localRas(centroid, origin.geometries[sequence], _reference(origin, sequence))[0].tolist()
    _keepFacts(segmentation, origin, kept)
    table = _table(segmentation, facts)
    uncertainty = _uncertainty(segmentation, origin, files, event)
    diameters = createDiameters(segmentation, _reference(origin, sequence), origin.geometries[sequence], facts.lesions)
    if event.get("report"):
        keepReport(segmentation, files.text(event["report"]))
    return Outcome(
        segmentation=segmentation,
        table=table,
        uncertainty=uncertainty,
        diameters=tuple(diameters),
        provenance=event.get("provenance", {}),
        seconds=event.get("seconds", {}),
        reportFile=_reportFile(segmentation),
        **vars(facts),
    )


def _reportFile(segmentation: slicer.vtkMRMLSegmentationNode) -> Path | None:
    """The report as a file; a full disk must not cost the result, whose report is in the scene all the same."""
    try:
        return reportFile(segmentation)
    except OSError:
        return None


def _keepFacts(segmentation: slicer.vtkMRMLSegmentationNode, origin: Origin, facts: Mapping[str, Any]) -> None:
    segmentation.SetAttribute(FACTS, json.dumps(facts))
    for sequence, node in origin.inputs.items():
        if node.GetScene() is origin.scene:
            segmentation.SetNodeReferenceID(INPUT.format(sequence=sequence), node.GetID())


def _center(
    segmentation: slicer.vtkMRMLSegmentationNode, facts: Mapping[str, Any]
) -> tuple[float, float, float] | None:
    hardened = _hardened(segmentation, facts)
    if CENTER not in facts or hardened is None:
        return None
    world = [0.0, 0.0, 0.0]
    segmentation.TransformPointToWorld((hardened @ [*facts[CENTER], 1.0])[:3], world)
    return (world[0], world[1], world[2])


def _hardened(segmentation: slicer.vtkMRMLSegmentationNode, facts: Mapping[str, Any]) -> npt.NDArray[np.float64] | None:
    """4x4 matrix, RAS in mm, of what was hardened since the result was made; None where it was put on another grid.

    Unknown, in older results, counts as nothing.
    """
    if GRID not in facts:
        return np.eye(4)
    matrix, size = referenceGrid(segmentation)
    before, size_before = facts[GRID]
    return matrix @ np.linalg.inv(before) if size == size_before else None


def _scaled(hardened: npt.NDArray[np.float64] | None) -> bool:
    return hardened is None or not np.isclose(abs(np.linalg.det(hardened)), 1.0, rtol=SAME_SIZE)


def _table(segmentation: slicer.vtkMRMLSegmentationNode, facts: TumorFacts) -> slicer.vtkMRMLTableNode:
    name = _("{segmentation} measurements").format(segmentation=segmentation.GetName())
    node = createTable(segmentation.GetScene(), name, facts.measurements, facts.lesions, facts.side)
    segmentation.SetNodeReferenceID(TABLE, node.GetID())
    placeBeside(segmentation, node)
    return node


def _uncertainty(
    segmentation: slicer.vtkMRMLSegmentationNode, origin: Origin, files: RunFiles, event: Event
) -> slicer.vtkMRMLScalarVolumeNode | None:
    if not event.get("uncertainty"):
        return None
    sequence = event["reference"]
    node = createUncertaintyVolume(
        segmentation,
        _reference(origin, sequence),
        origin.geometries[sequence],
        files.array(event["uncertainty"]),
        _("{segmentation} uncertainty").format(segmentation=segmentation.GetName()),
    )
    segmentation.SetNodeReferenceID(UNCERTAINTY, node.GetID())
    return node


def _reference(origin: Origin, sequence: str) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The reference volume, if it is still in the scene and has its size: a user can go on working during a run."""
    node = origin.inputs[sequence]
    image = node.GetImageData()
    size = origin.geometries[sequence].shape[::-1]
    there = node.GetScene() is not None and image is not None and image.GetDimensions() == size
    return node if there else None


def _algorithmName(provenance: Mapping[str, str]) -> str:
    parts = (provenance.get("software", "TumorSegU-Net"), provenance.get("model", ""))
    return " ".join(part for part in parts if part)[:ALGORITHM_NAME_LENGTH]
