"""Real MRML without the application: skipped where the ``slicer-core`` wheel is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

slicer = pytest.importorskip("slicer", reason="the slicer-core wheel is not installed")

MODULE_FOLDER = Path(__file__).resolve().parents[2] / "TumorSegU-Net"


@pytest.fixture
def scene() -> slicer.vtkMRMLScene:
    from TumorSegUNetLib.scene import createScene

    return createScene()


@pytest.fixture
def module_folder() -> Path:
    return MODULE_FOLDER
