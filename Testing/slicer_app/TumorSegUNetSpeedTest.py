"""Self-test for the full application: what a user waits for besides the network, with a case of usual size.

Prints the milliseconds, which depend on the computer; what is tested is that nothing is done twice.
"""

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import slicer
from panel_driver import PanelTestCase, addStudy

import TumorSegUNet
from TumorSegUNetLib import logic

SHAPE = (155, 240, 240)
"""Of the BraTS challenges, 1 mm voxels; whole numbers as DICOM has them."""


class Clock:
    """From its making to ``tell``: the time on the wall, and that of this process alone."""

    def __init__(self) -> None:
        self._started = time.perf_counter(), time.process_time()

    def tell(self, what: str) -> None:
        wall, own = time.perf_counter() - self._started[0], time.process_time() - self._started[1]
        print(f"TumorSegU-Net: {what}: {1000 * wall:.0f} ms, of the CPU {1000 * own:.0f} ms")


def timed(what: str, function: Callable) -> Callable:
    """The function, which tells how long it takes."""

    def call(*values: object, **options: object) -> object:
        clock = Clock()
        result = function(*values, **options)
        clock.tell(what)
        return result

    return call


class TumorSegUNetSpeedTest(PanelTestCase):
    """Everything between the user and the worker."""

    def setUp(self) -> None:
        timed("panel, made unless a test before has made it", slicer.util.getModuleWidget)("TumorSegUNet")
        super().setUp()

    def test_moduleFileAlone(self) -> None:
        spec = importlib.util.spec_from_file_location("TumorSegUNetOnceMore", TumorSegUNet.__file__)
        again = importlib.util.module_from_spec(spec)
        timed("module file, as at the application's start", spec.loader.exec_module)(again)
        self.assertTrue(hasattr(again, "TumorSegUNetWidget"))

    def test_caseOfUsualSize(self) -> None:
        handed = []

        def handOver(*values: object, **options: object) -> object:
            handed.append(timed(f"hand-over number {len(handed) + 1} of the four volumes", real)(*values, **options))
            return handed[-1]

        def outcomeMaker(origin: object) -> Callable:
            return timed("result to nodes", makeOutcome(origin))

        real, makeOutcome = logic.handOver, logic.outcomeMaker
        self.patch("TumorSegUNetLib.logic.handOver", handOver)
        self.patch("TumorSegUNetLib.logic.outcomeMaker", outcomeMaker)
        self.useWorker(0)
        self.loadStudy(addStudy(SHAPE, np.int16))
        before, clock = self.parameters.segmentation, Clock()
        self.ui.segmentButton.click()
        clock.tell("click, until the panel can be used again")
        links = [Path(handed[-1].files.folder, entry["file"]).stat().st_nlink for entry in handed[-1].entries.values()]
        self.assertEqual(links, [2, 2, 2, 2], "the run has not taken the voxels that its check had written")
        self.waitFor(lambda: self.parameters.segmentation is not before, "a result")
        clock.tell("click to segmentation, with a worker that has no network")
        self.assertEqual(len(handed), 2, "the volumes were handed over again")
