"""What is asked of the worker; docs/worker.md describes it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import slicer

from .hand_over import HandOver
from .naming import patientName


def segmentRequest(
    handed: HandOver,
    nodes: Iterable[slicer.vtkMRMLScalarVolumeNode],
    model: str | None,
    device: str,
    tta: bool,
) -> dict[str, Any]:
    """Segment these volumes and write a report, which is called after the patient."""
    asked = {"request": "segment", "device": device, "tta": tta, "report": True, "case": patientName(nodes)}
    return {**asked, **_about(handed, model)}


def checkRequest(handed: HandOver, model: str | None) -> dict[str, Any]:
    """Look for everything that is wrong with these volumes."""
    return {"request": "check", **_about(handed, model)}


def warmRequest(model: str | None, device: str) -> dict[str, Any]:
    """Load PyTorch and a model."""
    return {"request": "warm", "model": _absolute(model), "device": device}


def _about(handed: HandOver, model: str | None) -> dict[str, Any]:
    return {"folder": str(handed.files.folder), "volumes": handed.entries, "model": _absolute(model)}


def _absolute(model: str | None) -> str | None:
    """A model's file by its full path, since the worker has another working directory; a name as it is."""
    return os.path.abspath(model) if model and model.endswith(".safetensors") else model
