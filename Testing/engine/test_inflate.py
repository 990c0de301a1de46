"""Decompression: what a gzip file holds, and what is refused, with either library."""

import gzip
import zlib
from typing import Any

import pytest

from tumorseg import inflate as module
from tumorseg.inflate import DamagedError, TooLargeError, inflate

CONTENT = bytes(range(256)) * 100
PACKED = gzip.compress(CONTENT)


@pytest.fixture(autouse=True, params=["zlib", "isal"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    found: Any = zlib if request.param == "zlib" else pytest.importorskip("isal.isal_zlib")
    monkeypatch.setattr(module, "_library", found)


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (PACKED, CONTENT),
        (PACKED + gzip.compress(b"second") + PACKED, CONTENT + b"second" + CONTENT),
        (PACKED + bytes(100), CONTENT),
        (gzip.compress(b""), b""),
        (b"", b""),
    ],
    ids=["one member", "three members", "filled up with zeros", "empty member", "nothing"],
)
def test_everything_is_decoded(data: bytes, content: bytes) -> None:
    assert inflate(data, len(content)) == content


@pytest.mark.parametrize(
    "data",
    [PACKED[:-1], PACKED[:200], PACKED[:-8] + b"12345678", PACKED + b"garbage", b"\x1f\x8bno gzip at all"],
    ids=["last byte missing", "cut", "wrong checksum", "something behind", "not gzip"],
)
def test_damage_is_found(data: bytes) -> None:
    with pytest.raises(DamagedError):
        inflate(data, 1 << 20)


@pytest.mark.parametrize("data", [PACKED, gzip.compress(CONTENT[:-1]) + gzip.compress(b"12")])
def test_more_than_the_limit_is_refused(data: bytes) -> None:
    with pytest.raises(TooLargeError):
        inflate(data, len(CONTENT) - 1)
