"""The self-tests of the full application, run on the stand-ins: what fails in Slicer shall not be the test itself."""

from __future__ import annotations

import importlib
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SELF_TESTS = Path(__file__).resolve().parents[1] / "slicer_app"


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    """The module's widget with its own logic and worker, in an empty scene."""
    pytest.importorskip("slicer", reason="the slicer-core wheel is not installed")
    reason = "PySide6 or a library of the system that it needs is missing"
    pytest.importorskip("PySide6.QtWidgets", reason=reason, exc_type=ImportError)
    from support.slicer_application import install, settings_in
    from TumorSegUNetLib.scene import createScene

    settings_in(tmp_path)
    scene = createScene()
    monkeypatch.setattr("slicer.util.saveScene", scene.WriteToMRB)
    monkeypatch.setattr("slicer.util.loadScene", lambda path: None if scene.ReadFromMRB(path) else 1 / 0)
    module = install(monkeypatch, scene)
    widgets: list[Any] = []

    def widget_of(name: str) -> Any:
        """Made when it is first asked for, as the application does."""
        if not widgets:
            widgets.append(module.TumorSegUNetWidget())
            widgets[0].setup()
            widgets[0].parent.isEntered = False  # nobody has opened the module when self-tests run
        return widgets[0]

    monkeypatch.setattr("slicer.util.getModuleWidget", widget_of)
    monkeypatch.syspath_prepend(str(SELF_TESTS))
    yield module
    for widget in widgets:
        widget.cleanup()
    for path in SELF_TESTS.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.mark.parametrize(
    ("name", "tests"),
    [
        ("TumorSegUNetPanelTest", "*"),
        ("TumorSegUNetSceneTest", "*"),
        ("TumorSegUNetSegmentationTest", "*olume*"),
        ("TumorSegUNetSpeedTest", "*"),
    ],
)
def test_self_tests_pass_on_the_stand_ins(application: ModuleType, name: str, tests: str) -> None:
    """All but those of the worker itself, which Testing/slicer_core has."""
    loader = unittest.TestLoader()
    loader.testNamePatterns = [tests]
    suite = loader.loadTestsFromModule(importlib.import_module(name))
    result = unittest.TestResult()
    suite.run(result)
    assert result.testsRun > 1
    problems = [f"{test.id()}\n{text}" for test, text in (*result.failures, *result.errors)]
    assert not problems, "\n".join(problems)
