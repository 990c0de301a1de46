"""What the command line shows: progress on a terminal, tables, and text that is quiet when piped."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from tumorseg.measure import RegionMeasure
from tumorseg.progress import STAGES, Progress


class ProgressLine:
    """One line on a terminal that is overwritten with stage, percent and time left; nothing when piped."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._shown = stream.isatty()

    def __call__(self, progress: Progress) -> None:
        """Show a report."""
        step = f"[{STAGES.index(progress.stage) + 1}/{len(STAGES)}] {progress.stage:<8}"
        left = f", {progress.seconds_left:.0f} s left" if progress.seconds_left else ""
        device = f" on {progress.device}" if progress.device else ""
        self.show(f"{step} {100 * progress.fraction:3.0f} %{device}{left}")

    def show(self, text: str) -> None:
        """Show any text instead of what the line shows."""
        if self._shown:
            self._stream.write(f"\r\x1b[K{text}")
            self._stream.flush()

    def close(self) -> None:
        """Clear the line."""
        self.show("")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Columns of text: the first ``left`` ones left-aligned, the others right-aligned."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def measurement_table(measurements: Mapping[str, RegionMeasure]) -> str:
    """Volumes and diameters per region."""
    rows = [
        (
            name,
            f"{values.volume_ml:.2f}",
            f"{values.longest_diameter_mm:.1f} x {values.perpendicular_mm:.1f}",
            str(values.components),
        )
        for name, values in measurements.items()
    ]
    return table(("region", "volume (mL)", "diameters (mm)", "parts"), rows)
