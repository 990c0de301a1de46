"""What ITK leaves out when it reads NIfTI: files that end early, NaN, and axes that are not quite perpendicular.

ITK fills the missing part of a NIfTI file and voxels that are not numbers with zeros without a word, and refuses axes
that rounding or an affine registration has sheared by a fraction of a degree. Nor does it say so when the disk is full
and what it writes ends early.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorseg.errors import BadInputError
from tumorseg.inflate import DamagedError, TooLargeError, inflate
from tumorseg.itk_names import copy_folder
from tumorseg.volume import FloatArray

SHEAR_TOLERANCE = 0.01
"""Largest cosine between two axes that is straightened silently: 0.6 degrees, under 1 mm at the edge of a head."""

# The fields needed here, at the byte offsets of https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h
_COUNTS, _SCALES = ("sizeof_hdr", "dim", "datatype", "bitpix"), ("pixdim", "vox_offset", "slope", "inter")
_NIFTI1 = np.dtype(
    {
        "names": [*_COUNTS, *_SCALES, "units", "codes", "quaternion", "srow", "magic"],
        "formats": ["i4", "(8,)i2", "i2", "i2", "(8,)f4", "f4", "f4", "f4", "u1", "(2,)i2", "(6,)f4", "(3,4)f4", "S4"],
        "offsets": [0, 40, 70, 72, 76, 108, 112, 116, 123, 252, 256, 280, 344],
        "itemsize": 348,
    }
)
NIFTI_HEADER_BYTES = _NIFTI1.itemsize
_FLOATS = {16: "f4", 64: "f8"}
_NUMBERS = {2: "u1", 4: "i2", 8: "i4", 256: "i1", 512: "u2", 768: "u4"} | _FLOATS
_FIRST_VOXEL = 352
"""Byte after the header; a smaller number in the header is an error that ITK mends."""
GZIP = b"\x1f\x8b"

MAX_BYTES = 2 << 30
"""Of a decoded file: four times the largest in public data (4-D float64). Zeros compress 1000-fold, so a small file
could otherwise fill the memory."""
_ROUNDING = 1e-6  # of cosines that a file stores as float32


@dataclass(frozen=True)
class Nifti:
    """A whole NIfTI-1 file, decoded.

    Attributes:
        content: header and voxels.
        header: numpy record of ``_NIFTI1``.
    """

    content: bytes
    header: np.void

    def voxels(self) -> FloatArray | None:
        """The voxels (z, y, x) of a 3-D file whose numbers are not scaled; None where ITK knows better."""
        header = self.header
        kind = _NUMBERS.get(int(header["datatype"]))
        plain = header["slope"] in (0, 1) and header["inter"] == 0 and header["dim"][0] == 3
        start = int(header["vox_offset"])
        if kind is None or not plain or header["magic"] != b"n+1" or start < _FIRST_VOXEL:
            return None
        shape = header["dim"][3:0:-1].tolist()
        values = np.frombuffer(self.content, _stored(kind, header), math.prod(shape), start)
        return values.astype(np.float32).reshape(shape)


def read_nifti(data: bytes, path: Path) -> Nifti:
    """Decode the bytes of a NIfTI file to their end and look at its voxels.

    Raises:
        BadInputError: it ends early, its compressed stream is damaged, it is not a NIfTI-1 file, or voxels are NaN
            or infinite.
    """
    content = _content(data, path)
    header = nifti_header(content, path)
    try:
        complete, bad = len(content) >= _file_size(header), _count_not_finite(content, header)
    except (ValueError, OverflowError) as error:  # sizes that no file has
        raise damaged(path) from error
    if not complete:
        raise damaged(path)
    if bad:
        raise BadInputError(
            f"{path} has {bad} {'voxels' if bad > 1 else 'voxel'} without a valid number (NaN or infinite); "
            "export it again, or set these voxels to 0."
        )
    return Nifti(content, header)


def settle(path: Path, voxel_bytes: int | None = None) -> None:
    """Make sure that a NIfTI or NRRD file that ITK or Slicer has just written is on the disk, to the last byte.

    Args:
        path: of the file, compressed or not.
        voxel_bytes: of its voxels, decoded; None for a compressed file of which only whoever wrote it knows.

    Raises:
        OSError: it is not.
    """
    with path.open("rb+") as file:
        os.fsync(file.fileno())  # network drives and quotas tell only now
        data = file.read()
    header_bytes = _FIRST_VOXEL
    if path.suffix.lower() == ".nrrd":
        data, header_bytes = data.partition(b"\n\n")[2], 0
    expected = None if voxel_bytes is None else header_bytes + voxel_bytes
    try:
        content = inflate(data, expected or MAX_BYTES) if data.startswith(GZIP) else data
    except (DamagedError, TooLargeError) as error:
        raise OSError("the file is damaged") from error
    if expected is not None and len(content) != expected:
        raise OSError("the file is incomplete")


@contextmanager
def straightened(path: Path) -> Iterator[Path]:
    """A temporary copy of a NIfTI file whose axes are made perpendicular about the centre of the grid.

    Raises:
        BadInputError: the axes are sheared by more than ``SHEAR_TOLERANCE``.
    """
    content = bytearray(_content(path.read_bytes(), path))
    header = nifti_header(content, path)
    affine = header["srow"].astype(float)
    spacing = np.linalg.norm(affine[:, :3], axis=0)
    axes = perpendicular(affine[:, :3] / spacing, path) * spacing
    centre = (header["dim"][1:4] - 1) / 2
    header["srow"] = np.column_stack([axes, affine[:, 3] + (affine[:, :3] - axes) @ centre])
    with temporary_copy(content, "straightened.nii") as copy:
        yield copy


@contextmanager
def temporary_copy(content: bytes | bytearray, name: str) -> Iterator[Path]:
    """A file of some bytes under a name that ITK likes."""
    with copy_folder() as folder:
        copy = Path(folder) / name
        copy.write_bytes(content)
        yield copy


def perpendicular(cosines: npt.NDArray[np.float64], path: Path) -> npt.NDArray[np.float64]:
    """The perpendicular unit axes nearest to the columns of a 3x3 matrix of direction cosines.

    Raises:
        BadInputError: the columns are further than ``SHEAR_TOLERANCE`` from perpendicular.
    """
    shear = float(np.abs(cosines.T @ cosines - np.eye(3)).max())
    if shear < _ROUNDING:
        return cosines
    if not shear <= SHEAR_TOLERANCE:
        raise BadInputError(
            f"{path} has axes that are not perpendicular (sheared grid); "
            "resample it to a regular grid first, e.g. in 3D Slicer with Resample Scalar/Vector/DWI Volume."
        )
    left, _, right = np.linalg.svd(cosines)  # the polar decomposition's rotation
    return np.asarray(left @ right)


def damaged(path: Path) -> BadInputError:
    """The problem of a file that ends early or does not decode."""
    return BadInputError(f"{path} is incomplete or damaged; copy or export it again.")


def not_an_image(path: Path) -> BadInputError:
    """The problem of a file that is not what its extension says."""
    return BadInputError(f"{path} is not an image of the format that its extension says; export it again.")


def _content(data: bytes, path: Path) -> bytes:
    """The decoded bytes. What counts is how they begin, as for ITK, not the name of the file."""
    try:
        if data.startswith(GZIP):
            return inflate(data, MAX_BYTES)
        if len(data) > MAX_BYTES:
            raise TooLargeError
    except DamagedError as error:
        raise damaged(path) from error
    except TooLargeError as error:
        raise BadInputError(f"{path} decodes to more than {MAX_BYTES >> 30} GiB, which no MR volume has.") from error
    return data


def nifti_header(content: bytes | bytearray, path: Path) -> np.void:
    """The NIfTI-1 header as a numpy record that shares the memory of the content."""
    if len(content) < _NIFTI1.itemsize:
        raise damaged(path)
    for layout in (_NIFTI1, _NIFTI1.newbyteorder()):
        header: np.void = np.frombuffer(content, layout, count=1)[0]
        if header["sizeof_hdr"] == _NIFTI1.itemsize:
            return header
    if content[4:7] == b"n+2":
        raise BadInputError(f"{path} is a NIfTI-2 file; save it as NIfTI-1 or NRRD.")
    raise not_an_image(path)


def _file_size(header: np.void) -> int:
    sizes = header["dim"][1 : 1 + int(header["dim"][0])].astype(np.int64)
    return int(header["vox_offset"]) + int(np.prod(np.maximum(sizes, 1))) * int(header["bitpix"]) // 8


def _count_not_finite(content: bytes | bytearray, header: np.void) -> int:
    kind = _FLOATS.get(int(header["datatype"]))
    if kind is None:
        return 0
    start, end = int(header["vox_offset"]), _file_size(header)
    voxels = np.frombuffer(memoryview(content)[start:end], _stored(kind, header))
    return int(voxels.size - np.count_nonzero(np.isfinite(voxels)))


def _stored(kind: str, header: np.void) -> np.dtype[Any]:
    """A kind of number in the byte order of the file."""
    return np.dtype(kind).newbyteorder(header.dtype["sizeof_hdr"].byteorder)
