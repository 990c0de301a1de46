"""What the numbers in a label map mean, told from the data: five numberings are in use, and files do not say which.

The set of values leaves few possibilities; of these decide where the labels lie (edema is the outer shell of the tumor,
the core touches normal brain little) and T1ce (enhancing tumor is bright there, a resection cavity dark). The layout of
the files counts as evidence too, and what contradicts it is refused, not guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

import numpy as np
from scipy import ndimage

from tumorseg.normalise import bounding_box
from tumorseg.regions import ED, ET, NCR, UNDIVIDED
from tumorseg.volume import BoolArray, FloatArray, LabelArray


class Convention(str, Enum):
    """A numbering of labels in files."""

    BRATS_2016 = "BraTS 2012-2016"
    BRATS_2020 = "BraTS 2017-2022"
    BRATS_2023 = "BraTS 2023"
    BRATS_2024 = "BraTS 2024"
    DECATHLON = "Decathlon"
    WHOLE_TUMOR = "whole tumor"


MEANINGS: Mapping[Convention, Mapping[int, int]] = {
    Convention.BRATS_2016: {1: NCR, 2: ED, 3: NCR, 4: ET},  # 3 is non-enhancing tumor
    Convention.BRATS_2020: {1: NCR, 2: ED, 4: ET},
    Convention.BRATS_2023: {1: NCR, 2: ED, 3: ET},
    Convention.BRATS_2024: {1: NCR, 2: ED, 3: ET, 4: 0},  # 4 is the resection cavity, no part of the tumor
    Convention.DECATHLON: {1: ED, 2: NCR, 3: ET},
    Convention.WHOLE_TUMOR: {1: UNDIVIDED, UNDIVIDED: UNDIVIDED},
}
"""Engine label of each number."""

CAVITY = 4
"""Resection cavity in BraTS 2024."""

T1ce = Callable[[], FloatArray | None]
"""Reads T1ce (z, y, x) when the labels alone do not tell; None where there is none."""

_FEWEST_VOXELS = 50
_SHELL = 0.1
"""How much more of its surface the outer label shows to normal brain; 0.17 to 0.92 in real cases."""
CLEAR_SHELL = 0.25
"""From which on the shell contradicts what else is known."""
_BRIGHTER = 0.3
"""Difference of mean T1ce in standard deviations of the brain; enhancing tumor has 1.5 over edema in real cases."""


def to_engine(labels: LabelArray, convention: Convention) -> LabelArray:
    """Renumber labels of a file for the engine.

    Args:
        labels: the numbers of the file, (z, y, x).
        convention: what they mean.

    Returns:
        Engine labels, same shape.

    Raises:
        ValueError: a label that the convention does not have.
    """
    meaning = MEANINGS[convention]
    _check_known(_values(labels), convention)
    table = np.zeros(256, np.uint8)
    table[list(meaning)] = list(meaning.values())
    return np.asarray(table[labels])


def identify_convention(
    labels: LabelArray, declared: Convention | None = None, t1ce: T1ce = lambda: None
) -> Convention:
    """Tell the convention of a label map (z, y, x).

    Args:
        labels: the numbers of the file.
        declared: what the layout says, if anything.
        t1ce: gives T1ce on the same grid; asked only when values and geometry leave it open.

    Raises:
        ValueError: why the data cannot be trusted, in words.
    """
    values = _values(labels)
    if declared is not None:
        _check_known(values, declared)
        _check_shell(labels, declared)
        return declared
    if values == {UNDIVIDED}:
        return Convention.WHOLE_TUMOR
    if unknown := values - {1, 2, 3, 4}:
        raise ValueError(f"labels {sorted(unknown)} occur in no year of BraTS")
    if {3, 4} <= values:
        return _with_three_and_four(labels, t1ce())
    if 4 in values:
        return _with_four(labels, t1ce())
    return _up_to_three(labels)


def shell_difference(labels: LabelArray) -> float | None:
    """Share of the surface that faces normal brain, of label 2 minus that of label 1; positive when 2 is outside.

    Args:
        labels: the numbers of the file, (z, y, x).

    Returns:
        -1 to 1, or None where a label has too few voxels to tell.
    """
    if min(np.count_nonzero(labels == 1), np.count_nonzero(labels == 2)) < _FEWEST_VOXELS:
        return None
    near = labels[bounding_box(labels != 0)]
    return _exposed(near, 2) - _exposed(near, 1)


def _values(labels: LabelArray) -> set[int]:
    return set(np.flatnonzero(np.bincount(labels.ravel())).tolist()) - {0}


def _check_known(values: set[int], convention: Convention) -> None:
    if unknown := values - MEANINGS[convention].keys():
        raise ValueError(f"labels {sorted(unknown)} do not occur in the {convention.value} convention")


def _check_shell(labels: LabelArray, declared: Convention) -> None:
    """Refuse labels whose edema clearly lies inside the core."""
    if declared is Convention.WHOLE_TUMOR or (difference := shell_difference(labels)) is None:
        return
    edema = next(number for number, meaning in MEANINGS[declared].items() if meaning == ED)
    if (difference if edema == 2 else -difference) < -CLEAR_SHELL:
        raise ValueError(
            f"by their names and folders they are in the {declared.value} convention, where {edema} is edema, "
            f"but {edema} lies inside label {3 - edema}; find out where they come from"
        )


def _with_three_and_four(labels: LabelArray, t1ce: FloatArray | None) -> Convention:
    difference = _brighter(t1ce, labels == 4, labels == 3)
    if difference is not None and abs(difference) > _BRIGHTER:
        return Convention.BRATS_2016 if difference > 0 else Convention.BRATS_2024
    raise ValueError(
        "they hold both 3 and 4, and T1ce does not tell whether 4 is enhancing tumor (BraTS 2012-2016) or a resection "
        "cavity (BraTS 2024); keep the file names of BraTS 2024"
    )


def _with_four(labels: LabelArray, t1ce: FloatArray | None) -> Convention:
    difference = _brighter(t1ce, labels == 4, labels == 2)
    if difference is not None and difference < -_BRIGHTER:
        raise ValueError(
            "label 4 is darker than edema on T1ce, so it is not enhancing tumor (BraTS 2017-2022) but perhaps a "
            "resection cavity (BraTS 2024); keep the file names of BraTS 2024"
        )
    return Convention.BRATS_2020


def _up_to_three(labels: LabelArray) -> Convention:
    """BraTS's meaning of 1 and 2, which is the same in all years, unless the shell contradicts it."""
    difference = shell_difference(labels)
    if difference is None or difference > -_SHELL:
        return Convention.BRATS_2023
    if difference < -CLEAR_SHELL and np.count_nonzero(labels == 3) >= _FEWEST_VOXELS:
        return Convention.DECATHLON
    raise ValueError(
        "label 1 lies outside label 2, so 1 may be edema (Medical Segmentation Decathlon) or an unusual core (BraTS); "
        "keep the layout in which they were published"
    )


