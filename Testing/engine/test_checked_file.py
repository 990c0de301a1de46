"""A file that is not as it was written counts as none, also while several processes write it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tumorseg.checked_file import read_checked, write_checked

WRITER = """
import sys
from pathlib import Path
from tumorseg.checked_file import read_checked, write_checked
path, mine = Path(sys.argv[1]), sys.argv[2].encode()
for _ in range(100):
    write_checked(path, mine * 100_000)
    found = read_checked(path)
    assert found is not None and len(set(found)) == 1 and len(found) == 100_000
"""


def test_the_content_comes_back(tmp_path: Path) -> None:
    for content in (b"", b"a network", bytes(100_000)):
        write_checked(tmp_path / "x", content)
        assert read_checked(tmp_path / "x") == content
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("place", [0, 31, 32, 20_000, -1])
def test_a_single_bit_that_fell_over_is_noticed(tmp_path: Path, place: int) -> None:
    write_checked(tmp_path / "x", bytes(100_000))
    stored = bytearray((tmp_path / "x").read_bytes())
    stored[place] ^= 1
    (tmp_path / "x").write_bytes(stored)
    assert read_checked(tmp_path / "x") is None


def test_files_that_are_missing_or_shorter_than_a_checksum_hold_nothing(tmp_path: Path) -> None:
    assert read_checked(tmp_path / "x") is None
    (tmp_path / "x").write_bytes(b"short")
    assert read_checked(tmp_path / "x") is None
    assert read_checked(tmp_path) is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows replaces no file that is being read")
def test_four_processes_can_write_and_read_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "x")]
    writers = [subprocess.Popen([*command, letter], stderr=subprocess.PIPE, text=True) for letter in "abcd"]
    assert [writer.communicate()[1] for writer in writers] == [""] * 4
