"""A brain mask as it is given: read, brought to the grid of the reference, and what is to be told of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tumorseg.file_header import APART, POSITION
from tumorseg.finding import Finding, called, reference_of
from tumorseg.grids import resampled
from tumorseg.guard_background import LARGEST_BRAIN_ML, lacking_background
from tumorseg.guard_identity import LITTLE_OVERLAP, NO_OVERLAP
from tumorseg.outside import MOST, constant_background, edges
from tumorseg.sequences import DISPLAY_NAMES, Case
from tumorseg.volume import SPACING_TOLERANCE, FloatArray, Geometry, Volume

MASK_BLOCKS_BELOW = NO_OVERLAP
"""Part of a resampled mask that lies on something of the reference. The thinnest slab that is segmented has 10 mm, more
than this of a brain of 140 to 170 mm; masks in their places reach 0.9 and more of whole volumes."""

PROBABLE = 0.5
"""From which probability on a voxel of a mask of fractions is brain."""

AT_QFORM_MM = 0.1
"""``APART`` is rounded to this."""


def with_zero_around(mask: Volume) -> Volume:
    """The mask, 0 outside and only there: itself where it is not 0 inside, as masks usually are.

    Fractions between 0 and 1 are probabilities. A mask that is nowhere 0 (1 and 2, -1 and 1) has another number around.
    """
    array = mask.array
    if _fractions(array):
        return replace(mask, array=(array >= PROBABLE).astype(np.float32))
    if array.all() and (outside := constant_background(array)):
        return replace(mask, array=(array != np.float32(outside)).astype(np.float32))
    return mask


def along_with(reference: Volume, mask: Volume) -> Volume:
    """The mask itself, or where a program made with ITK made it of the reference's file, moved with that to its sform.

    Such programs read, and write, at the qform. That it lies there is seen from its distance to the reference, which is
    that of both positions, and from its size.
    """
    grid, its, facts = reference.geometry, mask.geometry, reference.provenance
    same_size = grid.shape == its.shape and np.allclose(grid.spacing, its.spacing, rtol=SPACING_TOLERANCE, atol=0)
    if facts.get(POSITION) != "sform" or not same_size:
        return mask
    apart = np.linalg.norm(grid.corners_lps() - its.corners_lps(), axis=1).max()
    return replace(mask, geometry=grid) if abs(apart - float(facts[APART])) < AT_QFORM_MM else mask


def on_grid(mask: Volume, grid: Geometry) -> Volume:
    """The mask itself where it lies on the grid; otherwise 1 and 0 by nearest neighbor, where the headers say."""
    mask = with_zero_around(mask)
    if grid.matches(mask.geometry):
        return mask
    inside = (mask.array != 0).astype(np.float32)
    return replace(mask, array=resampled(inside, mask.geometry, grid, nearest=True), geometry=grid)


def placed(mask: Volume | None, case: Case) -> tuple[Volume | None, list[Finding]]:
    """The mask on the grid of the reference, and what is to be told of it.

    Args:
        mask: brain, as ``with_zero_around`` reads it, on any grid.
        case: the volumes, 0 outside of what they show.

    Returns:
        No mask where there is none or it cannot be used, which a blocking finding says.
    """
    if mask is None or not case:
        return None, []
    mask = with_zero_around(mask)
    findings = list(_unusable(mask, case))
    reference = case[reference_of(case)]
    if findings or reference.geometry.impossible:
        return None, findings
    there = on_grid(along_with(reference, mask), reference.geometry)
    findings = [*_elsewhere(mask, there, case), *_resampled(mask, reference, case), *_too_large(mask)]
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
    """At most one finding: the mask and what the reference shows hardly lie over each other.

    Args:
        mask: where it was given.
        there: the same on the grid of the reference.
        case: the volumes.
    """
    reference = reference_of(case)
    volume, name = case[reference], called(reference, case)
    if not volume.array.any():  # told elsewhere
        return
    shown_ml, both_ml = _size_ml(volume), _size_ml(replace(there, array=there.array * (volume.array != 0)))
    of_mask, of_brain = both_ml / _size_ml(mask), both_ml / max(shown_ml, both_ml)
    remedy = "Check that both are of the same patient and examination."
    if of_mask < MASK_BLOCKS_BELOW:
        give = f"Give the brain mask of this patient, or register it to the {DISPLAY_NAMES[reference]} first."
        yield _blocking("mask-elsewhere", f"The brain mask {mask.name} does not lie over {name}.", give)
    elif of_mask < LITTLE_OVERLAP:
        message = f"Only {of_mask:.0%} of the brain mask {mask.name} lie over {name}."
        yield Finding("little-of-mask", "warning", (reference,), message, remedy)
    elif of_brain < LITTLE_OVERLAP and not any(lacking_background({reference: volume})):
        message = f"The brain mask {mask.name} leaves out {1 - of_brain:.0%} of the brain that {name} shows."
        yield Finding("little-in-mask", "warning", (reference,), message, "Nothing is found there; check the mask.")


def _resampled(mask: Volume, reference: Volume, case: Case) -> Iterator[Finding]:
    """A note where the mask was moved, or voxels lie between others."""
    sequence, name = reference_of(case), called(reference_of(case), case)
    if along_with(reference, mask) is not mask:
        message = f"The brain mask {mask.name} lies where the qform of {name} says, and was moved to the sform with it."
        yield Finding("mask-moved", "note", (sequence,), message, "")
    elif not reference.geometry.shares_voxels(mask.geometry):  # the same, in another order or cut
        details = ", ".join(reference.geometry.differences(mask.geometry))
        message = f"The brain mask {mask.name} is resampled to {name} where its header says ({details})."
        yield Finding("mask-resampled", "note", (sequence,), message, "")


def _too_large(mask: Volume) -> Iterator[Finding]:
    """At most one finding; what covers the edges of a large grid is a box, or what lies around a brain."""
    if (size := _size_ml(mask)) <= LARGEST_BRAIN_ML:
        return
    what = f"The brain mask {mask.name} has {size / 1000:.1f} L"
    if np.count_nonzero(border := edges(mask.array)) > MOST * border.size:
        yield _blocking(
            "no-mask", f"{what} and reaches the edges of its grid.", "Give one that is 0 outside the brain."
        )
        return
    message = f"{what}, and a brain has less than {LARGEST_BRAIN_ML / 1000:.1f} L."
    remedy = "Check that it is a mask of the brain, not a volume or a mask of the head."
    yield Finding("large-mask", "warning", (), message, remedy)


def _blocking(code: str, message: str, remedy: str) -> Finding:
    return Finding(code, "blocking", (), message, remedy)


def _fractions(array: FloatArray) -> bool:
    """Whether an array of 0 to 1 has something in between."""
    if not array.size or array.min() < 0 or array.max() > 1:
        return False
    return bool(np.any((array > 0) & (array < 1)))


def _size_ml(mask: Volume) -> float:
    return np.count_nonzero(mask.array) * mask.geometry.voxel_volume_ml
