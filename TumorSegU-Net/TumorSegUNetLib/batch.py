"""A folder of cases, one after the other, without a screen: the results are files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import slicer

from tumorseg.atomic import atomic_path
from tumorseg.case_files import case_folders_by_name, find_case
from tumorseg.errors import CancelledError, TumorSegError
from tumorseg.image_integrity import settle

from .hierarchy import removeNode
from .naming import withoutExtension
from .report import saveReport
from .result import removeResult
from .result_table import exportTable
from .run import Outcome
from .volume_files import loadVolumeFile

Nodes = dict[str, "slicer.vtkMRMLScalarVolumeNode"]

Segment = Callable[[Mapping[str, "slicer.vtkMRMLScalarVolumeNode"]], Outcome]


@dataclass(frozen=True)
class CaseResult:
    """What became of one case.

    Attributes:
        name: of the case's folder; with those on the way from the given one, joined with ``_``.
        state: ``done``, ``skipped`` (its segmentation was there already) or ``failed``.
        problems: one sentence each, of a case that failed.
        files: what was written: segmentation, table, report.
        measurements: per region, of a case that is done.
        remarks: what should be looked at although it is done: warnings on the volumes, and on the result.
    """

    name: str
    state: str
    problems: tuple[str, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    measurements: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def segmentCases(
    scene: slicer.vtkMRMLScene,
    folder: Path,
    output: Path,
    required: tuple[str, ...],
    segment: Segment,
    onCase: Callable[[CaseResult], None],
) -> list[CaseResult]:
    """Segment every case below a folder; one that fails does not stop the others.

    Args:
        scene: used for one case at a time; what is in it stays as it is.
        folder: cases lie below it, named like ``Case_t1ce.nii.gz``.
        output: ``CASE.seg.nrrd``, ``CASE.csv`` and ``CASE.html`` are written there; nothing is overwritten.
        required: sequences that the model needs.
        segment: does one case.
        onCase: called after every case.

    Raises:
        BadInputError: there is no case, or two would have files of the same name.
        CancelledError: the user wants no more.
        OSError: the output folder cannot be made.
    """
    results = []
    output.mkdir(parents=True, exist_ok=True)
    for name, case in case_folders_by_name(folder).items():
        results.append(_case(scene, name, case, output, required, segment))
        onCase(results[-1])
    return results


def _case(
    scene: slicer.vtkMRMLScene, name: str, folder: Path, output: Path, required: tuple[str, ...], segment: Segment
) -> CaseResult:
    files = {
        kind: output / f"{name}{end}"
        for kind, end in {"report": ".html", "table": ".csv", "segmentation": ".seg.nrrd"}.items()
    }
    if files["segmentation"].exists():
        return CaseResult(name, "skipped", files={"segmentation": files["segmentation"]})
    try:
        with _loaded(scene, find_case(folder, required)) as nodes:
            outcome = segment(nodes)
            try:
                _write(outcome, files)
            finally:
                removeResult(outcome.segmentation)
    except CancelledError:
        raise
    except TumorSegError as error:
        return CaseResult(name, "failed", error.problems)
    except OSError as error:
        return CaseResult(name, "failed", (f"The results of {name} cannot be written ({error}); check the disk.",))
    return CaseResult(name, "done", files=files, measurements=outcome.measurements, remarks=_remarks(outcome))


def _remarks(outcome: Outcome) -> tuple[str, ...]:
    findings = (f"{finding['message']} {finding['remedy']}".strip() for finding in outcome.findings)
    return tuple(remark for remark in (*findings, outcome.quality.get("sentence")) if remark)


@contextmanager
def _loaded(scene: slicer.vtkMRMLScene, files: Mapping[str, Path]) -> Iterator[Nodes]:
    nodes: Nodes = {}
    try:
        for sequence, path in files.items():
            nodes[sequence] = loadVolumeFile(scene, path, withoutExtension(path.name))
        yield nodes
    finally:
        for node in nodes.values():
            removeNode(node)


def _write(outcome: Outcome, files: Mapping[str, Path]) -> None:
    """The segmentation comes last: a case is complete once it is there."""
    saveReport(outcome.segmentation, files["report"])
    exportTable(outcome.table, files["table"])
    with atomic_path(files["segmentation"]) as temporary:
        storage = slicer.vtkMRMLSegmentationStorageNode()
        storage.SetFileName(str(temporary))
        if not storage.WriteData(outcome.segmentation):
            raise OSError(f"{files['segmentation']} was not written")
        settle(temporary)  # Slicer says nothing when the disk is full
