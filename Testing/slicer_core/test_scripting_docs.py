"""The examples of docs/scripting.md, run as they are printed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import slicer

from support import scripted_worker
from support.mrml import GEOMETRIES, random_volume
from tumorseg.phantom import make_patient, write_patient
from tumorseg.sequences import SEQUENCES
from TumorSegUNetLib import sample_data
from TumorSegUNetLib.sample_maker import NAME, SEED
from TumorSegUNetLib.volumes import nodeFromVolume

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "scripting.md"


def examples() -> dict[str, str]:
    text = DOCUMENT.read_text(encoding="utf-8")
    return dict(re.findall(r"<!-- test: (\w+) -->\n```python\n(.*?)```", text, re.DOTALL))


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one small patient; the examples only read it."""
    folder = tmp_path_factory.mktemp("home") / "cases"
    write_patient(make_patient(SEED, (20, 30, 30), 8.0), folder, "Case")
    return folder


@pytest.fixture
def names(
    scene: slicer.vtkMRMLScene, cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    """What a user's console knows after the first example: nothing but ``slicer`` before, a patient in the scene."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "cases").symlink_to(cases)
    monkeypatch.setattr(slicer, "mrmlScene", scene, raising=False)
    monkeypatch.setattr(
        "TumorSegUNetLib.worker_client.defaultCommand", lambda: [sys.executable, scripted_worker.__file__, "segment"]
    )
    for seed, sequence in enumerate(SEQUENCES):
        nodeFromVolume(scene, random_volume(GEOMETRIES["oblique"], f"P_{sequence}", seed))
    known: dict[str, Any] = {"slicer": slicer}
    exec(examples()["console"], known)
    yield known
    known["logic"].shutdown()


def test_console_example_segments_and_writes(names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert names["outcome"].segmentation.GetName().startswith("P tumor 20")
    assert (names["folder"] / "measurements.csv").is_file()
    assert (names["folder"] / "report.html").is_file()


@pytest.mark.parametrize("example", sorted(set(examples()) - {"console", "sample"}))
def test_example_runs(names: dict[str, Any], example: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(examples()[example], names)
    printed = capsys.readouterr().out
    expected = {"models": "glioma", "folder": "Case done", "poll": "blocking", "later": ""}[example]
    assert expected in printed
    if example == "later":
        assert names["result"].table is not None


def test_sample_example_loads_four_volumes(names: dict[str, Any], cases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = f"import shutil, sys; shutil.copytree({str(cases / 'Case')!r}, sys.argv[1] + '/{NAME}')"
    rename = (
        f"; import os; d = sys.argv[1] + '/{NAME}/'; "
        f"[os.rename(d + n, d + n.replace('Case', '{NAME}')) for n in os.listdir(d)]"
    )
    monkeypatch.setattr(sample_data, "pythonCommand", lambda module: [sys.executable, "-c", copy + rename])
    exec(examples()["sample"], names)
    assert list(names["nodes"]) == list(SEQUENCES)
