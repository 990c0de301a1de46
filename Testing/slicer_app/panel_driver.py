"""What the self-tests of the panel share: a small study, a worker without a network, and waiting that says what for."""

import importlib.util
import sys
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import slicer

from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Geometry, Volume
from TumorSegUNetLib.volumes import nodeFromVolume
from TumorSegUNetLib.worker_client import defaultCommand
from TumorSegUNetLib.worker_service import WorkerService

DYING = -1.0
"""Instead of a number of seconds: a worker that dies in the middle of a segmentation."""


def scriptedService(seconds: float) -> WorkerService:
    """A worker that takes so many seconds for a segmentation and needs no PyTorch."""
    script = Path(__file__).resolve().parent / "scripted_worker.py"
    return WorkerService([defaultCommand()[0], str(script), str(seconds)])


def addStudy(shape: tuple = (8, 9, 10), dtype: type = np.float32) -> dict:
    """Four volumes named after their sequence, with a bright cube."""
    geometry = Geometry(shape)
    nodes = {}
    for number, name in enumerate(SEQUENCES):
        array = np.full(shape, 100 + number, dtype)
        array[2:5, 3:6, 4:7] = 400
        nodes[name] = nodeFromVolume(slicer.mrmlScene, Volume(array, geometry, f"patient_{name}"))
    return nodes


def requirePackages(test: unittest.TestCase, *names: str) -> None:
    """Skip a test that needs what this build may lack: PyTorch is the user's, all else is in every released Slicer."""
    missing = [name for name in names if name not in sys.modules and importlib.util.find_spec(name) is None]
    if missing:
        reason = f"This Slicer's Python has no {' and no '.join(missing)}: {test.id()} cannot run."
        print(reason)
        test.skipTest(reason)


class PanelTestCase(unittest.TestCase):
    """Each test starts from an empty scene and an idle panel whose worker needs no PyTorch."""

    def setUp(self) -> None:
        for name in ("panel.torchInstalled", "device_line.torchInstalled", "warm_up.torchInstalled"):
            self.patch(f"TumorSegUNetPanel.{name}", lambda: True)
        self.patch("TumorSegUNetPanel.panel.ensureTorch", lambda mayInstall: None)
        slicer.mrmlScene.Clear()
        self.widget = slicer.util.getModuleWidget("TumorSegUNet")
        self.useWorker(0.3)
        self.widget.enter()

    def tearDown(self) -> None:
        slicer.mrmlScene.Clear()
        self.widget.logic.shutdown()

    @property
    def ui(self) -> object:
        return self.widget.ui

    @property
    def parameters(self) -> object:
        return self.widget.logic.getParameterNode()

    def patch(self, name: str, value: object) -> None:
        patcher = mock.patch(name, value)
        patcher.start()
        self.addCleanup(patcher.stop)

    def useWorker(self, seconds: float) -> None:
        self.widget.logic.shutdown()
        self.widget.logic.work._service = scriptedService(seconds)

    def waitFor(self, condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        """Let the application work until something holds; fails by saying what did not happen."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                self.fail(f"{what} did not happen within {seconds:.0f} s; status line: {self.ui.statusLabel.text!r}")
            slicer.app.processEvents()
            time.sleep(0.01)

    def wait(self, seconds: float) -> None:
        """Let the application work for a while, to see that nothing happens."""
        end = time.monotonic() + seconds
        self.waitFor(lambda: time.monotonic() > end, "the end of a pause")

    def loadStudy(self, nodes: dict | None = None) -> dict:
        """Load a study and wait until it is recognized and checked."""
        nodes = nodes or addStudy()
        self.waitFor(lambda: self.parameters.flair is nodes["flair"], "recognizing the loaded volumes")
        self.waitFor(lambda: self.ui.statusLabel.text == "The volumes fit. Ready.", "checking the volumes")
        return nodes

    def segment(self) -> object:
        """Press Segment and wait for the result."""
        before = self.parameters.segmentation
        self.ui.segmentButton.click()
        self.waitFor(lambda: self.parameters.segmentation is not before, "a result")
        return self.parameters.segmentation
