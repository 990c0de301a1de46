"""What is asked of the worker; docs/worker.md describes it."""

from __future__ import annotations

import os
from typing import Any

from tumorseg.modelstore import EXTENSION

from .hand_over import HandOver
from .naming import caseName

ModelName = "str | os.PathLike[str] | None"
"""A model by its name or by the path of its file; None for the default."""


def segmentRequest(
    handed: HandOver,
    model: ModelName,
    device: str,
    tta: bool,
    register: bool,
) -> dict[str, Any]:
    """Segment these volumes and write a report, which is called after the patient and the examination."""
    case = caseName(handed.origin.inputs)
    asked = {"request": "segment", "device": device, "tta": tta, "report": True, "case": case}
    return {**asked, **_about(handed, model, register)}


def checkRequest(handed: HandOver, model: ModelName, register: bool) -> dict[str, Any]:
    """Look for everything that is wrong with these volumes."""
    return {"request": "check", **_about(handed, model, register)}


def warmRequest(model: ModelName, device: str) -> dict[str, Any]:
    """Load PyTorch and a model."""
    return {"request": "warm", "model": _absolute(model), "device": device}


def _about(handed: HandOver, model: ModelName, register: bool) -> dict[str, Any]:
    return {
        "folder": str(handed.files.folder),
        "volumes": handed.entries,
        "brain_mask": handed.brainMask,
        "register": register,
        "model": _absolute(model),
    }


def _absolute(model: ModelName) -> str | None:
    """A model's file by its full path, since the worker has another working directory; a name as it is."""
    named = os.fspath(model) if model else None
    return os.path.abspath(named) if named and named.endswith(EXTENSION) else named
