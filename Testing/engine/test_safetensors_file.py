"""The safetensors format against the reference implementation, and damaged files."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tumorseg.errors import ModelError
from tumorseg.safetensors_file import read_header, read_tensors, write_tensors

TENSORS = {
    "weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "half": np.array([1.5, -2], np.float16),
    "count": np.array(7, np.int64),
    "empty": np.zeros((0, 3), np.float32),
}


def test_reads_what_the_reference_implementation_writes(tmp_path: Path) -> None:
    path = tmp_path / "theirs.safetensors"
    save_file(TENSORS, path, {"note": "hello"})
    read = read_tensors(path)
    assert read_header(path)["__metadata__"] == {"note": "hello"}
    assert set(read) == set(TENSORS)
    for name, array in TENSORS.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype


def test_the_reference_implementation_reads_what_we_write(tmp_path: Path) -> None:
    path = tmp_path / "ours.safetensors"
    write_tensors(path, TENSORS, {"note": "größer"})
    for name, array in load_file(path).items():
        np.testing.assert_array_equal(array, TENSORS[name])
    with safe_open(path, "numpy") as file:
        assert file.metadata() == {"note": "größer"}


def test_a_non_contiguous_tensor_keeps_its_values(tmp_path: Path) -> None:
    transposed = np.arange(6, dtype=np.float32).reshape(2, 3).T
    write_tensors(tmp_path / "t.safetensors", {"t": transposed}, {})
    np.testing.assert_array_equal(read_tensors(tmp_path / "t.safetensors")["t"], transposed)


def _with_header(path: Path, header: object, data: bytes = b"\0" * 8) -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}, "does not fit its shape"),
        ({"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}, "lies outside the file"),
        ({"dtype": "F32", "shape": [-2, -1], "data_offsets": [0, 8]}, "lies outside the file"),
        ({"dtype": "F4", "shape": [2], "data_offsets": [0, 8]}, "is not understood"),
        ({"shape": [2]}, "is not understood"),
    ],
)
def test_entries_that_lie_are_refused(tmp_path: Path, entry: object, reason: str) -> None:
    path = _with_header(tmp_path / "bad.safetensors", {"t": entry})
    with pytest.raises(ModelError, match=f"bad.safetensors is damaged or not a safetensors file: .*{reason}"):
        read_tensors(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.safetensors cannot be read .*check the path"):
        read_header(tmp_path / "nowhere.safetensors")


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=64))
def test_any_other_file_is_refused_in_words(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "noise.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="damaged or not a safetensors file"):
        read_header(path)


@settings(max_examples=40, deadline=None)
@given(length=st.integers(0, 200))
def test_a_truncated_file_is_refused(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    path = tmp_path_factory.mktemp("cut") / "cut.safetensors"
    write_tensors(path, TENSORS, {})
    whole = path.read_bytes()
    path.write_bytes(whole[: min(length, len(whole) - 1)])
    with pytest.raises(ModelError, match="damaged or not a safetensors file"):
        read_tensors(path)
