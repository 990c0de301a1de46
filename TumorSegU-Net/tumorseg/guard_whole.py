"""Whether the volumes show a whole brain, or one that was cut off or is too small."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from tumorseg.coarse import sample_steps
from tumorseg.finding import Finding, listed, reference_of
from tumorseg.sequences import Case

SMALLEST_BRAIN_ML = 800.0
"""Less is a piece of a brain, or a whole one with wrong voxel sizes."""

WHOLE_BRAINS_ML = "1250-1960 mL"
"""Of BraTS and the atlases."""

CUT_CM2 = 40.0
"""Area over which a brain may touch a face of the grid. Whole ones touch the lower face at the brain stem, with 11 cm2
at most in the ten real cases; cut through the middle they have 150 cm2."""

_FACES = {"L": "left", "R": "right", "P": "back", "A": "front", "S": "top", "I": "bottom"}
_OPPOSITE = dict(zip("LRPASI", "RLAPIS", strict=True))


def size_ml(case: Case) -> float:
    """What any of the volumes shows; all lie on one grid and are 0 outside of the brain."""
    geometry = case[reference_of(case)].geometry
    steps = sample_steps(geometry)
    shown = np.logical_or.reduce([volume.array[steps] != 0 for volume in case.values()])
    return np.count_nonzero(shown) * prod(step.step for step in steps) * geometry.voxel_volume_ml


def whole_brain(case: Case, mask: str | None = None) -> Iterator[Finding]:
    """Volumes of a part of a brain: which face of the grid cuts it, or that it is small.

    Args:
        case: volumes on one grid, without skull.
        mask: name of the brain mask outside of which they are 0.
    """
    if not case:
        return
    cuts = {face: area for face, area in _touched_cm2(case).items() if area > CUT_CM2}
    if cuts:
        yield _cut(case, cuts)
    elif 0 < (size := size_ml(case)) < SMALLEST_BRAIN_ML:  # an empty mask is told by the run
        yield _small(case, size, mask)


def _small(case: Case, size: float, mask: str | None) -> Finding:
    where, remedy = "The volumes show", "Give volumes of the whole brain, or check the voxel size"
    if mask is not None:
        where, remedy = f"Within the brain mask {mask} the volumes show", "Check that it is a mask of the whole brain"
    message = f"{where} only {size:.0f} mL of brain, and a whole one has {WHOLE_BRAINS_ML}."
    return Finding("small-brain", "warning", tuple(case), message, f"{remedy}; the side of the tumor is not told.")


def _cut(case: Case, cuts: dict[str, float]) -> Finding:
    places = listed(f"{_FACES[face]} ({area:.0f} cm2)" for face, area in cuts.items())
    message = f"The brain is cut off at the {places} of the volumes."
    if not {"L", "R"} & set(cuts):
        return Finding("cut-brain", "warning", tuple(case), message, "Give volumes of the whole brain.")
    remedy = "Give volumes of the whole brain; the side of the tumor is not told."
    return Finding("half-brain", "warning", tuple(case), message, remedy)


def _touched_cm2(case: Case) -> dict[str, float]:
    """Area of the brain on each face of the grid, by the side of the patient (L, R, P, A, S, I)."""
    geometry = case[reference_of(case)].geometry
    areas = {}
    for axis, letter in enumerate(geometry.orientation[::-1]):
        pixel_cm2 = 10 * geometry.voxel_volume_ml / geometry.spacing[2 - axis]
        for index, face in ((0, _OPPOSITE[letter]), (-1, letter)):
            shown = np.logical_or.reduce([np.take(volume.array, index, axis) != 0 for volume in case.values()])
            areas[face] = np.count_nonzero(shown) * pixel_cm2
    return areas
