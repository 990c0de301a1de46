"""Fingerprints as text, for JSON: the sequence, a colon, and the blocks as base64 of half-precision numbers."""

from __future__ import annotations

import base64

import numpy as np

from tumorseg_training.fingerprint import BLOCKS, Fingerprint


def to_text(found: Fingerprint | None) -> str:
    """The text; empty for none."""
    if found is None:
        return ""
    return f"{found.sequence}:{base64.b64encode(found.blocks.astype('<f2').tobytes()).decode()}"


def from_text(text: str) -> Fingerprint | None:
    """The fingerprint of a text, to three digits.

    Raises:
        ValueError: it is no such text.
    """
    if not text:
        return None
    sequence, _, blocks = text.partition(":")
    return Fingerprint(sequence, np.frombuffer(base64.b64decode(blocks), "<f2").astype(np.float32).reshape(BLOCKS))
