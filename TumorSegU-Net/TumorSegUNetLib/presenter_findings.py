"""What the check of the volumes found, as one short list with remedies and links that fix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from html import escape
from typing import Any, TypeAlias

from tumorseg.sequences import DISPLAY_NAMES, SEQUENCES

from .translation import _

Found: TypeAlias = Mapping[str, Any]
"""A finding as the worker tells it: code, severity, volumes, message, remedy."""


MASKED = ("skull", "no-background", "inexact-background")
"""Findings that a brain mask answers."""


class Severity(Enum):
    """Of the worst finding; decides the icon."""

    NONE = "none"
    NOTE = "note"
    WARNING = "warning"
    BLOCKING = "blocking"


@dataclass(frozen=True)
class FindingsState:
    """The list of findings as rich text; hidden without one."""

    severity: Severity
    html: str

    @property
    def visible(self) -> bool:
        """Whether there is anything to tell."""
        return self.severity is not Severity.NONE


@dataclass(frozen=True)
class Fix:
    """What a link in the list does: exchange two volumes, choose some by recognition, show where masks are chosen."""

    swap: tuple[str, str] | None = None
    recognize: tuple[str, ...] = ()
    mask: bool = False


def findingsState(findings: Sequence[Found]) -> FindingsState:
    """The list as it is shown: blocking findings first, each with its remedy."""
    titles = {
        Severity.BLOCKING: _("These volumes cannot be segmented:"),
        Severity.WARNING: _("Please check before you go on:"),
        Severity.NOTE: _("What will be done:"),
    }
    groups = {severity: [f for f in findings if f["severity"] == severity.value] for severity in titles}
    sections = {severity: _section(titles[severity], group) for severity, group in groups.items() if group}
    return FindingsState(next(iter(sections), Severity.NONE), "".join(sections.values()))


def hasRemarks(findings: Sequence[Found]) -> bool:
    """Whether there is anything to read before a run; notes only say what will be done."""
    return any(finding["severity"] != Severity.NOTE.value for finding in findings)


def blockingReason(findings: Sequence[Found]) -> str:
    """Why the volumes cannot be segmented, in a sentence or two; empty when they can."""
    blocking = [finding for finding in findings if finding["severity"] == Severity.BLOCKING.value]
    if len(blocking) > 1:
        return _("{count} problems keep the volumes from being segmented; see the list.").format(count=len(blocking))
    return f"{blocking[0]['message']} {blocking[0]['remedy']}".strip() if blocking else ""


def problemFindings(problems: Sequence[str], blocking: bool) -> tuple[Found, ...]:
    """Findings for what kept the check itself from being made."""
    severity = Severity.BLOCKING if blocking else Severity.WARNING
    return tuple(
        {"code": "no-check", "severity": severity.value, "volumes": (), "message": problem, "remedy": ""}
        for problem in problems
    )


def fixOfLink(link: str) -> Fix:
    """What a link of the list asks for."""
    kind, *names = link.split(":")
    known = tuple(name for name in names if name in SEQUENCES)
    if kind == "swap" and len(known) == 2:
        return Fix(swap=(known[0], known[1]))
    if kind == "mask":
        return Fix(mask=True)
    return Fix(recognize=known)


def _section(title: str, findings: Sequence[Found]) -> str:
    items = "".join(f"<li>{_item(finding)}</li>" for finding in findings)
    return f'<p style="margin:0"><b>{escape(title)}</b></p><ul style="margin:2px 0 4px -24px">{items}</ul>'


def _item(finding: Found) -> str:
    text = f"{escape(finding['message'])} {escape(finding['remedy'])}"
    return " ".join((text, *_links(finding)))


def _links(finding: Found) -> list[str]:
    volumes = [name for name in finding.get("volumes", ()) if name in SEQUENCES]
    if finding["code"] == "swapped" and len(volumes) == 2:
        first, second = (DISPLAY_NAMES[name] for name in volumes)
        label = _("Exchange {first} and {second}").format(first=first, second=second)
        return [_link(f"swap:{volumes[0]}:{volumes[1]}", label)]
    if finding["code"] in ("swapped", "same-volume") and volumes:
        return [_link("recognize:" + ":".join(volumes), _("Choose by recognition"))]
    if finding["code"] in MASKED:
        return [_link("mask", _("Choose a brain mask"))]
    return []


def _link(target: str, label: str) -> str:
    return f'<a href="{target}">{escape(label)}</a>'
