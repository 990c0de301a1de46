"""The four MR sequences, their spellings in the public data sets, and a case: one volume per sequence."""

from __future__ import annotations

from collections.abc import Mapping

from tumorseg.volume import Volume

SEQUENCES: tuple[str, ...] = ("t1", "t1ce", "t2", "flair")
"""The names used everywhere, in the order in which they are shown to the user."""

DISPLAY_NAMES: Mapping[str, str] = {"t1": "T1", "t1ce": "T1ce", "t2": "T2", "flair": "FLAIR"}

ALIASES: Mapping[str, str] = {
    "t1": "t1",
    "t1n": "t1",
    "t1w": "t1",
    "t1ce": "t1ce",
    "t1c": "t1ce",
    "t1gd": "t1ce",
    "t2": "t2",
    "t2w": "t2",
    "flair": "flair",
    "t2f": "flair",
}
"""File-name endings of BraTS 2017-2022, BraTS 2023-2025 (t1n, t1c, t2w, t2f) and common spellings."""

REFERENCE_ORDER: tuple[str, ...] = ("t1ce", "flair", "t2", "t1")
"""The result lies on the grid of the first of these that a model uses, and the others are compared with it."""

Case = Mapping[str, Volume]
"""One volume per sequence name; a model says which of them it needs."""
