"""Whether a model has seen the cases on which it is scored: such scores say nothing about new patients."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def training_notes(training: Mapping[str, Any], cases: Collection[str]) -> list[str]:
    """Sentences on cases that trained the model, chose its weights, or fitted its calibration.

    Args:
        training: of the model file.
        cases: names of those that are scored.
    """
    split, calibration = (_document(training.get(name)) for name in ("split", "calibration"))
    groups = (
        ("trained this model: their scores say nothing about new patients", training.get("cases"), split.get("train")),
        ("chose its weights by validation: their scores are somewhat too good", split.get("validation")),
        ("fitted its calibration and rules: their scores are somewhat too good", calibration.get("cases")),
    )
    notes = []
    for what, *lists in groups:
        names = {name for names in lists if isinstance(names, (list, tuple)) for name in names}
        if seen := names & set(cases):
            notes.append(f"{len(seen)} of the {len(cases)} cases {what}.")
    return notes


def _document(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
