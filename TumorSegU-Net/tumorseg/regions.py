"""Labels and nested regions: WT = 1+2+3, TC = 1+3, ET = 3, and the label conventions of the BraTS years."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from tumorseg.volume import BoolArray, FloatArray, LabelArray

NCR, ED, ET = 1, 2, 3
"""Labels inside the engine and in Slicer: necrotic / non-enhancing core, edema, enhancing tumor."""

UNDIVIDED = 5
"""Label of a whole tumor that the model does not divide (4 is taken: ET in BraTS 2020, cavity in BraTS 2024)."""

REGIONS: Mapping[str, tuple[int, ...]] = {"WT": (NCR, ED, ET, UNDIVIDED), "TC": (NCR, ET), "ET": (ET,)}
"""Labels that make up each region: whole tumor, tumor core, enhancing tumor."""


@dataclass(frozen=True)
class Segment:
    """How one label is presented: names, colour (RGB, 0-1) and codes (scheme, value, meaning)."""

    label: int
    short_name: str
    name: str
    color: tuple[float, float, float]
    code: tuple[str, str, str]

    @property
    def terminology(self) -> str:
        """The terminology entry in 3D Slicer's notation: ``context~category~type~modifier~region context~region~``."""
        return "~".join(
            (
                TERMINOLOGY_CONTEXT,
                "^".join(CATEGORY_CODE),
                "^".join(self.code),
                "^^",
                "Anatomic codes - DICOM master list",
                "^".join(BRAIN_CODE),
                "^^",
            )
        )


TERMINOLOGY_CONTEXT = "TumorSegUNet brain tumor"
CATEGORY_CODE = ("SCT", "49755003", "Morphologically Altered Structure")
BRAIN_CODE = ("SCT", "12738006", "Brain")

# Codes: DICOM CID 7168 "Brain Lesion Segmentation Type With Necrosis"; undivided tumor: CID 7199.
SEGMENTS: Mapping[int, Segment] = {
    segment.label: segment
    for segment in (
        Segment(NCR, "NCR", "Necrotic / non-enhancing core", (0.85, 0.25, 0.25), ("SCT", "6574001", "Necrosis")),
        Segment(ED, "ED", "Edema", (0.35, 0.75, 0.40), ("SCT", "79654002", "Edema")),
        Segment(ET, "ET", "Enhancing tumor", (0.98, 0.78, 0.20), ("NCIt", "C113842", "Enhancing Lesion")),
        Segment(UNDIVIDED, "WT", "Whole tumor", (0.55, 0.45, 0.85), ("SCT", "301766008", "Lesion of brain")),
    )
}


class LabelConvention(str, Enum):
    """Numbering in files. BraTS 2017-2022 write the enhancing tumor as 4, BraTS 2023 (and this engine) as 3."""

    BRATS_2020 = "2020"
    BRATS_2023 = "2023"


def region_mask(labels: LabelArray, region: str) -> BoolArray:
    """Voxels of a region (``WT``, ``TC`` or ``ET``) in an array of engine labels, same shape."""
    return np.isin(labels, REGIONS[region])


def labels_from_regions(probabilities: FloatArray, names: Sequence[str], thresholds: Sequence[float]) -> LabelArray:
    """Derive labels so that ET lies in TC and TC in WT: the innermost region that passes its threshold wins.

    Args:
        probabilities: (region, z, y, x), values 0-1.
        names: region of each channel; ``WT`` alone gives an undivided tumor.
        thresholds: one per region.

    Returns:
        Labels (z, y, x) of the engine's convention.
    """
    labels = np.zeros(probabilities.shape[1:], np.uint8)
    inside = {"WT": ED if len(names) > 1 else UNDIVIDED, "TC": NCR, "ET": ET}
    for region in ("WT", "TC", "ET"):
        if region in names:
            channel = list(names).index(region)
            labels[probabilities[channel] > thresholds[channel]] = inside[region]
    return labels


def thresholds_text(thresholds: Mapping[str, float]) -> str:
    """The thresholds of regions in words, exact for float32 probabilities: ``WT > 0.51388365, TC > 0.5``."""
    return ", ".join(f"{region} > {np.float32(threshold):.9g}" for region, threshold in thresholds.items())


def regions_from_classes(probabilities: FloatArray) -> FloatArray:
    """Region probabilities (WT, TC, ET) from exclusive classes.

    Args:
        probabilities: softmax output (4, z, y, x) for background, NCR, ED, ET.

    Returns:
        (3, z, y, x).
    """
    _, necrosis, edema, enhancing = probabilities
    core = necrosis + enhancing
    return np.stack([core + edema, core, enhancing])


def to_convention(labels: LabelArray, convention: LabelConvention) -> LabelArray:
    """Renumber engine labels (z, y, x) for a file of the given convention, same shape; may be the same array."""
    if convention is LabelConvention.BRATS_2023:
        return labels
    renumbered = labels.copy()
    renumbered[labels == ET] = 4
    return renumbered


def from_convention(labels: LabelArray, convention: LabelConvention) -> LabelArray:
    """Renumber labels read from a file of the given convention to the engine's; 4 becomes 3 in BraTS 2020.

    Args:
        labels: the numbers of the file, (z, y, x).
        convention: of the file.

    Returns:
        Engine labels, same shape.

    Raises:
        ValueError: a label that the convention does not have.
    """
    known = {0, NCR, ED, 4, UNDIVIDED} if convention is LabelConvention.BRATS_2020 else {0, NCR, ED, ET, UNDIVIDED}
    unknown = set(np.unique(labels).tolist()) - known
    if unknown:
        raise ValueError(f"labels {sorted(unknown)} do not occur in the BraTS {convention.value} convention")
    renumbered = labels.copy()
    renumbered[labels == 4] = ET
    return renumbered
