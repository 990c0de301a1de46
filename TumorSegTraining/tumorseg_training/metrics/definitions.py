"""What each figure means: the one table that ``--definitions`` prints and every summary repeats."""

from __future__ import annotations

from dataclasses import dataclass

from tumorseg.console import table
from tumorseg_training.metrics import lesionwise, surface


@dataclass(frozen=True)
class Metric:
    """A column of the scores.

    Attributes:
        name: in files; the column of a region is ``<name>_<region>``.
        title: in tables.
        unit: empty for ratios.
        best: the value of a perfect prediction.
        definition: of prediction P and truth T.
        empty: what it is when P, T or both are empty.
        source: who defines it so.
    """

    name: str
    title: str
    unit: str
    best: str
    definition: str
    empty: str
    source: str


METRICS = (
    Metric("dice", "Dice", "", "1", "2|P∩T| / (|P|+|T|) over voxels", "both 1, one 0", "BraTS 2020 rule"),
    Metric("iou", "IoU", "", "1", "|P∩T| / |P∪T| over voxels", "both 1, one 0", "Jaccard; rule as Dice"),
    Metric("precision", "precision", "", "1", "|P∩T| / |P|", "P empty: not defined", "standard"),
    Metric("sensitivity", "sensitivity", "", "1", "|P∩T| / |T|", "T empty: not defined", "standard"),
    Metric(
        "specificity",
        "specificity",
        "",
        "1",
        "share of the voxels outside T, air included, that are outside P; near 1 whatever is predicted",
        "as defined",
        "standard",
    ),
    Metric(
        "hd95",
        "HD95",
        "mm",
        "0",
        "larger of the two directions' 95th percentiles of surface distances, weighted by area",
        f"both 0, one {surface.WORST_HD95_MM}",
        "DeepMind surface-distance (BraTS 2023); BraTS 2020 rule",
    ),
    Metric(
        "nsd",
        "NSD at 1 mm",
        "",
        "1",
        f"share of both surfaces' area within {surface.NSD_TOLERANCE_MM:g} mm of the other surface",
        "both 1, one 0",
        "DeepMind surface-distance",
    ),
    Metric("volume_true_ml", "true volume", "mL", "-", "volume of T", "as defined", "-"),
    Metric("volume_error_ml", "volume error", "mL", "0", "volume of P minus volume of T", "as defined", "-"),
    Metric(
        "volume_error_relative",
        "relative volume error",
        "",
        "0",
        "(volume of P - volume of T) / volume of T",
        "T empty: not defined",
        "-",
    ),
    Metric(
        "lesion_dice",
        "lesion-wise Dice",
        "",
        "1",
        "sum of the Dice of each lesion of T with the parts of P near it / (lesions + false parts)",
        "no lesion and no false part: 1",
        "BraTS 2023",
    ),
    Metric(
        "lesion_hd95",
        "lesion-wise HD95",
        "mm",
        "0",
        f"mean HD95 over lesions and false parts; {lesionwise.WORST_HD95_MM:g} for a missed lesion or a false part",
        "no lesion and no false part: 0",
        "BraTS 2023",
    ),
    Metric(
        "lesions_true",
        "lesions",
        "",
        "-",
        f"26-connected parts of T grown by {lesionwise.GROWTH_VOXELS} voxels (18-connected), those over "
        f"{lesionwise.IGNORED_MM3:g} mm³",
        "as defined",
        "BraTS 2023",
    ),
    Metric(
        "lesions_missed", "missed lesions", "", "0", "lesions that no part of P comes near", "as defined", "BraTS 2023"
    ),
    Metric(
        "lesions_false",
        "false parts",
        "",
        "0",
        "26-connected parts of P of any size that are near no lesion, small ones included",
        "as defined",
        "BraTS 2023",
    ),
)
"""All columns, in the order of files."""

_HEADER = ("column", "unit", "best", "definition", "empty masks", "source")


def definitions_table() -> str:
    """The definitions as text."""
    return table(_HEADER, _rows(), left=len(_HEADER))


def definitions_markdown() -> str:
    """The definitions as a Markdown table."""
    lines = [_HEADER, ("---",) * len(_HEADER), *([f"`{name}`", *rest] for name, *rest in _rows())]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _rows() -> list[tuple[str, ...]]:
    return [(m.name, m.unit, m.best, m.definition, m.empty, m.source) for m in METRICS]
