"""Pictures as PNG, without a graphics library (https://www.w3.org/TR/png-3/)."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

_GRAY, _RGB = 0, 2


def encode_png(picture: npt.NDArray[np.uint8]) -> bytes:
    """Encode a picture.

    Args:
        picture: uint8, (row, column) in gray or (row, column, 3) in RGB.
    """
    height, width = picture.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8, _RGB if picture.ndim == 3 else _GRAY, 0, 0, 0)
    rows = picture.reshape(height, -1)
    unfiltered = np.hstack([np.zeros((height, 1), np.uint8), rows])
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(unfiltered.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
