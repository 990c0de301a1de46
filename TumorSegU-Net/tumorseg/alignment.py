"""Volumes on other grids, as scanners make them, are brought to the grid of the reference before anything else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product

import numpy as np

from tumorseg.finding import Finding, called, listed
from tumorseg.grids import box_holding, resampled
from tumorseg.guard_identity import little_overlap
from tumorseg.normalise import Box, bounding_box
from tumorseg.progress import Progress, Report
from tumorseg.registration import Motion, no_motion, rigid_motion
from tumorseg.sequences import DISPLAY_NAMES, Case
from tumorseg.volume import FloatArray, Geometry, Volume

LEAST_SHOWN = 0.5
"""Part of an interpolated voxel that a volume has to show; with less it is 0, as outside of the brain."""

FAR_MM = 10.0
"""Patients move by some millimetres between sequences (mean distance); more is told as a warning."""

ALIGN_STAGE = "align"

POSITION_FINDINGS = ("different-grid", "little-overlap")
"""Say where the volumes lay before."""

GRID_FINDINGS = ("small-field-of-view", "implausible-spacing")
"""Say what a grid is like: that of each volume as it was given, not that of the reference, on which all lie then."""


def elsewhere(case: Case, reference: str) -> tuple[str, ...]:
    """The sequences that do not lie on the grid of the reference."""
    grid = case[reference].geometry
    return tuple(sequence for sequence, volume in case.items() if not grid.matches(volume.geometry))


def find_motions(case: Case, reference: str, registers: bool, report: Report) -> dict[str, Motion]:
    """How the head lay in the volumes on other grids than the reference.

    What has the same voxels, stored in another order or cut, lies as its header says.

    Args:
        case: the volumes.
        reference: the sequence to whose grid the others are brought.
        registers: whether to look; otherwise the volumes lie as their headers say.
        report: as in ``pipeline.segment``.
    """
    moving = elsewhere(case, reference)
    if not registers:
        return {sequence: no_motion() for sequence in moving}
    motions = {}
    for number, sequence in enumerate(moving):

        def tell(fraction: float, before: int = number) -> None:
            report(Progress(ALIGN_STAGE, (before + fraction) / len(moving)))

        first, second = case[reference], case[sequence]
        elsewhere_too = any(little_overlap({reference: first, sequence: second}))
        in_place = first.geometry.shares_voxels(second.geometry) and not elsewhere_too
        motions[sequence] = no_motion() if in_place else rigid_motion(first, second, tell)
    return motions


def on_one_grid(case: Case, grid: Geometry, motions: Mapping[str, Motion]) -> Case:
    """The case with the moved volumes interpolated linearly on a grid, 0 where they show nothing."""
    return {s: _moved(volume, grid, motions[s]) if s in motions else volume for s, volume in case.items()}


def _moved(volume: Volume, grid: Geometry, motion: Motion) -> Volume:
    """What is 0 says where there is no brain, not how bright it is: only what is not 0 counts for the mean.

    Otherwise a rim of up to one voxel of the volume, of ever fainter values, would be taken for brain.
    """
    array, box = np.zeros(grid.shape, np.float32), _reached(volume, grid, motion)
    near = grid.crop(box)

    def there(array: FloatArray) -> FloatArray:
        return resampled(array, volume.geometry, near, motion.transform if motion.distance_mm else None)

    if all(near.shape):
        shown = there((volume.array != 0).astype(np.float32))
        mean = there(volume.array) / np.maximum(shown, LEAST_SHOWN)
        array[box] = np.where(shown >= LEAST_SHOWN, mean, np.float32(0))
    return replace(volume, array=array, geometry=grid)


def _reached(volume: Volume, grid: Geometry, motion: Motion) -> Box:
    """The part of a grid that is less than a voxel away from what a moved volume shows; the rest is 0."""
    content = bounding_box(volume.array != 0, margin=0)
    ends = [(side.start - 1, side.stop) for side in content[::-1]]
    corners = np.array([(*corner, 1) for corner in product(*ends)]) @ volume.geometry.index_to_lps.T
    return box_holding((corners @ np.linalg.inv(motion.matrix).T)[:, :3], grid)


def alignment_finding(case: Case, reference: str, motions: Mapping[str, Motion], registers: bool) -> Finding:
    """What was done to the volumes on other grids; a warning when one was moved far."""
    target = called(reference, case)
    if not registers:
        message = f"{_names(case, motions)} {_lay(motions)}; resampled to the {target} where the headers say."
        return Finding("resampled", "note", tuple(motions), message, "Check that the outlines fit.")
    details = listed(f"{DISPLAY_NAMES[s]} by {_amount(motion)}" for s, motion in motions.items())
    message = f"{_names(case, motions)} {_lay(motions)}; registered to the {target}: {details}."
    far = any(motion.distance_mm > FAR_MM for motion in motions.values())
    moved = tuple(sequence for sequence, motion in motions.items() if motion.distance_mm)
    if not far:
        return Finding("registered", "note", moved, message, "")
    remedy = "That is far; check that all volumes show the same patient, and that the outlines fit."
    return Finding("registered", "warning", moved, message, remedy)


def told_after_alignment(before: Iterable[Finding], after: Iterable[Finding]) -> list[Finding]:
    """What still holds of the check before the volumes were brought to one grid, and what it finds there, each once."""
    anew = [finding for finding in after if finding.code not in GRID_FINDINGS]
    again = {(finding.code, finding.volumes) for finding in anew}
    return [f for f in before if f.code not in POSITION_FINDINGS and (f.code, f.volumes) not in again] + anew


def motion_facts(motions: Mapping[str, Motion]) -> dict[str, str]:
    """Provenance: the first three rows of each matrix, by row."""
    return {
        f"input_{sequence}_motion": " ".join(f"{number:.5f}" for number in motion.matrix[:3].ravel())
        for sequence, motion in motions.items()
    }


def _names(case: Case, sequences: Iterable[str]) -> str:
    return listed(called(sequence, case) for sequence in sequences)


def _lay(motions: Mapping[str, Motion]) -> str:
    return "lay on another grid" if len(motions) == 1 else "lay on other grids"


def _amount(motion: Motion) -> str:
    return f"{motion.distance_mm:.1f} mm and {motion.degrees:.1f} degrees"
