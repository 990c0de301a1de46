"""What the worker found out about a tumor: told once, kept with the segmentation, given to scripts and the panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class TumorFacts:
    """What is known; empty or None where nothing was told.

    Attributes:
        measurements: per region: volume_ml, components, longest_diameter_mm, perpendicular_mm.
        lesions: the largest first: number, volume_ml per region, end points of both diameters (mm, LPS), side.
        foci: number of lesions.
        side: of the tumor: left, right, midline; None where unknown.
        quality: score (0-1) and a sentence where the result should be looked at with care; empty where unknown.
        findings: the guard's warnings: code, severity, volumes, message, remedy.
    """

    measurements: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    lesions: tuple[Mapping[str, Any], ...] = ()
    foci: int = 0
    side: str | None = None
    quality: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Mapping[str, Any], ...] = ()


def factsIn(document: Mapping[str, Any]) -> TumorFacts:
    """The facts in a result event, or in what a scene keeps of one (``dataclasses.asdict``); others are left alone."""
    lesions = tuple(document.get("lesions", ()))
    return TumorFacts(
        measurements=document.get("measurements", {}),
        lesions=lesions,
        foci=int(document.get("foci", len(lesions))),
        side=document.get("side"),
        quality=document.get("quality", {}),
        findings=tuple(document.get("findings", ())),
    )
