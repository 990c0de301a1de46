"""Whether the network may compute in half precision, readable without torch."""

from __future__ import annotations

import os

PRECISION_VARIABLE = "TUMORSEG_PRECISION"
"""Environment variable: ``float32`` for the same numbers on every processor, up to rounding, where half is faster."""


def half_precision_allowed() -> bool:
    """Whether the user leaves the number format to the device."""
    return os.environ.get(PRECISION_VARIABLE) != "float32"
