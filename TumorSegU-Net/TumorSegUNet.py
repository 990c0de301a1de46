"""3D Slicer module TumorSegU-Net: segments glioma from four MR volumes.

This file has what the application looks for; ``TumorSegUNetPanel`` sets widgets, ``TumorSegUNetLib`` decides and works.
Both are imported when the module is opened: the application's start does not wait for NumPy and the engine.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import slicer
import vtk
from slicer import vtkMRMLLabelMapVolumeNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin

from TumorSegUNetLib.device import Device

if TYPE_CHECKING:
    from TumorSegUNetPanel.panel import Panel

DOCUMENTATION = "https://github.com/TumorSegUNet/SlicerTumorSegUNet/blob/main/docs"

FIRST = 100.0
"""Priority of an observer that is called before the node selectors' own."""


class TumorSegUNet(ScriptedLoadableModule):
    """The module as the application lists it."""

    def __init__(self, parent: slicer.qSlicerScriptedLoadableModule) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = "TumorSegU-Net"
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = [
            "Markups",
            "Segmentations",
            "SubjectHierarchy",
            "Tables",
            "Terminologies",
            "Volumes",
        ]
        self.parent.contributors = ["TumorSegU-Net contributors"]
        self.parent.helpText = _(
            "Segments glioma - necrotic and non-enhancing core, edema and enhancing tumor - from T1, contrast-enhanced "
            "T1, T2 and FLAIR volumes of one patient with a 3D U-Net, and measures it. For research use only.<br>"
            'See the <a href="{docs}/tutorial.md">tutorial</a> and '
            '<a href="{docs}/troubleshooting.md">troubleshooting</a>.'
        ).format(docs=DOCUMENTATION)
        self.parent.acknowledgementText = _(
            "The networks were trained on synthetic patients and on public data of the Brain Tumor Segmentation "
            "(BraTS) challenges; the model cards name the data sets and their publications."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData() -> None:
    """Offer the synthetic patient in the module Sample Data; called when the application is up."""
    from TumorSegUNetLib.sample_source import registerSampleData as register

    register(str(Path(__file__).resolve().parent / "Resources"))


@parameterNodeWrapper
class TumorSegUNetParameterNode:
    """What the user has chosen and got; saved with the scene.

    Attributes:
        t1, t1ce, t2, flair: the volumes.
        fixed: sequences that the user has chosen by hand, separated by blanks; the others are recognized anew when the
            study changes.
        model: name of the model; empty for the default.
        device: where the network runs.
        brainMask: says where the brain is in volumes with skull; goes when another T1ce is chosen.
        register: whether volumes on other grids than the T1ce are registered to it.
        tta: whether mirrored copies are averaged.
        started: whether the application's defaults have been taken over; later they leave the scene alone.
        segmentation: the result shown; table, report and whatever else belongs to it hang on it.
    """

    t1: vtkMRMLScalarVolumeNode
    t1ce: vtkMRMLScalarVolumeNode
    t2: vtkMRMLScalarVolumeNode
    flair: vtkMRMLScalarVolumeNode
    fixed: str = ""
    model: str = ""
    device: Device = Device.AUTO
    # Not A | B: the wrapper knows unions of nodes by typing.Union, and wants to hear of None.
    brainMask: Union[vtkMRMLSegmentationNode, vtkMRMLLabelMapVolumeNode, vtkMRMLScalarVolumeNode, None]  # noqa: UP007
    register: bool = True
    tta: bool = False
    started: bool = False
    segmentation: vtkMRMLSegmentationNode


class TumorSegUNetWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Keeps the panel and the scene's parameter node together."""

    def __init__(self, parent: slicer.qSlicerScriptedLoadableModuleWidget | None = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self._parameterNode: TumorSegUNetParameterNode | None = None
        self._guiTag: int | None = None
        self.panel: Panel | None = None

    def setup(self) -> None:
        """Build the panel; needs neither a main window nor torch."""
        from TumorSegUNetPanel.panel import Panel

        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/TumorSegUNet.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        self._bound = self._boundWidgets()
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = TumorSegUNetLogic()
        self.panel = Panel(self.ui, self.logic, self.resourcePath)
        self._loadTerminology()
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self._onSceneEndClose)
        self.addObserver(scene, scene.StartImportEvent, self._onSceneStartImport)
        self.addObserver(scene, scene.EndImportEvent, self._onSceneEndImport)
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._onNodeLeaves, priority=FIRST)
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndBatchProcessEvent):
            self.addObserver(scene, event, self._onSceneChanged)
        self._initializeParameterNode()

    def cleanup(self) -> None:
        """Leave nothing running when the application closes or the module is reloaded."""
        if self.panel is not None:
            self.panel.close()
        self._setParameterNode(None)
        self.removeObservers()

    def enter(self) -> None:
        """The module is shown."""
        self._initializeParameterNode()
        self.panel.enter()

    def exit(self) -> None:
        """Another module is shown."""
        self.panel.exit()

    def _onSceneStartClose(self, caller: object, event: str) -> None:
        self.panel.cancel()
        self._setParameterNode(None)

    def _onSceneEndClose(self, caller: object, event: str) -> None:
        if self.parent.isEntered:
            self._initializeParameterNode()

    def _onSceneStartImport(self, caller: object, event: str) -> None:
        """Let go of the selectors: at the end they lose their volumes for a moment, which is nobody's choice."""
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)

    def _onSceneEndImport(self, caller: object, event: str) -> None:
        """A loaded scene has brought its own choices: they are its user's and not changes made now.

        The node is wrapped anew, since a wrapper keeps what it read while the volumes came in.
        """
        if self._parameterNode is not None:
            self._setParameterNode(self.logic.getParameterNode())

    def _onSceneChanged(self, caller: object, event: str) -> None:
        if self._parameterNode is not None and not slicer.mrmlScene.IsImporting():
            self.panel.studyChanged()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeLeaves(self, caller: object, event: str, node: slicer.vtkMRMLNode) -> None:
        self.panel.nodeLeaves(node.GetID())

    def _loadTerminology(self) -> None:
        """Make the codes of our segments known to the application's terminology selector."""
        path = self.resourcePath("SegmentationCategoryTypeModifier-TumorSegUNet.term.json")
        slicer.util.getModuleLogic("Terminologies").LoadTerminologyFromFile(path)

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
        if self.panel is not None:
            self.panel.setParameters(parameterNode)
        if parameterNode is not None:
            self._guiTag = self._connectParameters(parameterNode)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
            self._onParametersModified()

    def _boundWidgets(self) -> dict[str, Any]:
        """The widgets that carry SlicerParameterName, looked up once: Qt's own helpers among the others come and go."""
        widgets = vars(self.ui).values()
        return {name: widget for widget in widgets if (name := widget.property("SlicerParameterName"))}

    def _connectParameters(self, parameterNode: TumorSegUNetParameterNode) -> int:
        """Bind the widgets to the scene's choices.

        ``connectGui`` does it, too, but returns no tag in released versions, so that nothing could be unbound.
        """
        tag = parameterNode.connectParametersToGui(self._bound)
        for index, device in enumerate(Device):  # the list has just been filled
            self.ui.deviceComboBox.model().item(index).setEnabled(device.fitsPlatform())
        return tag

    def _onParametersModified(self, caller: object = None, event: str | None = None) -> None:
        if not slicer.mrmlScene.IsImporting():
            self.panel.parametersChanged()


class TumorSegUNetLogic(ScriptedLoadableModuleLogic):
    """Everything of ``TumorSegUNetLib.logic.TumorSegUNetLogic``, and the module's parameter node."""

    def __init__(self) -> None:
        from TumorSegUNetLib.logic import TumorSegUNetLogic as SegmentationLogic

        ScriptedLoadableModuleLogic.__init__(self)
        self.work = SegmentationLogic()

    def __getattr__(self, name: str) -> Any:
        """Segmenting, checking, models, results: see ``TumorSegUNetLib.logic``."""
        if name == "work":  # not made yet
            raise AttributeError(name)
        return getattr(self.work, name)

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
