"""TOML on every supported Python: the standard library's reader, or ``tomli`` before 3.11."""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TOMLDecodeError = tomllib.TOMLDecodeError


def read_toml(text: str) -> dict[str, Any]:
    """Parse TOML; lists become tuples, as the frozen dataclasses that are made of it want them.

    Raises:
        TOMLDecodeError: the text is not TOML.
    """
    values: dict[str, Any] = _tuples(tomllib.loads(text))
    return values


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(entry) for key, entry in value.items()}
    return tuple(value) if isinstance(value, list) else value
