"""What the command line shows: progress on a terminal, tables, and text that is quiet when piped."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from tumorseg.measure import Lesion, RegionMeasure, TumorMeasures
from tumorseg.progress import STAGES, Progress


class ProgressLine:
    """One line on a terminal that is overwritten with stage, percent and time left; nothing when piped."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream = stream or sys.stderr
        self._shown = stream.isatty()

    def __call__(self, progress: Progress) -> None:
        """Show a report."""
        known = progress.stage in STAGES  # the worker has one more, in which it loads the model
        number = f"[{STAGES.index(progress.stage) + 1}/{len(STAGES)}] " if known else ""
        left = f", {progress.seconds_left:.0f} s left" if progress.seconds_left else ""
        device = f" on {progress.device}" if progress.device else ""
        self.show(f"{number}{progress.stage:<8} {100 * progress.fraction:3.0f} %{device}{left}")

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


def tumor_text(tumor: TumorMeasures) -> str:
    """Everything that was measured: the table of regions, the table of lesions, and their sum of products."""
    blocks = [measurement_table(tumor.regions)]
    if tumor.lesions:
        header = ("lesion", "side", "whole (mL)", "enhancing (mL)", "measured", "diameters (mm)", "measurable")
        blocks.append(table(header, [_lesion_row(lesion) for lesion in tumor.lesions]))
    if targets := tumor.targets:
        numbers = ", ".join(str(lesion.number) for lesion in targets)
        product = f"{tumor.sum_of_products_mm2:.0f} mm2"  # many code pages have no ²
        blocks.append(f"sum of products of the diameters ({targets[0].measured}, lesion {numbers}): {product}")
    return "\n\n".join(blocks)


def run_text(provenance: Mapping[str, str]) -> str:
    """How the network was run: the device and why, what did not go as planned, on how much at once, with what."""
    told = [provenance["device_reason"], provenance.get("remarks", "")]
    told.append(f"Network: {provenance['memory_rung']}; {provenance['runtime']}.")
    return " ".join(filter(None, told))


def _lesion_row(lesion: Lesion) -> tuple[str, ...]:
    diameters = lesion.diameters
    return (
        str(lesion.number),
        lesion.side or "-",
        f"{lesion.volume_ml['WT']:.2f}",
        f"{lesion.volume_ml['ET']:.2f}" if "ET" in lesion.volume_ml else "-",
        lesion.measured,
        f"{diameters.longest_mm:.1f} x {diameters.perpendicular_mm:.1f}",
        "yes" if lesion.measurable else "no",
    )
