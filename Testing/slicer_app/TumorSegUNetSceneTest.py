"""Self-test for the full application: choices and results survive saving and loading the scene."""

import tempfile
from pathlib import Path

import slicer
from panel_driver import PanelTestCase


class TumorSegUNetSceneTest(PanelTestCase):
    """Saves a scene bundle, closes it, and loads it again."""

    def saveAndLoad(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder, "visit.mrb"))
            self.assertTrue(slicer.util.saveScene(path), "the scene could not be saved")
            slicer.mrmlScene.Clear()
            slicer.util.loadScene(path)  # raises when that fails; returns nothing for a scene
        self.widget.enter()

    def test_choicesSurvive(self) -> None:
        nodes = self.loadStudy()
        self.ui.t1Selector.setCurrentNode(nodes["t2"])
        self.waitFor(lambda: self.parameters.fixed == "t1", "noticing the user's choice")
        self.ui.deviceComboBox.setCurrentIndex(3)
        self.ui.ttaCheckBox.click()
        self.saveAndLoad()
        self.assertEqual(self.parameters.t1.GetName(), "patient_t2", "the user's volume was lost")
        self.assertEqual(self.parameters.fixed, "t1", "it is no longer known who chose the volume")
        self.assertEqual(self.parameters.device.value, "cpu", "the device was lost")
        self.assertTrue(self.parameters.tta, "the option was lost")
        self.assertTrue(self.ui.ttaCheckBox.checked)

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
