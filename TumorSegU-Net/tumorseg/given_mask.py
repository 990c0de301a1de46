"""A brain mask as it is given: brought to the grid of the reference, and what is to be told of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tumorseg.finding import Finding, called, reference_of
from tumorseg.grids import resampled
from tumorseg.guard_background import LARGEST_BRAIN_ML
from tumorseg.guard_identity import LITTLE_OVERLAP, NO_OVERLAP
from tumorseg.sequences import DISPLAY_NAMES, Case
from tumorseg.volume import Geometry, Volume

MASK_BLOCKS_BELOW = NO_OVERLAP
"""Part of a resampled mask that lies on something of the reference. The thinnest slab that is segmented has 10 mm, more
than this of a brain of 140 to 170 mm; masks in their places reach 0.9 and more of whole volumes."""


def on_grid(mask: Volume, grid: Geometry) -> Volume:
    """The mask itself where it lies on the grid; otherwise 1 and 0 by nearest neighbor, where the headers say."""
    if grid.matches(mask.geometry):
        return mask
    inside = (mask.array != 0).astype(np.float32)
    return replace(mask, array=resampled(inside, mask.geometry, grid, nearest=True), geometry=grid)


def placed(mask: Volume | None, case: Case) -> tuple[Volume | None, list[Finding]]:
    """The mask on the grid of the reference, and what is to be told of it.

    Args:
        mask: brain, not 0 inside, on any grid.
        case: the volumes, 0 outside of what they show.

    Returns:
        No mask where there is none or it cannot be used, which a blocking finding says.
    """
    if mask is None or not case:
        return None, []
    findings = list(_unusable(mask, case))
    reference = case[reference_of(case)]
    if findings or reference.geometry.impossible:
        return None, findings
    there = on_grid(mask, reference.geometry)
    findings = [*_elsewhere(mask, there, case), *_too_large(mask)]
    return (None if any(finding.severity == "blocking" for finding in findings) else there), findings


def mask_facts(mask: Volume | None) -> dict[str, str]:
    """Provenance: what the mask on the reference is called, where it came from, and its size in mL."""
    if mask is None:
        return {}
    origin = {f"brain_mask_{key}": value for key, value in mask.provenance.items()}
    return {"brain_mask": mask.name, **origin, "brain_mask_volume_ml": f"{_size_ml(mask):.1f}"}


def _unusable(mask: Volume, case: Case) -> Iterator[Finding]:
    """At most one finding: why the mask is none for this case, wherever it lies."""
    reference = reference_of(case)
    patients = mask.provenance.get("patient_id"), case[reference].provenance.get("patient_id")
    if not mask.array.any():
        yield _blocking(
            "empty-mask", f"The brain mask {mask.name} is empty.", "Give one that is not 0 inside the brain."
        )
    elif found := mask.geometry.impossible:
        message = f"The brain mask {mask.name} has {found}, which no scanner makes."
        yield _blocking("impossible-mask", message, "Check the voxel size and its unit in the header.")
    elif all(patients) and patients[0] != patients[1]:
        message = (
            f"The brain mask {mask.name} belongs to patient {patients[0]}, {called(reference, case)} to {patients[1]}."
        )
        yield _blocking("mask-of-another-patient", message, "Give the brain mask of this patient.")


def _elsewhere(mask: Volume, there: Volume, case: Case) -> Iterator[Finding]:
    """What is to be told of a mask on another grid than the reference, and whether it lies over what that shows."""
    reference = reference_of(case)
    volume, name = case[reference], called(reference, case)
    if there is mask:
        return
    share = _size_ml(replace(there, array=there.array * (volume.array != 0))) / _size_ml(mask)
    if share < MASK_BLOCKS_BELOW:
        remedy = f"Give the brain mask of this patient, or register it to the {DISPLAY_NAMES[reference]} first."
        yield _blocking("mask-elsewhere", f"The brain mask {mask.name} does not lie over {name}.", remedy)
        return
    if share < LITTLE_OVERLAP:
        message = f"Only {share:.0%} of the brain mask {mask.name} lie over {name}."
        remedy = "Check that both are of the same patient and examination."
        yield Finding("little-of-mask", "warning", (reference,), message, remedy)
    if volume.geometry.shares_voxels(mask.geometry):  # the same voxels, in another order or cut
        return
    details = ", ".join(volume.geometry.differences(mask.geometry))
    message = f"The brain mask {mask.name} is resampled to {name} where its header says ({details})."
    yield Finding("mask-resampled", "note", (reference,), message, "")


def _too_large(mask: Volume) -> Iterator[Finding]:
    if (size := _size_ml(mask)) > LARGEST_BRAIN_ML:
        message = (
            f"The brain mask {mask.name} has {size / 1000:.1f} L, "
            f"and a brain has less than {LARGEST_BRAIN_ML / 1000:.1f} L."
        )
        remedy = "Check that it is a mask of the brain, not a volume or a mask of the head."
        yield Finding("large-mask", "warning", (), message, remedy)


def _blocking(code: str, message: str, remedy: str) -> Finding:
    return Finding(code, "blocking", (), message, remedy)


def _size_ml(mask: Volume) -> float:
    return np.count_nonzero(mask.array) * mask.geometry.voxel_volume_ml
