"""The guard: everything that is wrong with the inputs, found before the run and said at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from tumorseg.finding import Finding, Severity, by_severity, called, listed, reference_of
from tumorseg.given_mask import placed
from tumorseg.guard_background import lacking_background
from tumorseg.guard_copies import rescaled_images, same_images
from tumorseg.guard_coverage import coverage
from tumorseg.guard_header import two_positions, unknown_sizes
from tumorseg.guard_identity import different_origins, little_overlap, misplaced
from tumorseg.guard_likeness import likeness
from tumorseg.guard_names import different_names
from tumorseg.guard_whole import whole_brain
from tumorseg.outside import with_zero_outside
from tumorseg.sequences import DISPLAY_NAMES, Case
from tumorseg.sides import unknown_sides
from tumorseg.volume import FloatArray, Volume

__all__ = ["Finding", "blocking", "check_case"]

MIN_FILLED = 0.01
"""Smallest part of a volume that is not background; a brain fills 13-25 % of the usual field of view."""

SPACING_RANGE_MM = (0.1, 10.0)
MIN_EXTENT_MM = 60.0
"""A field of view this small cannot hold a brain."""

THINNEST_MM = 10.0
"""In less than this, five voxels of the shipped network, a network made for whole brains finds little that holds: in
8 mm of a real case it finds 42 % of the tumor that it finds in the same slices of the whole one."""

MAX_LABELS = 10
"""Volumes with at most this many different values, all whole numbers, are segmentations."""

MAX_ROUNDED = 50
"""Volumes with at most this many different values, all whole numbers, are no usual MR images.

Real ones have 225 and more (atlases of 8 bits too), scaled to 8 bits by a single bright voxel 125 and more, with 6 bits
65; a segmentation of the whole brain (FreeSurfer) has about 45."""

OtherGrids = Literal["refused", "resampled", "registered"]
"""What becomes of volumes on other grids than the reference."""

_GRID_REMEDIES: Mapping[OtherGrids, str] = {
    "refused": "Register and resample them to the {reference} first, "
    "e.g. in 3D Slicer with General Registration (BRAINS).",
    "resampled": "They are resampled to the {reference} where their headers say.",
    "registered": "They are registered and resampled to the {reference} before the segmentation.",
}


def check_case(
    case: Case,
    required: Sequence[str],
    mask: Volume | None = None,
    other_grids: OtherGrids = "refused",
    registered: Sequence[str] = (),
) -> list[Finding]:
    """Check the volumes that a model needs; other volumes of the case do not matter.

    Args:
        case: the volumes.
        required: the sequences the model needs.
        mask: brain, not 0 inside, on any grid; what the volumes show together is judged only there.
        other_grids: what becomes of volumes that do not lie on the grid of the reference.
        registered: the sequences that were brought to that grid by registration, and may not fit.

    Returns:
        All findings, blocking ones first and notes last; empty when there is nothing to say.
    """
    needed = {sequence: case[sequence] for sequence in required if sequence in case}
    needed, outside = with_zero_outside(needed, mask is not None)
    contents = [finding for sequence in needed for finding in _content(sequence, needed)]
    contents += _impossible_grids(needed)
    spoiled = {sequence for finding in blocking(contents) for sequence in finding.volumes}
    sound = {sequence: volume for sequence, volume in needed.items() if sequence not in spoiled}
    brain, of_mask = placed(mask, needed)
    brains = sound if brain is None else {sequence: _within(brain, volume) for sequence, volume in sound.items()}
    different_grids, unstripped = list(_different_grids(needed, other_grids)), list(lacking_background(brains))
    duplicates, apart = list(same_images(sound)), list(little_overlap(brains, other_grids == "registered"))
    comparable = not (spoiled or different_grids or unstripped or duplicates)
    rescaled, small = list(rescaled_images(brains)) if comparable else [], list(_small_fields(needed))
    findings = [
        *_missing(needed, required),
        *contents,
        *of_mask,
        *duplicates,
        *different_origins(needed),
        *different_names(needed),
        *different_grids,
        *apart,
        *(coverage(brains) if comparable and not apart else ()),
        *(likeness(brains, registered) if comparable and not apart else ()),
        *rescaled,
        *misplaced(brains, look=comparable and not (contents or rescaled)),
        *unknown_sides(needed),
        *two_positions(needed),
        *unknown_sizes(needed),
        *_implausible_spacings(needed),
        *small,
        *(whole_brain(brains, brain.name if brain else None) if comparable and not (apart or small) else ()),
        *outside,
        *(unstripped if mask is None else ()),
    ]
    return by_severity(findings)


def blocking(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that make a run meaningless."""
    return [finding for finding in findings if finding.severity == "blocking"]


def _within(mask: Volume, volume: Volume) -> Volume:
    """The volume with 0 outside of a mask; unchanged on another grid, from which it has yet to be moved."""
    if not mask.geometry.matches(volume.geometry):
        return volume
    return replace(volume, array=np.where(mask.array != 0, volume.array, np.float32(0)))


def _missing(case: Case, required: Sequence[str]) -> Iterator[Finding]:
    missing = tuple(sequence for sequence in required if sequence not in case)
    if missing:
        message = f"{listed(DISPLAY_NAMES[s] for s in missing)} {'is' if len(missing) == 1 else 'are'} missing."
        remedy = f"Give all volumes that this model needs: {listed(DISPLAY_NAMES[s] for s in required)}."
        yield Finding("missing", "blocking", missing, message, remedy)


