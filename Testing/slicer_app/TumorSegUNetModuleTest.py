"""Self-test for the full application: the module is loaded, describes itself, and its panel is built with nothing."""

import sys
import unittest

import slicer


class TumorSegUNetModuleTest(unittest.TestCase):
    """What must hold before anybody uses the module."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()
        self.module = slicer.app.moduleManager().module("TumorSegUNet")
        self.assertIsNotNone(self.module, "the module TumorSegUNet is not loaded; see the application's error log")

    def test_moduleDescribesItself(self) -> None:
        self.assertEqual(self.module.title, "TumorSegU-Net")
        self.assertEqual(list(self.module.categories), ["Segmentation"])
        for name in ("helpText", "acknowledgementText", "contributors"):
            self.assertTrue(getattr(self.module, name), f"{name} is empty")
        self.assertFalse(self.module.icon.isNull(), "the icon cannot be read")

    def test_dependenciesAreLoaded(self) -> None:
        names = self.module.dependencies
        for name in names() if callable(names) else names:
            self.assertIsNotNone(slicer.app.moduleManager().module(name), f"{name} is not loaded")

    def test_genericConditionsHold(self) -> None:
        self.assertIsNotNone(self.module.widgetRepresentation(), "there is no panel")
        self.module.setMRMLScene(slicer.mrmlScene)

    def test_nothingHeavyIsLoadedByThePanel(self) -> None:
        slicer.util.getModuleWidget("TumorSegUNet")
        self.assertNotIn("torch", sys.modules, "PyTorch was imported into the application")

    def test_everyWidgetIsThere(self) -> None:
        ui = slicer.util.getModuleWidget("TumorSegUNet").ui
        for name in ("t1Selector", "findingsLabel", "modelComboBox", "segmentButton", "resultTable", "show3DButton"):
            self.assertTrue(hasattr(ui, name), f"{name} is missing from the panel")

    def test_modelsCanBeChosen(self) -> None:
        widget = slicer.util.getModuleWidget("TumorSegUNet")
        models = widget.logic.models()
        self.assertGreater(len(models), 0, "the shipped model is not found")
        self.assertEqual(widget.ui.modelComboBox.count, len(models))
        self.assertIn(models[0].title, widget.ui.modelComboBox.itemText(0))

    def test_modelsDialogShowsTheCard(self) -> None:
        from TumorSegUNetPanel.models_dialog import ModelsDialog

        widget = slicer.util.getModuleWidget("TumorSegUNet")
        dialog = ModelsDialog(widget.resourcePath("UI/TumorSegUNetModels.ui"), widget.logic, lambda: None)
        dialog.fill(None)
        self.assertIn(widget.logic.models()[0].title, dialog.ui.cardBrowser.plainText)
        self.assertFalse(dialog.ui.removeButton.enabled, "the shipped model can be removed")

    def test_theModelsCardOpens(self) -> None:
        from TumorSegUNetPanel.about_dialog import AboutDialog

        widget = slicer.util.getModuleWidget("TumorSegUNet")
        [model, *_] = widget.logic.models()
        dialog = AboutDialog(widget.resourcePath("UI/TumorSegUNetAbout.ui"), model)
        self.assertIn(model.card.intended_use, dialog.ui.aboutBrowser.plainText)
        self.assertIn("About this model", widget.ui.accuracyLabel.text)

    def test_terminologyIsKnown(self) -> None:
        slicer.util.getModuleWidget("TumorSegUNet")
        logic = slicer.util.getModuleLogic("Terminologies")
        entry = slicer.vtkSlicerTerminologyEntry()
        from tumorseg.regions import ET, SEGMENTS

        self.assertTrue(logic.DeserializeTerminologyEntry(SEGMENTS[ET].terminology, entry), "ET's code is not known")

    def test_enteringAgainIsHarmless(self) -> None:
        widget = slicer.util.getModuleWidget("TumorSegUNet")
        for _ in range(3):
            widget.enter()
            slicer.app.processEvents()
        widget.logic.shutdown()
