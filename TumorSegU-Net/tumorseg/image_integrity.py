"""What ITK leaves out when it reads NIfTI: files that end early, NaN, and axes that are not quite perpendicular.

ITK fills the missing part of a NIfTI file and voxels that are not numbers with zeros without a word, and refuses axes
that rounding or an affine registration has sheared by a fraction of a degree.
"""

from __future__ import annotations

import gzip
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt
from scipy.linalg import polar

from tumorseg.errors import BadInputError

SHEAR_TOLERANCE = 0.01
"""Largest cosine between two axes that is straightened silently: 0.6 degrees, under 1 mm at the edge of a head."""

# The fields needed here, at the byte offsets of https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h
_NIFTI1 = np.dtype(
    {
        "names": ["sizeof_hdr", "dim", "datatype", "bitpix", "vox_offset", "srow"],
        "formats": ["i4", "(8,)i2", "i2", "i2", "f4", "(3,4)f4"],
        "offsets": [0, 40, 70, 72, 108, 280],
        "itemsize": 348,
    }
)
_FLOATS = {16: "f4", 64: "f8"}
MAX_BYTES = 2 << 30
"""Of a decoded file: four times the largest in public data (4-D float64). Zeros compress 1000-fold, so a small file
could otherwise fill the memory."""
_CHUNK = 1 << 20
_ROUNDING = 1e-6  # of cosines that a file stores as float32


def check_content(path: Path) -> None:
    """Decode a NIfTI file to its end and look at its voxels.

    Raises:
        BadInputError: it ends early, its compressed stream is damaged, it is not a NIfTI-1 file, or voxels are NaN
            or infinite.
    """
    with path.open("rb") as file:
        try:
            content = _content(file, path)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise damaged(path) from error
    header = _header(content, path)
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


@contextmanager
def straightened(path: Path) -> Iterator[Path]:
    """A temporary copy of a NIfTI file whose axes are made perpendicular about the centre of the grid.

    Raises:
        BadInputError: the axes are sheared by more than ``SHEAR_TOLERANCE``.
    """
    with path.open("rb") as file:
        content = _content(file, path)
    header = _header(content, path)
    affine = header["srow"].astype(float)
    spacing = np.linalg.norm(affine[:, :3], axis=0)
    axes = perpendicular(affine[:, :3] / spacing, path) * spacing
    centre = (header["dim"][1:4] - 1) / 2
    header["srow"] = np.column_stack([axes, affine[:, 3] + (affine[:, :3] - axes) @ centre])
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "straightened.nii"
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
    return np.asarray(polar(cosines)[0])


def damaged(path: Path) -> BadInputError:
    """The problem of a file that ends early or does not decode."""
    return BadInputError(f"{path} is incomplete or damaged; copy or export it again.")


def not_an_image(path: Path) -> BadInputError:
    """The problem of a file that is not what its extension says."""
    return BadInputError(f"{path} is not an image of the format that its extension says; export it again.")


def _decoded(file: BinaryIO) -> BinaryIO:
    """The stream itself or its decompressed content: what counts are the first bytes, as for ITK, not the name."""
    compressed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if compressed else file


def _content(file: BinaryIO, path: Path) -> bytearray:
    """All of the decoded bytes, which also checks the checksum at the end of a compressed file."""
    content, stream = bytearray(), _decoded(file)
    while chunk := stream.read(_CHUNK):
        content += chunk
        if len(content) > MAX_BYTES:
            raise BadInputError(f"{path} decodes to more than {MAX_BYTES >> 30} GiB, which no MR volume has.")
    return content


def _header(content: bytearray, path: Path) -> np.void:
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


def _count_not_finite(content: bytearray, header: np.void) -> int:
    kind = _FLOATS.get(int(header["datatype"]))
    if kind is None:
        return 0
    start, end = int(header["vox_offset"]), _file_size(header)
    layout = np.dtype(kind).newbyteorder(header.dtype["sizeof_hdr"].byteorder)
    voxels = np.frombuffer(memoryview(content)[start:end], layout)
    return int(voxels.size - np.count_nonzero(np.isfinite(voxels)))
