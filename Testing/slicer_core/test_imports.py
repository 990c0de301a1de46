"""What opening the panel loads: little, and nothing that only some clicks need."""

from __future__ import annotations

import subprocess
import sys

import pytest

LATER = (
    *("SimpleITK", "scipy", "torch", "http.client", "ssl", "urllib.request", "tumorseg.recognise", "tumorseg.web"),
    "importlib.metadata",
)
"""Of a run, of downloads, of the recognition of volumes, of the search for PyTorch."""

CODE = """
import sys
for name in {loaded}:
    __import__(name)
before = set(sys.modules)
import {modules}
print(*sorted(set(sys.modules) - before))
"""


def loaded_by(modules: str) -> set[str]:
    """What importing them loads beside what Slicer has loaded by then."""
    code = CODE.format(loaded=["slicer", "slicer.util", "vtk.util.numpy_support"], modules=modules)
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "modules",
    ["TumorSegUNetLib.logic", "TumorSegUNetLib.dependencies, TumorSegUNetLib.presenter, TumorSegUNetLib.model_card"],
)
def test_what_the_panel_imports_is_light(modules: str) -> None:
    loaded = loaded_by(modules)
    assert loaded.issuperset(modules.split(", "))
    assert loaded.isdisjoint(LATER)
    assert len([name for name in loaded if name.startswith("tumorseg.")]) < 15


def test_pictures_need_neither_torch_nor_simpleitk() -> None:
    assert loaded_by("TumorSegUNetLib.views").isdisjoint(("SimpleITK", "torch"))
