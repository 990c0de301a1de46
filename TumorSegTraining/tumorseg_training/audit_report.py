"""The audit as text for the terminal, as CSV with a row per case, and as JSON with everything."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from tumorseg.atomic import atomic_path
from tumorseg.console import table
from tumorseg.finding import Finding
from tumorseg_training import __version__
from tumorseg_training.audit import Audit, CaseAudit
from tumorseg_training.documents import write_document

MOST_ROWS = 40
"""Of the table on the terminal; of larger sets it shows the cases with findings first."""

MOST_SENTENCES = 5
"""Printed per kind of finding; all are in the files."""

_COLUMNS = (
    "case",
    "usable",
    "patient",
    "layout",
    "labels",
    "grade",
    "age",
    "survival_days",
    "alive",
    "sequences",
    "size",
    "spacing_mm",
    "orientation",
    "volume_WT_ml",
    "volume_TC_ml",
    "volume_ET_ml",
    "volume_RC_ml",
    "findings",
)


def text_report(audit: Audit) -> str:
    """Table of the cases, the findings in words by kind, and a summary."""
    parts = [_table(audit.cases), _sentences(audit), _summary(audit)]
    return "\n\n".join(part for part in parts if part)


def write_reports(audit: Audit, folder: Path) -> list[Path]:
    """Write ``audit.csv`` and ``audit.json`` into an existing folder and return their paths."""
    table_file, document = folder / "audit.csv", folder / "audit.json"
    with atomic_path(table_file) as temporary:
        temporary.write_text(_csv(audit.cases), encoding="utf-8", newline="")
    write_document(document, _document(audit))
    return [table_file, document]


def _table(cases: Sequence[CaseAudit]) -> str:
    chosen = sorted(cases, key=lambda case: (case.usable, not case.findings))[:MOST_ROWS]
    if not chosen:
        return ""
    header = ("case", "layout", "labels", "sequences", "size", "WT mL", "TC mL", "ET mL", "verdict")
    rows = [_row(case) for case in sorted(chosen, key=lambda case: case.name)]
    left_out = len(cases) - len(chosen)
    more = f"\n… and {left_out} more {'cases' if left_out > 1 else 'case'} in audit.csv" if left_out else ""
    return table(header, rows) + more


def _row(case: CaseAudit) -> tuple[str, ...]:
    values = _values(case)
    codes = ", ".join(dict.fromkeys(finding.code for finding in case.findings))
    verdict = ("ok" if not codes else f"ok ({codes})") if case.usable else f"NOT USABLE ({codes})"
    volumes = (_rounded(values[f"volume_{region}_ml"]) for region in ("WT", "TC", "ET"))
    told = (str(values[column]) or "-" for column in ("case", "layout", "labels", "sequences", "size"))
    return (*told, *volumes, verdict)


def _rounded(value: Any) -> str:
    return f"{value:.1f}" if value != "" else "-"


_SEVERITIES = {"blocking": "Problem", "warning": "Warning", "note": "Note"}


def _sentences(audit: Audit) -> str:
    """Findings of a kind together, blocking ones first."""
    kinds: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for case in audit.cases:
        for finding in case.findings:
            kinds[finding.severity, finding.code][case.name].append(_named(case.name, finding))
    lines = []
    for (severity, code), cases in sorted(kinds.items()):
        count = f"{len(cases)} {'cases' if len(cases) > 1 else 'case'}"
        lines.append(f"{_SEVERITIES[severity]} {code}, {count}:")
        for sentences in list(cases.values())[:MOST_SENTENCES]:
            lines.append(f"  {sentences[0]}{f' ({len(sentences) - 1} more like it)' if len(sentences) > 1 else ''}")
        if len(cases) > MOST_SENTENCES:
            lines.append(f"  … and {len(cases) - MOST_SENTENCES} more in audit.json")
    lines += audit.refused[:MOST_SENTENCES]
    if len(audit.refused) > MOST_SENTENCES:
        lines.append(f"… and {len(audit.refused) - MOST_SENTENCES} more files left out, in audit.json")
    return "\n".join(lines)


def _named(case: str, finding: Finding) -> str:
    sentence = finding.sentence.strip()
    return sentence if case in sentence else f"{case}: {sentence}"


def _summary(audit: Audit) -> str:
    usable = [case for case in audit.cases if case.usable and case.case is not None]
    patients = len({case.case.patient for case in usable if case.case is not None})
    lines = [f"{len(usable)} of {len(audit.cases)} cases are usable, {patients} patients."]
    lines += _counts("Layout", (case.case.layout for case in usable if case.case is not None))
    lines += _counts("Labels", (case.convention.value for case in usable if case.convention is not None))
    lines += _counts("Grade", (case.case.grade for case in usable if case.case is not None and case.case.grade))
    if cavities := sum(1 for case in usable if case.volumes_ml and case.volumes_ml.get("RC")):
        lines.append(f"Resection cavities (label 4) count as background: {cavities} cases have one.")
    if audit.unlabelled:
        lines.append(f"Not counted, because without an expert's segmentation: {_some(audit.unlabelled)}.")
    if others := [other for other in audit.unlabelled.values() if other]:
        lines.append(f"Not taken for one: {_some(others)}; an expert's is named like Case_seg.nii.gz.")
    return "\n".join(lines)


def _some(names: Collection[str]) -> str:
    first = ", ".join(list(names)[:3])
    return f"{len(names)} ({first}{', …' if len(names) > 3 else ''})"


def _counts(what: str, values: Iterable[str]) -> list[str]:
    counts = Counter(values).most_common()
    return [f"{what}: {', '.join(f'{value} ({count})' for value, count in counts)}."] if counts else []


def _csv(cases: Iterable[CaseAudit]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS)
    writer.writeheader()
    for case in cases:
        codes = " ".join(dict.fromkeys(finding.code for finding in case.findings))
        values = _values(case)
        rounded = {key: round(value, 3) if isinstance(value, float) else value for key, value in values.items()}
        writer.writerow({**rounded, "findings": codes})
    return text.getvalue()


def _values(case: CaseAudit) -> dict[str, Any]:
    """The columns of a case but the findings; empty text for what is not known."""
    labelled, geometry, volumes = case.case, case.geometry, case.volumes_ml or {}
    values = {
        "case": case.name,
        "usable": "yes" if case.usable else "no",
        "patient": labelled and labelled.patient,
        "layout": labelled and labelled.layout,
        "labels": case.convention and case.convention.value,
        "grade": labelled and labelled.grade,
        "age": labelled and labelled.age,
        "survival_days": labelled and labelled.survival_days,
        "alive": "yes" if labelled and labelled.alive else None,
        "sequences": labelled and "+".join(labelled.images),
        "size": geometry and "x".join(map(str, geometry.shape[::-1])),
        "spacing_mm": geometry and "x".join(f"{value:.4g}" for value in geometry.spacing),
        "orientation": geometry and geometry.orientation,
        **{f"volume_{region}_ml": volumes.get(region) for region in ("WT", "TC", "ET", "RC")},
    }
    return {key: "" if value is None else value for key, value in values.items()}


def _document(audit: Audit) -> dict[str, Any]:
    return {
        "path": str(audit.path),
        "version": __version__,
        "usable": audit.usable,
        "cases": [_case_document(case) for case in audit.cases],
        "unlabelled": audit.unlabelled,
        "left_out": list(audit.refused),
    }


def _case_document(case: CaseAudit) -> dict[str, Any]:
    known = {key: value for key, value in _values(case).items() if value != ""}
    files = {}
    if case.case is not None:
        sources = {**case.case.images, "seg": case.case.segmentation}
        files = {sequence: source.location for sequence, source in sources.items()}
    findings = [
        {"code": finding.code, "severity": finding.severity, "volumes": finding.volumes, "message": finding.sentence}
        for finding in case.findings
    ]
    return {**known, "usable": case.usable, "files": files, "findings": findings}
