"""The safetensors file format: named tensors and a header, read without executing anything.

Format: 8 bytes little-endian header length, a JSON header ``{name: {dtype, shape, data_offsets}}`` with the optional
string map ``__metadata__``, then the data (https://github.com/huggingface/safetensors, "Format").

Written here instead of taken from the ``safetensors`` package because 3D Slicer does not bring that package and a
hospital's Slicer often cannot install one; a test holds both against each other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorseg.atomic import atomic_path
from tumorseg.errors import ModelError

MAX_HEADER_BYTES = 100_000_000
"""Limit of the reference implementation."""

_DTYPES: dict[str, np.dtype[Any]] = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4"), "I64": np.dtype("<i8")}

Tensors = dict[str, npt.NDArray[Any]]


def read_header(path: Path) -> dict[str, Any]:
    """Read the JSON header of a file: tensor entries and ``__metadata__``.

    Raises:
        ModelError: the file is missing, unreadable or not safetensors.
    """
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 2 <= length <= min(MAX_HEADER_BYTES, path.stat().st_size - 8):
                raise _damaged(path, "the length of its header does not fit the file")
            header = json.loads(stream.read(length))
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read ({error.strerror}); check the path.") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "its header is not JSON") from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is not a JSON object")
    return {**header, "__data_start__": 8 + length}


def read_tensors(path: Path) -> Tensors:
    """Read all tensors of a file as arrays of their stored type (float16, float32 or int64).

    Raises:
        ModelError: as ``read_header``, or entries that do not fit the data.
    """
    header = read_header(path)
    data = np.memmap(path, np.uint8, mode="r", offset=header.pop("__data_start__"))
    header.pop("__metadata__", None)
    return {name: _tensor(path, name, entry, data) for name, entry in header.items()}


def write_tensors(path: Path, tensors: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Write tensors (float16, float32 or int64) and string metadata, atomically.

    Raises:
        KeyError: a tensor of another type.
    """
    names = {dtype: name for name, dtype in _DTYPES.items()}
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    offset = 0
    for name, array in tensors.items():
        end = offset + array.nbytes
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the specification aligns the data to 8 bytes
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for array in tensors.values():
            stream.write(np.ascontiguousarray(array).tobytes())


def _tensor(path: Path, name: str, entry: Any, data: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    try:
        dtype, shape = _DTYPES[entry["dtype"]], tuple(int(size) for size in entry["shape"])
        start, end = (int(offset) for offset in entry["data_offsets"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _damaged(path, f"the entry of tensor {name} is not understood") from error
    if min(shape, default=0) < 0 or not 0 <= start <= end <= data.size:
        raise _damaged(path, f"tensor {name} lies outside the file")
    if end - start != dtype.itemsize * math.prod(shape):
        raise _damaged(path, f"the size of tensor {name} does not fit its shape")
    return np.array(data[start:end]).view(dtype).reshape(shape)


def _damaged(path: Path, reason: str) -> ModelError:
    return ModelError(f"The model file {path.name} is damaged or not a safetensors file: {reason}; install it again.")
