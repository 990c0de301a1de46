"""What the result section shows: one sentence, a short table, when to be careful, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .translation import _

Measured: TypeAlias = Mapping[str, Any]
"""volume_ml, longest_diameter_mm and perpendicular_mm of a region; further entries are not shown."""


@dataclass(frozen=True)
class ResultFacts:
    """What is known about a result, right after a run or in a scene that was saved.

    Attributes:
        measurements: per region (WT, TC, ET, ED, NCR).
        lesions: number, side, volume_ml per part, longest_diameter_mm and perpendicular_mm of each.
        foci: how many separate lesions there are.
        side: left, right or midline; None where it is not known.
        caution: sentence on the quality, if any.
        diameters, uncertainty, report: whether they are there.
    """

    measurements: Mapping[str, Measured] = field(default_factory=dict)
    lesions: Sequence[Mapping[str, Any]] = ()
    foci: int | None = None
    side: str | None = None
    caution: str | None = None
    diameters: bool = False
    uncertainty: bool = False
    report: bool = False


@dataclass(frozen=True)
class ResultState:
    """What the result section sets on its widgets.

    Attributes:
        visible: whether there is a result.
        headline: the finding in one sentence.
        caution: why the result should be looked at with care; empty hides it.
        header, rows: texts of the table.
        surfaces, diameters, uncertainty: whether there is something to show.
        table: whether there is something to export.
        report: whether there is a report to open and save.
    """

    visible: bool = False
    headline: str = ""
    caution: str = ""
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    surfaces: bool = False
    diameters: bool = False
    uncertainty: bool = False
    table: bool = False
    report: bool = False


def resultState(facts: ResultFacts | None) -> ResultState:
    """What is shown of a result; nothing without one."""
    if facts is None:
        return ResultState()
    found = bool(_volume(facts))
    return ResultState(
        visible=True,
        headline=_headline(facts),
        caution=facts.caution or "",
        header=(_("Part"), _("mL"), _("Longest mm"), _("Across mm")) if found else (),
        rows=(*_regionRows(facts), *_lesionRows(facts)) if found else (),
        surfaces=found,
        diameters=found and facts.diameters,
        uncertainty=facts.uncertainty,
        table=bool(facts.measurements),
        report=facts.report,
    )


def _volume(facts: ResultFacts) -> float:
    return float(facts.measurements.get("WT", {}).get("volume_ml") or 0.0)


def _headline(facts: ResultFacts) -> str:
    if not facts.measurements:
        return _("Segmented; no measurements are known.")
    if not _volume(facts):
        return _("No tumor was found.")
    where = {
        "left": _("left hemisphere"),
        "right": _("right hemisphere"),
        "midline": _("across the midline"),
    }.get(facts.side or "", "")
    volume = _("Tumor {volume} mL").format(volume=f"{_volume(facts):.1f}")
    return ", ".join(part for part in (volume, where, _fociText(facts.foci)) if part)


def _fociText(foci: int | None) -> str:
    if foci is None:
        return ""
    return _("one focus") if foci == 1 else _("{count} foci").format(count=foci)


def _regionRows(facts: ResultFacts) -> list[tuple[str, ...]]:
    names = {
        "WT": _("Whole tumor"),
        "TC": _("Tumor core"),
        "ET": _("Enhancing tumor"),
        "NCR": _("Necrotic core"),
        "ED": _("Edema"),
    }
    return [
        _row(title, measured.get("volume_ml"), *_diameters(measured))
        for region, title in names.items()
        if (measured := facts.measurements.get(region)) is not None
    ]


def _lesionRows(facts: ResultFacts) -> list[tuple[str, ...]]:
    """Only where there are several: one lesion is the whole tumor."""
    if len(facts.lesions) < 2:
        return []
    return [
        _row(
            _lesionTitle(lesion),
            _lesionVolume(lesion),
            lesion.get("longest_diameter_mm"),
            lesion.get("perpendicular_mm"),
        )
        for lesion in facts.lesions
    ]


def _lesionTitle(lesion: Mapping[str, Any]) -> str:
    sides = {"left": _("left"), "right": _("right"), "midline": _("midline")}
    side = sides.get(str(lesion.get("side")))
    title = _("Lesion {number}").format(number=lesion["number"])
    return f"{title}, {side}" if side else title


def _lesionVolume(lesion: Mapping[str, Any]) -> float:
    parts: Mapping[str, float] = lesion.get("volume_ml", {})
    return parts["WT"] if "WT" in parts else sum(parts.values())


def _diameters(measured: Measured) -> tuple[float | None, float | None]:
    return measured.get("longest_diameter_mm"), measured.get("perpendicular_mm")


def _row(title: str, *values: float | None) -> tuple[str, ...]:
    return (title, *("–" if not value else f"{value:.1f}" for value in values))
