"""A finding of the guard, and how findings name volumes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from tumorseg.sequences import DISPLAY_NAMES, REFERENCE_ORDER, Case

Severity = Literal["blocking", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with the inputs.

    Attributes:
        code: stable name, e.g. ``different-grid``.
        severity: ``blocking`` findings make a run meaningless; warnings are told with the result, and notes only say
            what is done.
        volumes: the sequences concerned, e.g. ``("t1", "t2")``.
        message: one sentence: which volume, what is wrong.
        remedy: one sentence: what to do; empty when nothing is to be done.
    """

    code: str
    severity: Severity
    volumes: tuple[str, ...]
    message: str
    remedy: str

    @property
    def sentence(self) -> str:
        """What the user reads."""
        return f"{self.message} {self.remedy}".rstrip()


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Blocking findings first, then warnings, then notes; each in the order in which they were found."""
    return sorted(findings, key=lambda finding: get_args(Severity).index(finding.severity))


def called(sequence: str, case: Case) -> str:
    """A volume in a sentence: what it should be and what the user calls it."""
    return f"{DISPLAY_NAMES[sequence]} ({case[sequence].name})"


def listed(names: Iterable[str]) -> str:
    """``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def reference_of(case: Case) -> str:
    """The sequence with which the others are compared, and on whose grid the result lies."""
    return next(sequence for sequence in REFERENCE_ORDER if sequence in case)
