"""What the header of an image file leaves out or says twice: where left is, how large voxels are, where they lie.

ITK fills in what is missing without a word. Of the two positions that a NIfTI file can have it takes the sform where
the code of the qform is 0, or that of the sform 1 and its axes perpendicular, otherwise the qform; FSL, SPM and
nibabel take the sform whenever it has a code. SPM's Coregister writes files in which they differ: the new position in
the sform (code 2), the old one in the qform.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tumorseg.errors import BadInputError
from tumorseg.image_integrity import GZIP, NIFTI_HEADER_BYTES, nifti_header
from tumorseg.volume import Geometry, Triple

UNKNOWN_SIDES: Mapping[str, str] = {"sides": "unknown"}
"""In the provenance of a volume whose file does not say where left is."""

UNKNOWN_SIZE: Mapping[str, str] = {"voxel_size": "unknown"}
"""In the provenance of a volume whose file does not say how large its voxels are."""

POSITION = "position"
"""In the provenance of a volume whose file has two positions: which one is used, ``sform`` or ``qform``."""

APART = "positions_apart_mm"
"""In the provenance beside ``POSITION``: the largest distance between both positions of a voxel."""

APART_MM = 1.0
"""Larger distances count: registration does not make smaller motions either."""

SIZE_TOLERANCE = 0.01
"""Relative difference between the voxel sizes of one header that counts as none."""

RIGID_SHEAR = 1e-3
"""Largest cosine between two axes of a rigid sform: 0.3 mm at the far end of a head."""

ITK_SHEAR = 1e-4
"""Up to which ITK takes the axes of a sform of code 1 for perpendicular, by the products of their rows; with SimpleITK
2.5 found by reading files."""

Matrix = npt.NDArray[np.float64]

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_TEXT_BYTES = 1 << 20  # longer than any header of text
_MILLIMETRES = (0, 2)  # not told, and told
_ANATOMICAL = re.compile(r"(right|left)-|[rl][ap][si]t?$")
_META_DIRECTIONS, _META_SIZES = {"TransformMatrix", "Orientation", "Rotation"}, {"ElementSpacing", "ElementSize"}


@dataclass(frozen=True)
class SecondPosition:
    """Where the sform puts a volume that ITK puts elsewhere, by the qform.

    Attributes:
        sform: 4x4, from voxel indices (i, j, k) to mm in LPS.
        apart_mm: largest distance between both positions of a corner voxel.
        rigid: whether the sform is no more than a position: perpendicular axes, and voxels of the size that the header
            tells. Affine ones, e.g. into an atlas, change the size of the brain.
    """

    sform: Matrix
    apart_mm: float
    rigid: bool

    def place(self, geometry: Geometry) -> Geometry:
        """The grid of a volume where the sform puts it, if that is rigid."""
        if not self.rigid:
            return geometry
        spacing = _lengths(self.sform)
        direction = tuple(_axes(self.sform).ravel())
        return replace(geometry, origin=_triple(self.sform[:3, 3]), spacing=_triple(spacing), direction=direction)


def header_facts(path: Path, by_itk: bool = False) -> dict[str, str]:
    """What the guard has to know of a header, for the provenance of the volume.

    Args:
        path: of an image; one that cannot be read is told of elsewhere.
        by_itk: whether the volume lies where ITK puts it, as in 3D Slicer, instead of where ``read_volume`` does.
    """
    facts = {} if says_where_left_is(path) else dict(UNKNOWN_SIDES)
    facts |= {} if says_voxel_size(path) else UNKNOWN_SIZE
    header = _nifti_header_of(path)
    second = None if header is None else second_position(header)
    if second:
        facts |= {POSITION: "sform" if second.rigid and not by_itk else "qform", APART: f"{second.apart_mm:.1f}"}
    return facts


def says_where_left_is(path: Path) -> bool:
    """False for files on whose left side programs differ, or of which ITK only assumes it.

    These are NIfTI files whose codes of both transforms are 0, or whose transforms mirror each other, NRRD files
    without anatomical space or directions, and MetaImage files without directions.
    """
    if (header := _nifti_header_of(path)) is not None:
        return bool(header["codes"].any()) and not _mirrored(header)
    fields = _text_fields(path)
    if _is_meta(path):
        return not fields or bool(_META_DIRECTIONS & set(fields))
    return not fields or ("space directions" in fields and bool(_ANATOMICAL.match(fields.get("space", "").lower())))


def says_voxel_size(path: Path) -> bool:
    """False for files whose voxels ITK takes to have 1 mm, because the header does not say."""
    if (header := _nifti_header_of(path)) is not None:
        return bool(header["pixdim"][1:4].all())
    fields = _text_fields(path)
    sizes = _META_SIZES if _is_meta(path) else {"spacings", "space directions"}
    return not fields or bool(sizes & set(fields))


def second_position(header: np.void) -> SecondPosition | None:
    """Of a NIfTI file whose sform lies elsewhere than the qform, which ITK takes; None where they agree.

    A rigid sform is the newer position: a program moved the volume to where it fits the others, and only the sform says
    so. Taken by the qform such volumes lie side by side without a word, and results lie beside the tumor in every
    program but those made with ITK.
    """
    qform_code, sform_code = header["codes"]
    # ITK converts other units for the qform only.
    if qform_code <= 0 or sform_code <= 0 or (header["units"] & 7) not in _MILLIMETRES:
        return None
    qform, sform = _qform(header), _sform(header)
    apart = float(np.linalg.norm(_corners(header) @ (qform - sform).T, axis=1).max())
    rigid = _is_rigid(header, sform)
    taken_by_itk = rigid and sform_code == 1 and _shear(_axes(sform).T) <= ITK_SHEAR
    if apart <= APART_MM or not np.isfinite(apart) or taken_by_itk:
        return None
    return SecondPosition(sform, apart, rigid)


def refuse_two_sizes(header: np.void, path: Path) -> None:
    """Refuse a NIfTI file of whose two voxel sizes ITK takes that of pixdim, and the directions of the sform.

    Affine sforms beside a qform are no fault: they have the code of an atlas, and ITK takes the qform.

    Raises:
        BadInputError: pixdim and the columns of the sform differ.
    """
    qform_code, sform_code = header["codes"]
    if sform_code <= 0 or (qform_code > 0 and sform_code != 1) or _same_sizes(header, sform := _sform(header)):
        return
    raise BadInputError(
        f"{path} has two voxel sizes in its header, {_size(_pixdim(header))} mm (pixdim) and "
        f"{_size(_lengths(sform))} mm (sform); convert the images again, "
        "or correct the wrong one with the program that wrote it."
    )


def _nifti_header_of(path: Path) -> np.void | None:
    """None for other formats and for files that cannot be read."""
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        return None
    try:
        with path.open("rb") as file:
            compressed = file.read(len(GZIP)) == GZIP
        with gzip.open(path) if compressed else path.open("rb") as file:
            return nifti_header(file.read(NIFTI_HEADER_BYTES), path)
    except (OSError, EOFError, zlib.error, BadInputError):
        return None


def _is_meta(path: Path) -> bool:
    return path.suffix.lower() in (".mha", ".mhd")


def _text_fields(path: Path) -> dict[str, str]:
    """Fields of the header of an NRRD or MetaImage file; none of other files and of those that cannot be read."""
    if path.suffix.lower() not in (".nrrd", ".nhdr", ".mha", ".mhd"):
        return {}
    try:
        with path.open("rb") as file:
            text = file.read(_TEXT_BYTES).decode("latin-1")
    except OSError:
        return {}
    separator, end = ("=", r"\nElementDataFile") if _is_meta(path) else (":", r"\r?\n\r?\n")
    lines = re.split(end, text, maxsplit=1)[0].splitlines()
    pairs = (line.split(separator, 1) for line in lines if separator in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _mirrored(header: np.void) -> bool:
    """Whether of two valid transforms one has left where the other has right."""
    qfac = -1.0 if header["pixdim"][0] < 0 else 1.0  # as the standard says; 0 means 1
    return bool((header["codes"] > 0).all() and np.linalg.det(header["srow"][:, :3].astype(float)) * qfac < 0)


def _is_rigid(header: np.void, sform: Matrix) -> bool:
    return _same_sizes(header, sform) and _shear(_axes(sform)) <= RIGID_SHEAR


def _axes(sform: Matrix) -> Matrix:
    """3x3, the directions of the voxel axes as columns."""
    return np.asarray(sform[:3, :3] / _lengths(sform))


def _shear(vectors: Matrix) -> float:
    """How far the columns are from perpendicular ones of length 1: largest cosine between two."""
    return float(np.abs(vectors.T @ vectors - np.eye(3)).max())


def _same_sizes(header: np.void, sform: Matrix) -> bool:
    return bool(np.allclose(_lengths(sform), _pixdim(header), rtol=SIZE_TOLERANCE, atol=0))


def _sform(header: np.void) -> Matrix:
    """4x4, from voxel indices (i, j, k) to LPS."""
    return np.asarray(_RAS_TO_LPS @ np.vstack([header["srow"].astype(float), [0, 0, 0, 1]]))


def _qform(header: np.void) -> Matrix:
    """The same of the qform, whose rotation is a quaternion that lacks its first number."""
    b, c, d, *offset = header["quaternion"].astype(float)
    a = np.sqrt(max(0.0, 1.0 - b * b - c * c - d * d))
    rotation = [
        [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ]
    sizes = _pixdim(header) * [1, 1, -1 if header["pixdim"][0] < 0 else 1]
    matrix = np.eye(4)
    matrix[:3] = np.column_stack([rotation * sizes, offset])
    return np.asarray(_RAS_TO_LPS @ matrix)


def _corners(header: np.void) -> Matrix:
    """Indices (8, 4) of the corner voxels, homogeneous."""
    ends = np.array([[0, max(0, size - 1)] for size in header["dim"][1:4].tolist()])
    grid = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(8, 3)
    return np.column_stack([grid, np.ones(8)])


def _pixdim(header: np.void) -> Matrix:
    return np.asarray(np.abs(header["pixdim"][1:4].astype(float)))


def _lengths(matrix: Matrix) -> Matrix:
    return np.asarray(np.linalg.norm(matrix[:3, :3], axis=0))


def _triple(values: Matrix) -> Triple:
    x, y, z = values.tolist()
    return x, y, z


def _size(values: Matrix) -> str:
    return " x ".join(f"{value:.4g}" for value in values)
