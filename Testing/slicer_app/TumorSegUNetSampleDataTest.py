"""Self-test for the full application: the sample patient is offered, made, loaded and, with PyTorch, segmented."""

import importlib
import time
import unittest

import slicer
from panel_driver import requirePackages

from tumorseg.sequences import SEQUENCES
from TumorSegUNetLib.sample_data import loadSamplePatient
from TumorSegUNetLib.sample_source import SAMPLE_NAME


def offered() -> list:
    """Names of all samples that the module Sample Data offers."""
    return [source.sampleName for sources in slicer.modules.sampleDataSources.values() for source in sources]


class TumorSegUNetSampleDataTest(unittest.TestCase):
    """The first visit: no file at hand, three clicks to a result."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()

    def test_sampleIsOffered(self) -> None:
        slicer.app.processEvents()
        if SAMPLE_NAME not in offered():
            print("Not registered yet: without a main window the application's start may not be announced.")
            importlib.import_module("TumorSegUNet").registerSampleData()
        self.assertIn(SAMPLE_NAME, offered(), "Sample Data does not offer the synthetic patient")

    def test_sampleIsLoadedAndRecognized(self) -> None:
        requirePackages(self, "SimpleITK", "scipy")
        nodes = loadSamplePatient(onProgress=lambda fraction: slicer.app.processEvents())
        self.assertEqual(sorted(nodes), sorted(SEQUENCES))
        widget = slicer.util.getModuleWidget("TumorSegUNet")
        self.addCleanup(widget.logic.shutdown)
        widget.enter()
        deadline = time.monotonic() + 60
        while widget.logic.getParameterNode().flair is not nodes["flair"] and time.monotonic() < deadline:
            slicer.app.processEvents()
            time.sleep(0.01)
        for name in SEQUENCES:
            chosen = widget.logic.getParameterNode().getValue(name)
            self.assertIs(chosen, nodes[name], f"{name} of the sample patient was not recognized")

    def test_sampleIsSegmented(self) -> None:
        requirePackages(self, "SimpleITK", "scipy", "torch")
        widget = slicer.util.getModuleWidget("TumorSegUNet")
        self.addCleanup(widget.logic.shutdown)
        nodes = loadSamplePatient(onProgress=lambda fraction: slicer.app.processEvents())
        run = widget.logic.run(nodes, device="cpu", onPoll=lambda run: slicer.app.processEvents())
        self.assertGreater(run.outcome.measurements["WT"]["volume_ml"], 1.0, "no tumor was found in the sample patient")
        self.assertIsNotNone(run.outcome.reportFile, "no report was written")
