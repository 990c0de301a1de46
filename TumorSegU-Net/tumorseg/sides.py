"""Whether left and right can be told: by the header of a file, and by a brain that has both halves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tumorseg.file_header import UNKNOWN_SIDES
from tumorseg.finding import Finding, called, listed
from tumorseg.sequences import Case

_SIDELESS = {"unknown-sides", "half-brain", "small-brain", "small-field-of-view", "no-background"}
"""Findings with which no side is told: without both halves there is no midline."""


def unknown_sides(case: Case) -> Iterator[Finding]:
    """Volumes whose files do not say where left and right are."""
    unknown = tuple(s for s, volume in case.items() if UNKNOWN_SIDES.items() <= volume.provenance.items())
    if unknown:
        names, does = listed(called(s, case) for s in unknown), "does" if len(unknown) == 1 else "do"
        message = (
            f"{names} {does} not say where left and right are: no directions in the header, or two that contradict "
            "each other."
        )
        remedy = "Convert the images again; the side of the tumor is not told, and directions may be wrong."
        yield Finding("unknown-sides", "warning", unknown, message, remedy)


def sides_known(findings: Iterable[Finding]) -> bool:
    """Whether the side of a tumor may be told."""
    return not any(finding.code in _SIDELESS for finding in findings)