def _content(sequence: str, case: Case) -> Iterator[Finding]:
    """At most one finding: what is wrong with the values of a volume."""
    array, name = case[sequence].array, called(sequence, case)
    # Minimum and maximum carry NaN and infinity along, and need no temporary array.
    low, high = float(array.min(initial=np.inf)), float(array.max(initial=-np.inf))
    if not array.size:
        yield Finding("constant", "blocking", (sequence,), f"{name} is empty.", "Choose another volume.")
    elif not np.isfinite(low + high):
        count = array.size - np.count_nonzero(np.isfinite(array))
        message = f"{name} has {count} {'voxels' if count > 1 else 'voxel'} without a valid number (NaN or infinite)."
        yield Finding("not-finite", "blocking", (sequence,), message, "Export it again, or set these voxels to 0.")
    elif low == high:
        message = f"{name} has the same value ({low:.6g}) everywhere."
        yield Finding("constant", "blocking", (sequence,), message, "Choose another volume.")
    elif 0 < len(values := _few_values(array)) <= MAX_LABELS:
        numbers = ", ".join(f"{value:.0f}" for value in values)
        message = f"{name} is a segmentation, not an MR image: it holds only the numbers {numbers}."
        yield Finding("label-map", "blocking", (sequence,), message, "Choose the MR volume.")
    elif np.count_nonzero(array) < MIN_FILLED * array.size:
        message = f"{name} is nearly empty: {np.count_nonzero(array) / array.size:.1%} of its voxels are not 0."
        yield Finding("nearly-empty", "blocking", (sequence,), message, "Choose another volume or crop it to the head.")
    elif len(values):
        message = f"{name} holds only {len(values)} different numbers, as segmentations or roughly rounded images do."
        yield Finding("few-values", "warning", (sequence,), message, "Choose the MR volume, or export it again.")


def _few_values(array: FloatArray) -> FloatArray:
    """The values of what may be a segmentation; none of an image. A coarse sample tells images at once."""
    if len(np.unique(array[::4, ::4, ::4])) <= MAX_ROUNDED:
        values = np.unique(array)
        if len(values) <= MAX_ROUNDED and np.array_equal(values, np.round(values)):
            return values
    return np.zeros(0, np.float32)


def _different_grids(case: Case, other_grids: OtherGrids) -> Iterator[Finding]:
    if not case:
        return
    reference = reference_of(case)
    differences = {
        sequence: found
        for sequence, volume in case.items()
        if (found := case[reference].geometry.differences(volume.geometry))
    }
    if differences:
        details = "; ".join(f"{called(sequence, case)}: {', '.join(found)}" for sequence, found in differences.items())
        message = f"Not all volumes lie on the grid of {called(reference, case)} - {details}."
        severity: Severity = "blocking" if other_grids == "refused" else "note"
        remedy = _GRID_REMEDIES[other_grids].format(reference=DISPLAY_NAMES[reference])
        yield Finding("different-grid", severity, tuple(differences), message, remedy)


def _impossible_grids(case: Case) -> Iterator[Finding]:
    """Files with such grids are not even read; what 3D Slicer sends is."""
    grids: dict[str, list[str]] = {}
    for sequence, volume in case.items():
        if found := volume.geometry.impossible:
            grids.setdefault(found, []).append(sequence)
    for found, sequences in grids.items():
        names = listed(called(sequence, case) for sequence in sequences)
        message = f"{names} {'has' if len(sequences) == 1 else 'have'} {found}, which no scanner makes."
        remedy = "Check the voxel size and its unit in the header, or convert the images again."
        yield Finding("impossible-spacing", "blocking", tuple(sequences), message, remedy)


def _implausible_spacings(case: Case) -> Iterator[Finding]:
    for sequence, volume in case.items():
        if _implausible(volume) and not volume.geometry.impossible:
            size = _size(volume.geometry.spacing)
            message = f"{called(sequence, case)} has voxels of {size} mm, which no MR brain scan has."
            remedy = "Check the voxel size; results are measured with it."
            yield Finding("implausible-spacing", "warning", (sequence,), message, remedy)


def _implausible(volume: Volume) -> bool:
    low, high = SPACING_RANGE_MM
    return min(volume.geometry.spacing) < low or max(volume.geometry.spacing) > high


def _small_fields(case: Case) -> Iterator[Finding]:
    """One finding for all volumes of the same extent; none where the voxel size is wrong."""
    small: dict[str, list[str]] = {}
    for sequence, volume in case.items():
        if min(volume.geometry.extent_mm) < MIN_EXTENT_MM and not (_implausible(volume) or volume.geometry.impossible):
            small.setdefault(_size(volume.geometry.extent_mm), []).append(sequence)
    for size, sequences in small.items():
        yield _small_field(case, size, sequences)


def _small_field(case: Case, size: str, sequences: Sequence[str]) -> Finding:
    names, cover = listed(called(s, case) for s in sequences), "covers" if len(sequences) == 1 else "cover"
    if min(case[sequences[0]].geometry.extent_mm) < THINNEST_MM:
        message = f"{names} {cover} only {size} mm, too little for a network that looks at whole brains."
        return Finding("thin-slab", "blocking", tuple(sequences), message, "Give the whole volume.")
    message = f"{names} {cover} only {size} mm, less than a brain."
    remedy = (
        "The model was made for whole brains; give the whole volume if there is one; the side of the tumor is not told."
    )
    return Finding("small-field-of-view", "warning", tuple(sequences), message, remedy)


def _size(values: Sequence[float]) -> str:
    return " x ".join(f"{value:.3g}" for value in values)
