"""Self-test for the full application: the module's panel, driven by its widgets, with and without torch."""

import time
import unittest

import numpy as np
import slicer

from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Geometry, Volume
from TumorSegUNetLib.dependencies import torchInstalled
from TumorSegUNetLib.device import Device
from TumorSegUNetLib.logic import TumorSegUNetLogic as SegmentationLogic
from TumorSegUNetLib.volumes import nodeFromVolume
from TumorSegUNetLib.worker_client import defaultCommand

WORKER = """
import json, sys, time
import numpy as np
request = json.loads(sys.stdin.readline())
def send(event, **values):
    print(json.dumps(dict(values, event=event, id="1")), flush=True)
send("progress", stage="predict", fraction=0.5, seconds_left=1.0, device="cpu")
time.sleep({pause})
entry = request["volumes"]["t1ce"]
labels = (np.load(request["folder"] + "/" + entry["file"]) > 300).astype(np.uint8) * 3
np.save(request["folder"] + "/labels.npy", labels)
send("result", labels="labels.npy", reference="t1ce", provenance={{"model": "scripted"}},
     measurements={{"ET": {{"volume_ml": 1.0}}, "WT": {{"volume_ml": 1.0}}}})
sys.stdin.readline()
"""
"""Stands for the engine's worker: the panel is what is tested here."""


def scriptedCommand(pause: float) -> list:
    """Command line of a worker that takes so many seconds."""
    return [defaultCommand()[0], "-c", WORKER.format(pause=pause)]


class TumorSegUNetPanelTest(unittest.TestCase):
    """Each test starts from an empty scene and an idle panel."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()
        self.widget = slicer.util.getModuleWidget("TumorSegUNet")
        self.widget.enter()
        self.nodes = self.addVolumes()

    def tearDown(self) -> None:
        slicer.mrmlScene.Clear()

    def addVolumes(self) -> dict:
        geometry = Geometry((8, 9, 10))
        nodes = {}
        for number, name in enumerate(SEQUENCES):
            array = np.full(geometry.shape, 100 + number, np.float32)
            array[2:5, 3:6, 4:7] = 400
            nodes[name] = nodeFromVolume(slicer.mrmlScene, Volume(array, geometry, name))
        return nodes

    def chooseAll(self) -> None:
        ui = self.widget.ui
        selectors = (ui.t1Selector, ui.t1ceSelector, ui.t2Selector, ui.flairSelector)
        for selector, name in zip(selectors, SEQUENCES, strict=True):
            selector.setCurrentNode(self.nodes[name])

    def startScripted(self, pause: float) -> None:
        """Start a run as the button does, with a scripted worker and therefore without torch."""
        logic = SegmentationLogic(scriptedCommand(pause))
        self.widget._run = logic.startSegmentation(self.nodes)
        self.widget._timer.start()

    def waitForEnd(self, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while self.widget._run is not None:
            self.assertLess(time.monotonic(), deadline, f"still running: {self.widget.ui.statusLabel.text}")
            slicer.app.processEvents()
            time.sleep(0.01)

    def test_panelSaysWhatIsMissing(self) -> None:
        self.assertFalse(self.widget.ui.segmentButton.enabled)
        text = self.widget.ui.statusLabel.text
        self.assertTrue(text.startswith(("Choose the T1", "No model is installed")), text)

    def test_choicesAreKeptInTheScene(self) -> None:
        self.chooseAll()
        parameters = self.widget.logic.getParameterNode()
        for name in SEQUENCES:
            self.assertEqual(parameters.getValue(name).GetID(), self.nodes[name].GetID(), f"{name} was not kept")

    def test_deviceIsChosenByName(self) -> None:
        labels = [self.widget.ui.deviceComboBox.itemText(i) for i in range(self.widget.ui.deviceComboBox.count)]
        self.assertEqual(labels, ["Automatic", "NVIDIA GPU", "Apple GPU", "CPU"])
        self.widget.ui.deviceComboBox.setCurrentIndex(3)
        self.assertEqual(self.widget.logic.getParameterNode().device.value, "cpu")

    def test_chosenDeviceSurvivesEnteringTheModule(self) -> None:
        self.widget.ui.deviceComboBox.setCurrentIndex(3)
        for _ in range(2):
            self.widget.enter()
            self.assertEqual(self.widget.logic.getParameterNode().device.value, "cpu", "entering changed the device")
            self.assertEqual(self.widget.ui.deviceComboBox.currentText, "CPU")

    def test_impossibleDevicesCannotBeChosen(self) -> None:
        model = self.widget.ui.deviceComboBox.model()
        enabled = [model.item(index).isEnabled() for index in range(len(Device))]
        self.assertEqual(enabled, [device.fitsPlatform() for device in Device])

    def test_completeChoicesCanStart(self) -> None:
        if not self.widget.logic.models():
            self.skipTest("no model is installed")
        self.chooseAll()
        self.assertTrue(self.widget.ui.segmentButton.enabled, self.widget.ui.statusLabel.text)

    def test_missingTorchIsASentence(self) -> None:
        if torchInstalled() or not self.widget.logic.models():
            self.skipTest("torch is installed, or no model is")
        self.chooseAll()
        self.widget.ui.segmentButton.click()
        self.assertIn("PyTorch is", self.widget.ui.statusLabel.text)
        self.assertIsNone(self.widget._run, "a run was started without torch")

    def test_runMakesASegmentationWhileThePanelLives(self) -> None:
        self.chooseAll()
        self.startScripted(pause=0.5)
        slicer.app.processEvents()
        self.waitForEnd()
        node = self.widget.logic.getParameterNode().segmentation
        self.assertIsNotNone(node, self.widget.ui.statusLabel.text)
        self.assertEqual(node.GetSegmentation().GetSegment("ET").GetName(), "Enhancing tumor")
        self.assertIn("Whole tumor 1.0 mL", self.widget.ui.statusLabel.text)
        self.assertTrue(self.widget.ui.show3DButton.enabled)
        self.widget.enter()
        self.widget.logic.getParameterNode().Modified()
        self.assertIn("Whole tumor 1.0 mL", self.widget.ui.statusLabel.text, "the result line did not stay")
        self.widget.ui.deviceComboBox.setCurrentIndex(3)
        self.assertNotIn("Whole tumor", self.widget.ui.statusLabel.text, "the result line outlived the choices")

    def test_cancelEndsTheRunAndAddsNothing(self) -> None:
        self.chooseAll()
        self.startScripted(pause=600)
        deadline = time.monotonic() + 60
        while self.widget.ui.segmentButton.text != "Cancel":
            self.assertLess(time.monotonic(), deadline, "the button did not become Cancel")
            slicer.app.processEvents()
        self.assertFalse(self.widget.ui.inputsCollapsibleButton.enabled, "choices can be changed during a run")
        self.widget.ui.segmentButton.click()
        self.assertIsNone(self.widget._run)
        self.assertEqual(self.widget.ui.statusLabel.text, "Cancelled; nothing was added to the scene.")
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode"), 0)

    def test_closingTheSceneEndsTheRun(self) -> None:
        self.chooseAll()
        self.startScripted(pause=600)
        slicer.mrmlScene.Clear()
        self.assertIsNone(self.widget._run, "a run outlived its scene")
