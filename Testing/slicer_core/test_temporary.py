"""Folders that a crashed session left behind are removed by a later one, others are not."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from tumorseg.forgotten import FORGOTTEN_SECONDS
from TumorSegUNetLib.run_files import RunFiles


@pytest.mark.parametrize(
    ("name", "age", "removed"),
    [
        ("tumorseg-run-abc", 1.1, True),
        ("tumorseg-report-abc", 1.1, True),
        ("tumorseg-run-abc", 0.9, False),
        ("tumorseg-report-abc", 0.9, False),
        ("tumorseg-runs", 9.0, False),
        ("somebody-elses", 9.0, False),
    ],
)
def test_only_our_old_folders_are_removed(temporary: Path, name: str, age: float, removed: bool) -> None:
    (temporary / name).mkdir()
    (temporary / name / "t1.npy").touch()
    then = time.time() - age * FORGOTTEN_SECONDS
    os.utime(temporary / name, (then, then))
    files = RunFiles()
    assert (temporary / name).exists() is not removed
    assert files.folder.is_dir()
    files.remove()


def test_a_folder_that_could_not_be_deleted_goes_with_the_next(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows while the worker has a volume open; nobody's volumes may stay on the disk."""
    stubborn, later = RunFiles(), RunFiles()
    with monkeypatch.context() as patch:
        patch.setattr(stubborn._folder, "cleanup", lambda: None)
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        stubborn.remove()
    assert stubborn.folder.is_dir()
    later.remove()
    assert not stubborn.folder.exists()
