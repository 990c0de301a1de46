"""Whether the volumes have a background: heads with their skull, and pieces without anything around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from tumorseg.finding import Finding, called, listed
from tumorseg.sequences import Case

LARGEST_BRAIN_ML = 2500.0
"""More tissue than this includes the skull: brains in BraTS and the atlases have 1250-1960 mL, heads 3300 and more."""

FULL = 0.9
"""Part of a volume that is not 0; a brain fills 13-25 % of the usual field of view, and half of the box around it."""


def lacking_background(case: Case) -> Iterator[Finding]:
    """Volumes with more around the brain than 0.

    Args:
        case: volumes that are 0 outside of what they show.
    """
    counts = {sequence: int(np.count_nonzero(volume.array)) for sequence, volume in case.items()}
    filled = {s: count * case[s].geometry.voxel_volume_ml for s, count in counts.items()}
    heads = {sequence: volume_ml for sequence, volume_ml in filled.items() if volume_ml > LARGEST_BRAIN_ML}
    if heads:
        yield _skull(case, heads)
    full = {s: n / case[s].array.size for s, n in counts.items() if s not in heads and n > FULL * case[s].array.size}
    if full:
        yield _full(case, full)


def _skull(case: Case, heads: Mapping[str, float]) -> Finding:
    message = (
        f"The skull has probably not been removed from {listed(called(sequence, case) for sequence in heads)}: "
        f"{max(heads.values()) / 1000:.1f} L are not background, "
        f"and a brain has less than {LARGEST_BRAIN_ML / 1000:.1f} L."
    )
    remedy = (
        "Give a brain mask (in 3D Slicer under Advanced, at a shell with --brain-mask), "
        "or remove the skull first, e.g. with the HDBrainExtraction extension of 3D Slicer."
    )
    return Finding("skull", "warning", tuple(heads), message, remedy)


def _full(case: Case, full: Mapping[str, float]) -> Finding:
    names, has = listed(called(sequence, case) for sequence in full), "has" if len(full) == 1 else "have"
    message = f"{names} {has} no background: {min(full.values()):.0%} of the voxels are not 0."
    remedy = (
        "The brain is taken to be where a volume is not 0; set the rest to 0, or give a brain mask; "
        "the side of the tumor is not told."
    )
    return Finding("no-background", "warning", tuple(full), message, remedy)
