"""Published figures to compare with, from ``published.toml``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from tumorseg_training.toml_file import read_toml


@dataclass(frozen=True)
class Definition:
    """How a Dice was computed; figures of different definitions do not compare."""

    key: str
    title: str
    meaning: str


@dataclass(frozen=True)
class Result:
    """A line of a comparison.

    Attributes:
        definition: key of the definition of its figures.
        method: what was scored.
        data: on which cases.
        source: where the figures are printed; empty for what was measured here.
        WT: Dice of the whole tumor, 0-1; None where it is not given.
        TC: of the tumor core.
        ET: of the enhancing tumor.
        mean: of the three regions, as given or, where all three are, computed.
        note: figures that fit no column.
    """

    definition: str
    method: str
    data: str
    source: str = ""
    WT: float | None = None
    TC: float | None = None
    ET: float | None = None
    mean: float | None = None
    note: str = ""

    @property
    def published(self) -> bool:
        """Whether the figures are from a publication; otherwise they were measured here."""
        return bool(self.source)

    @property
    def cells(self) -> list[str]:
        """WT, TC, ET and mean as text, as precise as they are known."""
        regions = [self.WT, self.TC, self.ET]
        known = [value for value in regions if value is not None]
        mean = sum(known) / 3 if self.mean is None and len(known) == 3 else self.mean
        printed = [self._text(value) for value in regions]
        return [*printed, self._text(mean) if self.mean is not None else _rounded(mean)]

    def _text(self, value: float | None) -> str:
        """Published figures with the digits that they have."""
        return f"{value:g}" if self.published and value is not None else _rounded(value)


def definitions() -> tuple[Definition, ...]:
    """In the order in which they are shown."""
    return tuple(Definition(**entry) for entry in _document()["definition"])


def results() -> tuple[Result, ...]:
    """All published figures."""
    return tuple(Result(**entry) for entry in _document()["result"])


def paper() -> dict[str, Any]:
    """``title``, ``meaning`` and the paper's own metrics by the column that they have in ``metrics.csv``."""
    return dict(_document()["paper"])


def _rounded(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


@cache
def _document() -> dict[str, Any]:
    return read_toml((files(__package__) / "published.toml").read_text(encoding="utf-8"))
