"""Real MRML without the application: skipped where the ``slicer-core`` wheel is missing."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

slicer = pytest.importorskip("slicer", reason="the slicer-core wheel is not installed")

MODULE_FOLDER = Path(__file__).resolve().parents[2] / "TumorSegU-Net"


@pytest.fixture
def scene() -> slicer.vtkMRMLScene:
    from TumorSegUNetLib.scene import createScene

    return createScene()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own, so that what is left behind shows."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def module_folder() -> Path:
    return MODULE_FOLDER
