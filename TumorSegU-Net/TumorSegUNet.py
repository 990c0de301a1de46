"""3D Slicer module TumorSegU-Net: segments glioma from four MR volumes.

Only this file and the .ui file know Qt; what the panel shows is decided in ``TumorSegUNetLib.presenter`` and what
happens in ``TumorSegUNetLib.logic``.
"""

import qt
import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin

from tumorseg.errors import TumorSegError
from tumorseg.sequences import SEQUENCES
from TumorSegUNetLib.dependencies import ensureTorch, torchInstalled
from TumorSegUNetLib.device import Device
from TumorSegUNetLib.logic import TumorSegUNetLogic as SegmentationLogic
from TumorSegUNetLib.presenter import Choices, Ending, PanelState, Presenter
from TumorSegUNetLib.run import Run

POLL_MILLISECONDS = 100


class TumorSegUNet(ScriptedLoadableModule):
    """The module as the application lists it."""

    def __init__(self, parent: slicer.qSlicerScriptedLoadableModule) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = "TumorSegU-Net"
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["Segmentations", "SubjectHierarchy", "Terminologies", "Volumes"]
        self.parent.contributors = ["TumorSegU-Net contributors"]
        self.parent.helpText = _(
            "Segments glioma - necrotic and non-enhancing core, edema and enhancing tumor - from T1, contrast-enhanced "
            "T1, T2 and FLAIR volumes of one patient with a 3D U-Net. For research use only. See the "
            '<a href="https://github.com/TumorSegUNet/SlicerTumorSegUNet">documentation</a>.'
        )
        self.parent.acknowledgementText = _(
            "The networks were trained on synthetic patients and on public data of the Brain Tumor Segmentation "
            "(BraTS) challenges; the model cards name the data sets and their publications."
        )


@parameterNodeWrapper
class TumorSegUNetParameterNode:
    """What the user has chosen; saved with the scene.

    Attributes:
        t1, t1ce, t2, flair: the volumes.
        model: name of the model; empty for the default.
        device: where the network runs.
        segmentation: the last result.
    """

    t1: vtkMRMLScalarVolumeNode
    t1ce: vtkMRMLScalarVolumeNode
    t2: vtkMRMLScalarVolumeNode
    flair: vtkMRMLScalarVolumeNode
    model: str = ""
    device: Device = Device.AUTO
    segmentation: vtkMRMLSegmentationNode


class TumorSegUNetWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: hands choices and runs to the presenter and sets on the widgets what it answers."""

    def __init__(self, parent: slicer.qSlicerScriptedLoadableModuleWidget | None = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self._parameterNode: TumorSegUNetParameterNode | None = None
        self._guiTag: int | None = None
        self._run: Run | None = None
        self._ending: Ending | None = None
        self._installing = False
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MILLISECONDS)
        self._timer.connect("timeout()", self._onTimer)

    def setup(self) -> None:
        """Build the panel; needs neither a main window nor torch."""
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/TumorSegUNet.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = TumorSegUNetLogic()
        self._loadTerminology()
        self._fillModels()
        self.ui.segmentButton.connect("clicked(bool)", self._onSegmentButton)
        self.ui.modelComboBox.connect("currentIndexChanged(int)", self._onModelChosen)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self._onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self._onSceneEndClose)
        self._initializeParameterNode()

    def cleanup(self) -> None:
        """Leave nothing running when the application closes or the module is reloaded."""
        self._timer.stop()
        self._cancelRun()
        self._setParameterNode(None)
        self.removeObservers()

    def enter(self) -> None:
        """The module is shown."""
        self._initializeParameterNode()

    def _onSceneStartClose(self, caller: object, event: str) -> None:
        self._cancelRun()
        self._ending = None
        self._setParameterNode(None)

    def _onSceneEndClose(self, caller: object, event: str) -> None:
        if self.parent.isEntered:
            self._initializeParameterNode()

    def _loadTerminology(self) -> None:
        """Make the codes of our segments known to the application's terminology selector."""
        path = self.resourcePath("SegmentationCategoryTypeModifier-TumorSegUNet.term.json")
        slicer.util.getModuleLogic("Terminologies").LoadTerminologyFromFile(path)

    def _fillModels(self) -> None:
        models = self.logic.models()
        self.presenter = Presenter(models)
        for model in models:
            self.ui.modelComboBox.addItem(model.title, model.name)

    def _initializeParameterNode(self) -> None:
        """Bind the panel to the scene's choices; binding them twice would let the device's list overwrite them."""
        node = ScriptedLoadableModuleLogic.getParameterNode(self.logic)
        if self._parameterNode is None or self._parameterNode.parameterNode is not node:
            self._setParameterNode(self.logic.getParameterNode())

    def _setParameterNode(self, parameterNode: TumorSegUNetParameterNode | None) -> None:
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
        self._parameterNode = parameterNode
        if parameterNode is not None:
            self._guiTag = self._connectParameters(parameterNode)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
            self._onParametersModified()

    def _connectParameters(self, parameterNode: TumorSegUNetParameterNode) -> int:
        """Bind widgets to parameters; unlike connectGui, this returns the tag in all versions of the application."""
        tag = parameterNode.connectParametersToGui(
            {
                "t1": self.ui.t1Selector,
                "t1ce": self.ui.t1ceSelector,
                "t2": self.ui.t2Selector,
                "flair": self.ui.flairSelector,
                "device": self.ui.deviceComboBox,
            }
        )
        for index, device in enumerate(Device):  # the list has just been filled
            self.ui.deviceComboBox.model().item(index).setEnabled(device.fitsPlatform())
        return tag

    def _onParametersModified(self, caller: object = None, event: str | None = None) -> None:
        """Show the choices that the parameter node cannot bind itself, and what follows from all of them."""
        node = self._parameterNode
        model = node.model or self.presenter.defaultModel
        self.ui.modelComboBox.setCurrentIndex(self.ui.modelComboBox.findData(model))
        self.ui.show3DButton.setSegmentationNode(node.segmentation)
        self._update()

    def _update(self) -> None:
        """Show where things stand."""
        if self._installing:
            self._show(self.presenter.installing())
        elif self._run is not None:
            self._show(self.presenter.during(self._run.progress))
        elif self._parameterNode is not None:
            self._show(self.presenter.idle(self._choices(), self._ending))

    def _onModelChosen(self, index: int) -> None:
        if self._parameterNode is not None and index >= 0:
            self._parameterNode.model = self.ui.modelComboBox.itemData(index)

    def _choices(self) -> Choices:
        nodes = {name: self._parameterNode.getValue(name) for name in SEQUENCES}
        identifiers = {name: node.GetID() if node is not None else None for name, node in nodes.items()}
        return Choices(identifiers, self.ui.modelComboBox.currentData, self._parameterNode.device.value)

    def _onSegmentButton(self, checked: bool = False) -> None:
        if self._run is not None:
            self._run.cancel()
            self._finishRun()
            return
        parameterNode = self._parameterNode
        if self._provideTorch() and self._parameterNode is parameterNode:  # the scene may have been closed meanwhile
            with slicer.util.tryWithErrorDisplay(_("The segmentation cannot be started."), waitCursor=True):
                self._startRun()

    def _provideTorch(self) -> bool:
        """Whether PyTorch can be used; it is installed where it is missing, while the application handles events."""
        choices = self._choices()
        self._installing = not torchInstalled()
        self._update()
        try:
            ensureTorch(mayInstall=not slicer.app.testingEnabled())
        except TumorSegError as problem:
            self._ending = Ending(choices, problem=problem)
            return False
        finally:
            self._installing = False
            self._update()
        return True

    def _startRun(self) -> None:
        choices = self._choices()
        needed = self.presenter.neededSequences(choices.model)
        inputs = {name: self._parameterNode.getValue(name) for name in needed}
        try:
            self._run = self.logic.startSegmentation(inputs, choices.model, choices.device)
            self._timer.start()
        except TumorSegError as problem:
            self._ending = Ending(choices, problem=problem)
        self._update()

    def _onTimer(self) -> None:
        if self._run.poll():
            self._finishRun()
        else:
            self._update()

    def _finishRun(self) -> None:
        self._timer.stop()
        run, self._run = self._run, None
        self._ending = Ending(self._choices(), run)
        if run.outcome.segmentation is not None:
            self._parameterNode.segmentation = run.outcome.segmentation
        self._update()

    def _cancelRun(self) -> None:
        self._timer.stop()
        if self._run is not None:
            self._run.cancel()
            self._run = None

    def _show(self, state: PanelState) -> None:
        self.ui.segmentButton.text = state.buttonText
        self.ui.segmentButton.enabled = state.buttonEnabled
        self.ui.segmentButton.toolTip = state.buttonToolTip
        self.ui.inputsCollapsibleButton.enabled = state.choicesEnabled
        self.ui.modelCollapsibleButton.enabled = state.choicesEnabled
        self.ui.progressBar.visible = state.percent is not None
        self.ui.progressBar.value = state.percent or 0
        self.ui.statusLabel.text = state.status
        self.ui.detailsCollapsibleButton.visible = bool(state.details)
        self.ui.detailsTextEdit.plainText = state.details


class TumorSegUNetLogic(ScriptedLoadableModuleLogic, SegmentationLogic):
    """The logic of ``TumorSegUNetLib.logic`` with the module's parameter node."""

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        SegmentationLogic.__init__(self)

    def getParameterNode(self) -> TumorSegUNetParameterNode:
        """The choices kept in the scene."""
        return TumorSegUNetParameterNode(super().getParameterNode())


class TumorSegUNetTest(ScriptedLoadableModuleTest):
    """What the module promises when it is merely opened; Testing/slicer_app has the tests of its work."""

    def setUp(self) -> None:
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """Called by the panel's Reload and Test."""
        self.setUp()
        self.test_panelNamesTheFirstThingToDo()

    def test_panelNamesTheFirstThingToDo(self) -> None:
        """An empty panel cannot start and says why."""
        widget = slicer.util.getModuleWidget("TumorSegUNet")
        self.assertFalse(widget.ui.segmentButton.enabled)
        self.assertTrue(widget.ui.statusLabel.text.endswith("."), widget.ui.statusLabel.text)
