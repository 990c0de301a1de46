"""Fingerprints as text, for JSON: of each sequence name, colon, and the blocks as base64 of half-precision numbers.

Older versions wrote one sequence only, which is read too.
"""

from __future__ import annotations

import base64

import numpy as np

from tumorseg.volume import FloatArray
from tumorseg_training.fingerprint import BLOCKS, Fingerprint


def to_text(found: Fingerprint | None) -> str:
    """The text; empty for none."""
    parts = found.blocks.items() if found else ()
    return " ".join(f"{name}:{base64.b64encode(blocks.astype('<f2').tobytes()).decode()}" for name, blocks in parts)


def from_text(text: str) -> Fingerprint | None:
    """The fingerprint of a text, to three digits.

    Raises:
        ValueError: it is no such text.
    """
    if not text:
        return None
    parts = (part.partition(":") for part in text.split())
    return Fingerprint({name: _blocks(encoded) for name, _, encoded in parts})


def _blocks(encoded: str) -> FloatArray:
    return np.frombuffer(base64.b64decode(encoded), "<f2").astype(np.float32).reshape(BLOCKS)
