"""What the headers of files leave out or say twice: the size of voxels, and where they lie."""

from __future__ import annotations

from collections.abc import Iterator

from tumorseg.file_header import APART, POSITION, UNKNOWN_SIZE
from tumorseg.finding import Finding, called, listed
from tumorseg.sequences import Case

_SFORM = (
    "sform was used, as FSL, SPM and nibabel do; 3D Slicer and ITK-SNAP use the qform",
    "Results lie beside the volume in 3D Slicer unless the qform of the file is set to the sform "
    "(fslorient -copysform2qform).",
)
_QFORM = (
    "qform was used, as 3D Slicer and ITK-SNAP do; FSL, SPM and nibabel use the sform",
    "Check that the outlines fit, and reslice the volume if the sform is the position you want.",
)


def unknown_sizes(case: Case) -> Iterator[Finding]:
    """Volumes whose files do not say how large their voxels are."""
    unknown = tuple(s for s, volume in case.items() if UNKNOWN_SIZE.items() <= volume.provenance.items())
    if unknown:
        names, does = listed(called(s, case) for s in unknown), "does" if len(unknown) == 1 else "do"
        message = f"{names} {does} not say how large the voxels are, so they are taken to have 1 mm."
        remedy = "Convert the images again; results are measured with it."
        yield Finding("unknown-voxel-size", "warning", unknown, message, remedy)


def two_positions(case: Case) -> Iterator[Finding]:
    """Volumes whose files have two positions, of which programs take one or the other."""
    for used, (words, remedy) in {"sform": _SFORM, "qform": _QFORM}.items():
        found = tuple(s for s, volume in case.items() if volume.provenance.get(POSITION) == used)
        if found:
            apart = max(float(case[sequence].provenance[APART]) for sequence in found)
            names, have = listed(called(s, case) for s in found), "has" if len(found) == 1 else "have"
            message = f"{names} {have} two positions in the header, {apart:.0f} mm apart: the {words}."
            yield Finding("two-positions", "warning", found, message, remedy)