def _exposed(labels: LabelArray, label: int) -> float:
    """Share of the faces of a label's surface that have label 0 on the other side."""
    inside = labels == label
    surface = exposed = 0
    for axis in range(3):
        size = labels.shape[axis]
        lower, upper = (np.take(labels, range(*ends), axis) for ends in ((0, size - 1), (1, size)))
        for here, there in ((lower, upper), (upper, lower)):
            outward = (here == label) & (there != label)
            surface += np.count_nonzero(outward)
            exposed += np.count_nonzero(outward & (there == 0))
    return exposed / surface if surface else float(inside.any())


def _brighter(t1ce: FloatArray | None, first: BoolArray, second: BoolArray) -> float | None:
    """Mean T1ce in the first part minus that in the second, in standard deviations of the brain."""
    if t1ce is None or t1ce.shape != first.shape:
        return None
    # Borders share voxels with their neighbours; thin parts have nothing but borders.
    parts = [eroded if (eroded := ndimage.binary_erosion(p)).sum() >= _FEWEST_VOXELS else p for p in (first, second)]
    if min(map(np.count_nonzero, parts)) < _FEWEST_VOXELS:
        return None
    return float((t1ce[parts[0]].mean() - t1ce[parts[1]].mean()) / t1ce[t1ce != 0].std())
