"""Parts of sentences."""

from __future__ import annotations

from collections.abc import Sequence


def some(names: Sequence[str], most: int = 5) -> str:
    """The first names, and whether there are more."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
