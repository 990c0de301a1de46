"""The audit: everything that is wrong with a data set, found before training and said at once; nothing is changed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tumorseg.errors import BadInputError
from tumorseg.finding import Finding
from tumorseg.guard import blocking, check_case
from tumorseg.outside import with_zero_outside
from tumorseg.regions import REGIONS, region_mask
from tumorseg.volume import Geometry, Volume
from tumorseg_training.audit_checks import (
    check_contrasts,
    check_grid,
    check_labels,
    check_outside,
    check_voxels,
    read_volumes,
    same_shape,
    unreadable,
)
from tumorseg_training.cases import WHOLE_OR_CORE, convention_of, discover
from tumorseg_training.conventions import CAVITY, Convention, to_engine
from tumorseg_training.fingerprint import Fingerprint, fingerprint, same_scans
from tumorseg_training.labelled_case import LabelledCase
from tumorseg_training.processes import Refused, in_processes

Report = Callable[[int, int], None]
"""Called with the number of cases looked at and of all."""

_BRATS = (Convention.BRATS_2016, Convention.BRATS_2020, Convention.BRATS_2023, Convention.BRATS_2024)

_MAJORITY = 0.8
"""Share of the cases of a layout that make its grid the usual one."""


@dataclass(frozen=True)
class CaseAudit:
    """What was found in one case.

    Attributes:
        name: of the case.
        case: where it comes from; None where the files do not make a case.
        convention: of the labels, once they have been understood.
        geometry: of the labels, once they have been read.
        volumes_ml: of each region that the labels have, and of ``RC``, the resection cavities of BraTS 2024.
        findings: blocking ones and warnings.
        fingerprint: to recognise the patient.
    """

    name: str
    case: LabelledCase | None = None
    convention: Convention | None = None
    geometry: Geometry | None = None
    volumes_ml: dict[str, float] | None = None
    findings: tuple[Finding, ...] = ()
    fingerprint: Fingerprint | None = None

    @property
    def usable(self) -> bool:
        """Whether the case can be trained on."""
        return self.case is not None and not blocking(self.findings)

    def with_findings(self, *findings: Finding) -> CaseAudit:
        """The same with more findings."""
        return replace(self, findings=(*self.findings, *findings))


@dataclass(frozen=True)
class Audit:
    """What was found in a data set.

    Attributes:
        path: what was looked at.
        cases: by name.
        unlabelled: cases without an expert's segmentation, and the images that were not taken for one.
        refused: sentences on files that cannot be looked into.
    """

    path: Path
    cases: tuple[CaseAudit, ...]
    unlabelled: dict[str, str]
    refused: tuple[str, ...]

    @property
    def usable(self) -> int:
        """Number of cases that can be trained on."""
        return sum(case.usable for case in self.cases)


def audit(path: Path, workers: int, report: Report) -> Audit:
    """Look at every case of a data set.

    Args:
        path: folder or archive.
        workers: processes; with fewer than two everything happens in this one.
        report: told how far it is.

    Raises:
        BadInputError: ``path`` is neither a folder nor an archive.
        KeyboardInterrupt: stopped by the user; no process stays behind.
    """
    found, refused = discover(path)
    audits = {name: CaseAudit(name, findings=tuple(findings)) for name, findings in found.findings.items()}
    for number, looked_at in enumerate(_all(found.cases, workers), start=1):
        audits[looked_at.name] = looked_at.with_findings(*found.findings.get(looked_at.name, ()))
        report(number, len(found.cases))
    known = [audits[name] for name in sorted(audits)]
    return Audit(path, tuple(_compared(known)), found.unlabelled, tuple(refused))


def audit_case(case: LabelledCase) -> CaseAudit:
    """Look at one case; whatever is wrong becomes a finding."""
    findings: list[Finding] = []
    volumes = read_volumes(case, findings)
    findings += check_case(volumes, tuple(volumes))
    volumes = with_zero_outside(volumes)[0]  # as the cache compares them, or a scan would not be known again
    result = CaseAudit(case.name, case, fingerprint=fingerprint(volumes))
    try:
        result = _with_labels(result, case, volumes, findings)
    except BadInputError as error:
        findings += unreadable(error, "seg")
    return result.with_findings(*findings)


def _with_labels(
    result: CaseAudit, case: LabelledCase, volumes: dict[str, Volume], findings: list[Finding]
) -> CaseAudit:
    numbers, geometry = case.segmentation.read_labels()
    t1ce = volumes["t1ce"].array if "t1ce" in volumes else None
    convention = convention_of(case, numbers, t1ce)
    labels = to_engine(numbers, convention)
    findings += [*check_grid(geometry, volumes), *check_voxels(geometry)]
    findings += check_labels(labels)
    if volumes and same_shape(geometry, volumes.values()) and not blocking(findings):
        findings += check_outside(labels, volumes)
        if not any(finding.code == "swapped" for finding in findings):  # the guard has seen it without the labels
            findings += check_contrasts(labels, volumes)
    parts = {region: region_mask(labels, region) for region in _regions(convention)}
    if convention is Convention.BRATS_2024:
        parts["RC"] = numbers == CAVITY
    volumes_ml = {name: float(np.count_nonzero(part)) * geometry.voxel_volume_ml for name, part in parts.items()}
    return replace(result, convention=convention, geometry=geometry, volumes_ml=volumes_ml)


def _regions(convention: Convention) -> list[str]:
    """The regions that labels of a convention have."""
    return ["WT"] if convention is Convention.WHOLE_TUMOR else list(REGIONS)


def _all(cases: Sequence[LabelledCase], workers: int) -> Iterator[CaseAudit]:
    """Every case looked at, in the order in which they are ready."""
    for case, result in in_processes(audit_case, cases, workers, lambda case: case.name):
        if isinstance(result, Refused):
            problems = unreadable(BadInputError(list(result.problems)), "seg")
            yield CaseAudit(case.name, case, findings=tuple(problems))
        else:
            yield result


def _compared(audits: Sequence[CaseAudit]) -> list[CaseAudit]:
    """With the findings that come from comparing cases with each other."""
    audits = _settled(audits)
    notes: dict[str, list[Finding]] = defaultdict(list)
    checks = (_note_unusual_grids, _note_mixed_conventions, _note_one_label, _note_same_scans, _note_same_patients)
    for check in checks:
        check(audits, notes)
    return [audit.with_findings(*notes[audit.name]) for audit in audits]


def _settled(audits: Sequence[CaseAudit]) -> list[CaseAudit]:
    """Labels 1 and 2 alone mean the same in every year of BraTS: they count as what the rest of the layout is."""
    usual = {}
    for layout, members in _by_layout(audits).items():
        told = Counter(audit.convention for audit in members if _telling(audit))
        usual[layout] = told.most_common(1)[0][0] if told else None
    return [
        replace(audit, convention=usual[audit.case.layout])
        if audit.case is not None
        and audit.convention is Convention.BRATS_2023
        and not _telling(audit)
        and usual[audit.case.layout] in _BRATS
        else audit
        for audit in audits
    ]


def _note_unusual_grids(audits: Sequence[CaseAudit], notes: dict[str, list[Finding]]) -> None:
    for layout, members in _by_layout(audits).items():
        grids = {audit.name: _grid(audit.geometry) for audit in members if audit.geometry}
        if not grids:
            continue
        usual, count = Counter(grids.values()).most_common(1)[0]
        if not _MAJORITY * len(grids) <= count < len(grids):
            continue
        for name, grid in grids.items():
            if grid != usual:
                message = f"{name} has {grid}, where {count} of {len(grids)} cases of {layout} have {usual}."
                notes[name].append(Finding("unusual-grid", "warning", (), message, "Check where it comes from."))


def _note_mixed_conventions(audits: Sequence[CaseAudit], notes: dict[str, list[Finding]]) -> None:
    """Cases of one layout that were read in different conventions: then some are probably misread."""
    for layout, members in _by_layout(audits).items():
        told = {audit.name: audit.convention.value for audit in members if _telling(audit) and audit.convention}
        if len(counts := Counter(told.values())) < 2:
            continue
        kinds = ", ".join(f"{count} {convention}" for convention, count in counts.most_common())
        for name, convention in told.items():
            if convention != counts.most_common(1)[0][0]:
                message = f"Its labels look like {convention}; the cases of {layout} differ ({kinds})."
                remedy = "Keep cases of different origin in folders of their own."
                notes[name].append(Finding("mixed-conventions", "warning", ("seg",), message, remedy))


def _note_one_label(audits: Sequence[CaseAudit], notes: dict[str, list[Finding]]) -> None:
    """Cases whose layout says nothing, where 1 is the only label of all data: such are masks of whole tumors."""
    read = [audit for audit in audits if audit.volumes_ml and audit.convention is not Convention.WHOLE_TUMOR]
    if not all(_no_label_but_1(audit.volumes_ml or {}) for audit in read):
        return
    for audit in read:
        if audit.case and audit.case.convention is None and (audit.volumes_ml or {})["WT"]:
            message = f"{audit.name} has no label but 1, as all cases here, and nothing says what it means."
            notes[audit.name].append(Finding("one-label", "blocking", ("seg",), message, WHOLE_OR_CORE))


def _no_label_but_1(volumes_ml: Mapping[str, float]) -> bool:
    return volumes_ml["WT"] == volumes_ml["TC"] and not volumes_ml["ET"] and not volumes_ml.get("RC")


def _note_same_scans(audits: Sequence[CaseAudit], notes: dict[str, list[Finding]]) -> None:
    for first, second, likeness in same_scans([audit.fingerprint for audit in audits]):
        name = audits[second].name
        message = f"{name} shows the same scan as {audits[first].name} (correlation {likeness:.3f})."
        notes[name].append(Finding("same-scan", "warning", (), message, "Leave one of them out."))


def _note_same_patients(audits: Sequence[CaseAudit], notes: dict[str, list[Finding]]) -> None:
    """Patients that occur in several releases, as names and name_mapping.csv say; time points are no such."""
    patients: dict[str, list[LabelledCase]] = defaultdict(list)
    for audit in audits:
        if audit.case is not None:
            patients[audit.case.patient].append(audit.case)
    for patient, cases in patients.items():
        if len({case.layout for case in cases}) > 1:
            for case in cases[1:]:
                message = f"{case.name} is the patient {patient} of {cases[0].name} ({cases[0].layout}) too."
                remedy = "Splits keep them together; leave one of them out."
                notes[case.name].append(Finding("same-patient", "warning", (), message, remedy))


def _by_layout(audits: Sequence[CaseAudit]) -> dict[str, list[CaseAudit]]:
    layouts: dict[str, list[CaseAudit]] = defaultdict(list)
    for audit in audits:
        if audit.case is not None:
            layouts[audit.case.layout].append(audit)
    return layouts


def _telling(audit: CaseAudit) -> bool:
    """Whether the labels hold enhancing tumor: 1 and 2 alone mean the same in every year of BraTS."""
    return bool(audit.volumes_ml and audit.volumes_ml.get("ET"))


def _grid(geometry: Geometry) -> str:
    size = " x ".join(map(str, geometry.shape[::-1]))
    spacing = " x ".join(f"{value:.3g}" for value in geometry.spacing)
    return f"{size} voxels of {spacing} mm ({geometry.orientation})"
