"""Self-test for the full application: a visit to the panel, driven by its widgets, without PyTorch."""

import numpy as np
import slicer
from panel_driver import DYING, PanelTestCase

from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Volume
from TumorSegUNetLib.device import Device
from TumorSegUNetLib.segmentations import createSegmentationNode
from TumorSegUNetLib.volumes import geometryOfNode, nodeFromVolume


class TumorSegUNetPanelTest(PanelTestCase):
    """States of the panel, in the order of a visit."""

    def addSliceView(self) -> slicer.vtkMRMLSliceCompositeNode:
        """What a slice view shows; without a main window there is none."""
        return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")

    def test_panelSaysWhatIsMissing(self) -> None:
        self.assertFalse(self.ui.segmentButton.enabled)
        self.assertEqual(self.ui.statusLabel.text, "Choose the T1, T1ce, T2 and FLAIR volume.")
        self.assertFalse(self.ui.sampleWidget.isHidden(), "no hint for beginners")
        self.assertTrue(self.ui.resultCollapsibleButton.isHidden(), "a result is shown where there is none")

    def test_deviceIsExplained(self) -> None:
        self.waitFor(lambda: bool(self.ui.deviceLabel.text), "the worker's answer on the device")
        self.assertEqual(self.ui.deviceLabel.text, "The CPU is used because this is a test.")

    def test_loadedStudyIsRecognizedAndChecked(self) -> None:
        nodes = self.loadStudy()
        for name in SEQUENCES:
            self.assertIs(self.parameters.getValue(name), nodes[name], f"{name} was not recognized")
        self.assertIs(self.ui.t1ceSelector.currentNode(), nodes["t1ce"])
        self.assertIn("% sure", self.ui.t1ceConfidenceLabel.text)
        self.assertTrue(self.ui.segmentButton.enabled, self.ui.segmentButton.toolTip)

    def test_usersChoiceStaysWhenTheStudyChanges(self) -> None:
        nodes = self.loadStudy()
        self.ui.t1Selector.setCurrentNode(nodes["t2"])
        self.waitFor(lambda: self.parameters.fixed == "t1", "noticing the user's choice")
        slicer.mrmlScene.RemoveNode(nodes["flair"])
        self.waitFor(lambda: self.parameters.flair is None, "taking back the volume that was removed")
        self.assertIs(self.parameters.t1, nodes["t2"], "the user's choice was overwritten")
        self.assertEqual(self.ui.t1ConfidenceLabel.text, "your choice")
        self.ui.t1SuggestButton.click()
        self.assertIs(self.parameters.t1, nodes["t1"], "the wand did not take the recognized volume")

    def test_deviceIsChosenByNameAndSurvivesEntering(self) -> None:
        combo = self.ui.deviceComboBox
        labels = [combo.itemText(index) for index in range(combo.count)]
        self.assertEqual(labels, ["Automatic", "NVIDIA GPU", "Apple GPU", "CPU"])
        enabled = [combo.model().item(index).isEnabled() for index in range(len(Device))]
        self.assertEqual(enabled, [device.fitsPlatform() for device in Device])
        combo.setCurrentIndex(3)
        for _ in range(2):
            self.widget.enter()
            self.assertEqual(self.parameters.device.value, "cpu", "entering changed the device")

    def test_optionsAreKeptInTheScene(self) -> None:
        self.ui.ttaCheckBox.click()
        self.assertTrue(self.parameters.tta, "the check box is not bound to its parameter")

    def test_everyKindOfBrainMaskCanBeChosen(self) -> None:
        self.assertIsNone(self.ui.brainMaskSelector.currentNode(), "a mask is chosen that nobody wants")
        for kind in ("vtkMRMLSegmentationNode", "vtkMRMLLabelMapVolumeNode", "vtkMRMLScalarVolumeNode"):
            mask = slicer.mrmlScene.AddNewNodeByClass(kind, "mask")
            self.ui.brainMaskSelector.setCurrentNode(mask)
            self.assertIs(self.parameters.brainMask, mask, f"the selector takes no {kind}")
            slicer.mrmlScene.RemoveNode(mask)
            self.assertIsNone(self.parameters.brainMask, f"a removed {kind} is still the mask")
            self.assertIsNone(self.ui.brainMaskSelector.currentNode(), "another node took the place of the mask")

    def test_brainMaskGoesWithItsPatient(self) -> None:
        nodes = self.loadStudy()
        labels = (slicer.util.arrayFromVolume(nodes["t1ce"]) > 0).astype(np.uint8)
        mask = createSegmentationNode(
            slicer.mrmlScene, labels, geometryOfNode(nodes["t1ce"]), name="brain", reference=nodes["t1ce"]
        )
        self.ui.brainMaskSelector.setCurrentNode(mask)
        self.waitFor(lambda: self.ui.statusLabel.text == "The volumes fit. Ready.", "checking with the mask")
        self.segment()
        self.assertIs(self.parameters.brainMask, mask, "the mask was lost by a run")
        array, geometry = slicer.util.arrayFromVolume(nodes["t1ce"]), geometryOfNode(nodes["t1ce"])
        other = nodeFromVolume(slicer.mrmlScene, Volume(array.astype(np.float32), geometry, "Berta_t1ce"))
        self.ui.t1ceSelector.setCurrentNode(other)
        self.assertIsNone(self.parameters.brainMask, "another patient would get the mask")
        self.assertIsNone(self.ui.brainMaskSelector.currentNode())
        self.assertIn("is not used any more", self.ui.findingsLabel.text)

    def test_registrationIsOnUntilItIsSwitchedOff(self) -> None:
        self.assertTrue(self.parameters.register)
        self.assertTrue(self.ui.registerCheckBox.checked)
        self.ui.registerCheckBox.click()
        self.assertFalse(self.parameters.register, "the check box is not bound to its parameter")

    def test_runMakesAResult(self) -> None:
        view = self.addSliceView()
        self.loadStudy()
        node = self.segment()
        self.assertEqual(view.GetBackgroundVolumeID(), self.parameters.flair.GetID(), "the FLAIR is not shown")
        self.assertEqual(node.GetSegmentation().GetSegment("ET").GetName(), "Enhancing tumor")
        name, finding = self.ui.headlineLabel.text.splitlines()
        self.assertEqual(name, node.GetName(), "the result does not say whose it is")
        self.assertEqual(finding, "Tumor with edema 1.0 mL, left hemisphere, one focus")
        self.assertEqual(self.ui.qualityLabel.text, "Look at the result with care.")
        self.assertEqual(self.ui.resultTable.rowCount, 3)
        self.assertEqual(self.ui.resultTable.item(0, 0).text(), "Whole tumor")
        for name in ("show3DButton", "diametersButton", "uncertaintyButton", "reportButton", "exportButton"):
            self.assertTrue(getattr(self.ui, name).enabled, f"{name} cannot be pressed")
        self.assertTrue(self.ui.statusLabel.text.startswith("Done in "), self.ui.statusLabel.text)

    def test_everyRunMakesANewSegmentation(self) -> None:
        self.loadStudy()
        first = self.segment()
        second = self.segment()
        self.assertIsNot(first, second)
        self.assertIsNotNone(slicer.mrmlScene.GetNodeByID(first.GetID()), "the first result was overwritten")
        self.assertFalse(first.GetDisplayNode().GetVisibility(), "both results lie over each other")
        self.assertTrue(second.GetDisplayNode().GetVisibility())

    def test_remedyInAnotherModuleIsNoticed(self) -> None:
        nodes = self.loadStudy()
        bent = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "bent")
        self.widget.exit()
        nodes["t2"].SetAndObserveTransformNodeID(bent.GetID())
        self.widget.enter()
        self.waitFor(lambda: "bent" in self.ui.statusLabel.text, "noticing the transform")
        self.assertFalse(self.ui.segmentButton.enabled)
        self.widget.exit()
        nodes["t2"].SetAndObserveTransformNodeID(None)
        self.widget.enter()
        self.waitFor(lambda: self.ui.segmentButton.enabled, "noticing that the remedy was followed")

    def test_editedSegmentsAreTold(self) -> None:
        self.loadStudy()
        node = self.segment()
        self.widget.exit()
        node.GetSegmentation().RemoveSegment("ET")
        self.widget.enter()
        self.assertIn("edited since", self.ui.qualityLabel.text)

    def test_overlaysAreToggled(self) -> None:
        view = self.addSliceView()
        self.loadStudy()
        result = self.widget.logic.resultOf(self.segment())
        [line, *_] = result.diameters
        self.ui.diametersButton.click()
        self.assertTrue(line.GetDisplayNode().GetVisibility(), "the diameters were not shown")
        self.ui.diametersButton.click()
        self.assertFalse(line.GetDisplayNode().GetVisibility(), "the diameters were not hidden")
        self.ui.uncertaintyButton.click()
        self.assertEqual(view.GetForegroundVolumeID(), result.uncertainty.GetID(), "the uncertainty was not shown")
        self.ui.uncertaintyButton.click()
        self.assertIsNone(view.GetForegroundVolumeID(), "the uncertainty was not hidden")
        self.assertFalse(self.ui.uncertaintyButton.checked)

    def test_progressAndCancel(self) -> None:
        self.loadStudy()
        self.useWorker(600)
        self.ui.segmentButton.click()
        self.waitFor(lambda: self.ui.statusLabel.text.startswith("Segmenting on the CPU"), "progress of the run")
        self.assertEqual(self.ui.segmentButton.text, "Cancel")
        self.assertFalse(self.ui.inputsCollapsibleButton.enabled, "choices can be changed during a run")
        self.assertIn("left…", self.ui.statusLabel.text)
        self.ui.segmentButton.click()
        self.assertEqual(self.ui.statusLabel.text, "Cancelled; nothing was added to the scene.")
        self.assertEqual(self.ui.segmentButton.text, "Segment")
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode"), 0)

    def test_lostWorkerIsASentenceWithDetails(self) -> None:
        self.loadStudy()
        self.useWorker(DYING)
        self.ui.segmentButton.click()
        self.waitFor(lambda: self.ui.segmentButton.text == "Segment", "noticing that the worker died")
        self.assertTrue(self.ui.statusLabel.text.endswith("."), self.ui.statusLabel.text)
        self.assertTrue(self.ui.detailsTextEdit.isHidden(), "details are shown before they are asked for")
        self.assertIn("Fatal: out of luck", self.ui.detailsTextEdit.plainText)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"), 4, "volumes were lost")

    def test_closingTheSceneEndsTheRun(self) -> None:
        self.loadStudy()
        self.useWorker(600)
        self.ui.segmentButton.click()
        slicer.mrmlScene.Clear()
        self.assertEqual(self.ui.segmentButton.text, "Segment", "a run outlived its scene")

    def test_choicesOfTheLastRunAreDefaults(self) -> None:
        self.ui.deviceComboBox.setCurrentIndex(3)
        self.loadStudy()
        self.segment()
        slicer.mrmlScene.Clear()
        self.widget.enter()
        self.assertEqual(self.parameters.device.value, "cpu", "the device is not the default of a new scene")
