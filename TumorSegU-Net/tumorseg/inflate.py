"""Decompress gzip data that is in memory, with the library isal where it is installed: it takes a third of the time."""

from __future__ import annotations

import zlib
from typing import Any

try:
    from isal import isal_zlib
except ImportError:
    _library: Any = zlib
else:
    _library = isal_zlib

_GZIP = 31
"""``wbits`` for streams with gzip's header and checksum."""


class DamagedError(ValueError):
    """Data that ends early, does not decode, or does not have its checksum."""


class TooLargeError(ValueError):
    """Data that decodes to more than is allowed."""


def inflate(data: bytes, limit: int) -> bytes:
    """The content of a gzip file, which may have several members.

    Args:
        data: the whole file.
        limit: bytes of content that are allowed; zeros compress 1000-fold.

    Raises:
        DamagedError, TooLargeError: as named.
    """
    members: list[bytes] = []
    while data:
        stream = _library.decompressobj(_GZIP)
        try:
            members.append(stream.decompress(data, limit + 1))
        except (zlib.error, _library.error) as error:
            raise DamagedError from error
        limit -= len(members[-1])
        if limit < 0:
            raise TooLargeError
        if not stream.eof:
            raise DamagedError
        data = stream.unused_data.lstrip(b"\0")  # some tools fill up their last block
    return members[0] if len(members) == 1 else b"".join(members)
