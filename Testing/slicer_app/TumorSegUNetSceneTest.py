"""Self-test for the full application: choices and results survive saving, loading, and scenes that are added."""

import tempfile
from pathlib import Path

import slicer
from panel_driver import PanelTestCase

from tumorseg.sequences import SEQUENCES


class TumorSegUNetSceneTest(PanelTestCase):
    """Saves a scene bundle, closes it, and loads it again; adds a scene to the one at hand."""

    def saveAndLoad(self, opened: bool = False) -> None:
        """Come back to a saved scene: into the module afterwards, or with the module open all the time."""
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder, "visit.mrb"))
            self.assertTrue(slicer.util.saveScene(path), "the scene could not be saved")
            slicer.mrmlScene.Clear()
            if opened:
                self.widget.enter()
            slicer.util.loadScene(path)  # raises when that fails; returns nothing for a scene
        if not opened:
            self.widget.enter()

    def addOtherScene(self) -> None:
        """Add a scene that has nothing of ours to the one at hand."""
        scene = slicer.mrmlScene
        scene.SetSceneXMLString('<MRML version="Slicer4.4.0"><Text id="vtkMRMLTextNode1" name="note"></Text></MRML>')
        scene.SetLoadFromXMLString(1)
        self.assertTrue(scene.Import(), "the other scene could not be added")
        scene.SetLoadFromXMLString(0)
        self.assertIsNotNone(scene.GetFirstNodeByName("note"), "the other scene was not added")

    def test_choicesSurvive(self) -> None:
        nodes = self.loadStudy()
        self.ui.t1Selector.setCurrentNode(nodes["t2"])
        self.waitFor(lambda: self.parameters.fixed == "t1", "noticing the user's choice")
        self.ui.deviceComboBox.setCurrentIndex(3)
        self.ui.ttaCheckBox.click()
        self.ui.registerCheckBox.click()
        mask = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "brain")
        self.ui.brainMaskSelector.setCurrentNode(mask)
        self.saveAndLoad()
        self.assertEqual(self.parameters.t1.GetName(), "patient_t2", "the user's volume was lost")
        self.assertEqual(self.parameters.fixed, "t1", "it is no longer known who chose the volume")
        self.assertEqual(self.parameters.device.value, "cpu", "the device was lost")
        self.assertTrue(self.parameters.tta, "the option was lost")
        self.assertTrue(self.ui.ttaCheckBox.checked)
        self.assertFalse(self.parameters.register, "the registration was switched on again")
        self.assertEqual(self.parameters.brainMask.GetName(), "brain", "the brain mask was lost")
        self.assertIs(self.ui.brainMaskSelector.currentNode(), self.parameters.brainMask)

    def test_recognizedVolumesAreNobodysChoice(self) -> None:
        self.loadStudy()
        self.saveAndLoad(opened=True)
        self.waitFor(lambda: "% sure" in self.ui.t1ConfidenceLabel.text, "recognizing the volumes of the loaded scene")
        self.assertEqual(self.parameters.fixed, "", "recognized volumes count as the user's choice")
        for name in SEQUENCES:
            selector = getattr(self.ui, f"{name}Selector")
            self.assertEqual(selector.currentNode().GetName(), f"patient_{name}", "the selector lost its volume")

    def test_choiceOutlivesAnotherScene(self) -> None:
        nodes = self.loadStudy()
        self.ui.t1Selector.setCurrentNode(nodes["t2"])
        self.waitFor(lambda: self.parameters.t2 is None, "adapting the other rows to the user's choice")
        self.addOtherScene()
        self.wait(1.0)
        self.assertIs(self.parameters.t1, nodes["t2"], "the user's choice was undone")
        self.assertIs(self.ui.t1Selector.currentNode(), nodes["t2"], "the selector lost the user's choice")
        self.assertEqual(self.parameters.fixed, "t1", "it is no longer known who chose the volume")
        self.ui.t2Selector.setCurrentNode(nodes["t1"])
        self.assertIs(self.parameters.t2, nodes["t1"], "the selectors are no longer bound")

    def test_resultSurvives(self) -> None:
        self.loadStudy()
        name = self.segment().GetName()
        self.saveAndLoad()
        self.assertEqual(self.parameters.segmentation.GetName(), name, "the result was lost")
        self.assertEqual(self.ui.headlineLabel.text, f"{name}\nTumor with edema 1.0 mL, left hemisphere, one focus")
        self.assertEqual(self.ui.qualityLabel.text, "Look at the result with care.", "it seems edited, or of others")
        self.assertEqual(self.ui.resultTable.rowCount, 3, "the table was lost")
        self.assertTrue(self.ui.reportButton.enabled, "the report was lost")
        self.assertTrue(self.ui.diametersButton.enabled, "the diameters were lost")
        path = self.widget.logic.reportFile(self.parameters.segmentation)
        self.assertIn("A report.", path.read_text(encoding="utf-8"))

    def test_tableAndReportAreWritten(self) -> None:
        self.loadStudy()
        node = self.segment()
        with tempfile.TemporaryDirectory() as folder:
            table, report = Path(folder, "table.csv"), Path(folder, "report.html")
            self.widget.logic.exportTable(self.widget.logic.resultOf(node).table, str(table))
            self.widget.logic.saveReport(node, str(report))
            self.assertIn("Whole tumor", table.read_text(encoding="utf-8"))
            self.assertIn("A report.", report.read_text(encoding="utf-8"))
