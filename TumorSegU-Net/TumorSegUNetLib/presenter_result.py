"""What the result section shows: one sentence, a short table, when to be careful, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .translation import _

Measured: TypeAlias = Mapping[str, Any]
"""volume_ml, longest_diameter_mm and perpendicular_mm of a region; further entries are not shown."""


@dataclass(frozen=True)
class ResultFacts:
    """What is known about a result, right after a run or in a scene that was saved.

    Attributes:
        name: of the segmentation: whose result it is, and from when.
        measurements: per region (WT, TC, ET, ED, NCR).
        lesions: number, side, volume_ml per region, longest_diameter_mm and perpendicular_mm of each, and the region
            that these are of (measured: ET or WT).
        foci: how many separate lesions there are.
        side: left, right or midline; None where it is not known.
        caution: sentence on the quality, if any.
        registration: sentence on the volumes that were registered, if any.
        table, diameters, uncertainty, report: whether they are there.
        elsewhere: whether it is the result of other volumes than those chosen now.
        edited: whether the segments are no longer those that were measured.
    """

    name: str = ""
    measurements: Mapping[str, Measured] = field(default_factory=dict)
    lesions: Sequence[Mapping[str, Any]] = ()
    foci: int | None = None
    side: str | None = None
    caution: str | None = None
    registration: str | None = None
    table: bool = False
    diameters: bool = False
    uncertainty: bool = False
    report: bool = False
    elsewhere: bool = False
    edited: bool = False


@dataclass(frozen=True)
class ResultState:
    """What the result section sets on its widgets.

    Attributes:
        visible: whether there is a result.
        headline: whose result it is, the finding in one sentence, and how volumes were registered.
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
        headline="\n".join(line for line in (facts.name, _finding(facts), facts.registration) if line),
        caution="\n".join(_cautions(facts)),
        header=(_("Part"), _("mL"), _("Longest mm"), _("Across mm")) if found else (),
        rows=(*_regionRows(facts), *_lesionRows(facts)) if found else (),
        surfaces=found,
        diameters=found and facts.diameters,
        uncertainty=facts.uncertainty,
        table=facts.table,
        report=facts.report,
    )


def _volume(facts: ResultFacts) -> float:
    return float(facts.measurements.get("WT", {}).get("volume_ml") or 0.0)


def _cautions(facts: ResultFacts) -> Iterator[str]:
    if facts.elsewhere:
        yield _("This is not a result of the volumes chosen above.")
    if facts.edited:
        yield _("The segments were edited since; table and report tell what the run had found.")
    if facts.caution:
        yield facts.caution


def _finding(facts: ResultFacts) -> str:
    if not facts.measurements:
        return _("Segmented; no measurements are known.")
    if not _volume(facts):
        return _("No tumor was found.")
    where = {
        "left": _("left hemisphere"),
        "right": _("right hemisphere"),
        "midline": _("across the midline"),
    }.get(facts.side or "", "")
    volume = _("Tumor with edema {volume} mL").format(volume=f"{_volume(facts):.1f}")
    return ", ".join(part for part in (volume, where, _fociText(facts.foci)) if part)


def _fociText(foci: int | None) -> str:
    if foci is None:
        return ""
    if not foci:
        return _("no part large enough for a lesion")
    return _("one focus") if foci == 1 else _("{count} foci").format(count=foci)


def _regionRows(facts: ResultFacts) -> list[tuple[str, ...]]:
    names = {
        "WT": _("Whole tumor"),
        "TC": _("Tumor core"),
        "ET": _("Enhancing tumor"),
        "NCR": _("Necrotic or not\nenhancing core"),
        "ED": _("Edema"),
    }
    return [
        _row(title, measured.get("volume_ml"), *_diameters(measured))
        for region, title in names.items()
        if (measured := facts.measurements.get(region)) is not None
    ]


def _lesionRows(facts: ResultFacts) -> list[tuple[str, ...]]:
    """Only where there are several: one lesion is the whole tumor. Each with the part that its diameters are of."""
    if len(facts.lesions) < 2:
        return []
    return [
        _row(
            _lesionTitle(lesion),
            lesion["volume_ml"].get(lesion.get("measured", "WT")),
            lesion.get("longest_diameter_mm"),
            lesion.get("perpendicular_mm"),
        )
        for lesion in facts.lesions
    ]


def _lesionTitle(lesion: Mapping[str, Any]) -> str:
    sides = {"left": _("left"), "right": _("right"), "midline": _("midline")}
    side = sides.get(str(lesion.get("side")))
    title = _("Lesion {number}").format(number=lesion["number"])
    part = _("enhancing part") if lesion.get("measured") == "ET" else _("with edema")
    return f"{title}, {side}\n{part}" if side else f"{title}\n{part}"


def _diameters(measured: Measured) -> tuple[float | None, float | None]:
    return measured.get("longest_diameter_mm"), measured.get("perpendicular_mm")


def _row(title: str, *values: float | None) -> tuple[str, ...]:
    return (title, *("–" if not value else f"{value:.1f}" for value in values))
