"""The panel as a whole: what the user does goes to the logic, what the presenters decide goes to the widgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import slicer

from tumorseg.errors import TumorSegError
from TumorSegUNetLib.dependencies import ensureTorch, torchInstalled
from TumorSegUNetLib.logic import TumorSegUNetLogic
from TumorSegUNetLib.presenter import Choices, Ending, Presenter
from TumorSegUNetLib.presenter_findings import findingsState
from TumorSegUNetLib.translation import _

from . import defaults
from .background_check import BackgroundCheck
from .device_line import DeviceLine
from .inputs_controller import InputsController
from .mask_controller import MaskController
from .models_controller import ModelsController
from .result_controller import ResultController
from .run_section import RunSection
from .timers import repeating
from .warm_up import WarmUp

POLL_MILLISECONDS = 100


class Panel:
    """Owns the sections and the run under way.

    Args:
        ui: the panel's widgets.
        logic: does the work.
        resourcePath: tells the full path of a resource.
    """

    def __init__(self, ui: object, logic: TumorSegUNetLogic, resourcePath: Callable[[str], str]) -> None:
        self._ui = ui
        self._logic = logic
        self._parameters: Any = None
        self._run: Any = None
        self._ending: Ending | None = None
        self._installing = False
        self._timer = repeating(POLL_MILLISECONDS, self._poll)
        self._inputs = InputsController(ui, logic, resourcePath("Icons"), self._loadSample)
        self._models = ModelsController(ui, logic, resourcePath, self._fillPresenter)
        self._mask = MaskController(self._inputs.identifiers)
        self._check = BackgroundCheck(logic, self._nodes, lambda: self._mask.node, self._onCheckStarted)
        self._section = RunSection(ui)
        self._device = DeviceLine(logic, self._section, self._timer.start)
        self._warmUp = WarmUp(logic, self._timer.start)
        self._results = ResultController(ui, logic)
        self._fillPresenter()
        ui.segmentButton.connect("clicked(bool)", self._onSegment)
        ui.installButton.connect("clicked(bool)", self._onInstall)

    def setParameters(self, parameters: Any) -> None:
        """Show another parameter node, or none while a scene closes."""
        self._parameters = parameters
        self._ending = None
        self._check.forget()
        if parameters is not None and not parameters.started:
            parameters.model = defaults.defaultModel()
            parameters.device = defaults.defaultDevice()
            parameters.tta = defaults.defaultTta()
            parameters.started = True
        self._models.setParameters(parameters)
        self._inputs.setParameters(parameters)
        self._mask.setParameters(parameters)
        self._results.setParameters(parameters)

    def enter(self) -> None:
        """The module is shown: recognize what is loaded, see what was changed elsewhere, and get the worker ready."""
        self._inputs.studyChanged()
        self._results.update()
        if self._check.renew():
            self._ending = None
        self.update()
        self._warmUp.show()
        if self._run is None:
            self._device.ask(self._parameters.device.value)
            self._getReady()

    def exit(self) -> None:
        """Another module is shown: what happens there is no reason to load a network."""
        self._warmUp.hide()

    def close(self) -> None:
        """The application closes or the module is reloaded: leave nothing running."""
        self._parameters = None  # nothing is shown any more
        self.cancel()
        self._check.forget()
        self._device.forget()
        self._inputs.close()
        self._timer.stop()
        self._logic.shutdown()

    def cancel(self) -> None:
        """End whatever is under way; nothing is added to the scene."""
        self._check.forget()
        self._logic.forgetVolumes()
        if self._run is not None:
            self._run.cancel()
            self._run = None
        self.update()

    def studyChanged(self) -> None:
        """Volumes were loaded or removed."""
        self._inputs.studyChanged()

    def nodeLeaves(self, identifier: str) -> None:
        """A node is about to be removed from the scene."""
        self._mask.nodeLeaves(identifier)
        self._inputs.volumeLeaves(identifier)
        self._results.nodeLeaves(identifier)

    def parametersChanged(self) -> None:
        """Something in the parameter node has changed, by the user or by us."""
        self._inputs.parametersChanged()
        self._mask.parametersChanged()
        self._models.update()
        self._results.update()
        self._device.follow(self._parameters.device.value)
        self._getReady()
        self.update()

    def update(self) -> None:
        """Show where things stand."""
        if self._parameters is None:
            return
        choices = self._choices()
        if self._run is None and not self._installing:
            self._check.want(choices if self._presenter.canCheck(choices) else None)
        found = self._presenter.findings(choices, self._check.check)
        self._inputs.show(findingsState((*found, *self._mask.findings, *self._inputs.findings)))
        if self._installing:
            self._section.show(self._presenter.installing())
        elif self._run is not None:
            self._section.show(self._presenter.during(self._run.progress))
        else:
            self._section.show(self._presenter.idle(choices, self._ending, self._check.check))

    def _fillPresenter(self) -> None:
        self._presenter = Presenter(self._models.models)
        self.update()

    def _choices(self) -> Choices:
        parameters = self._parameters
        return Choices(
            self._inputs.identifiers(),
            self._models.chosen,
            parameters.device.value,
            parameters.tta,
            self._mask.identifier,
            parameters.register,
        )

    def _nodes(self, choices: Choices) -> Mapping[str, Any]:
        """The volumes that the chosen model needs."""
        return {name: self._parameters.getValue(name) for name in self._presenter.neededSequences(choices.model)}

    def _onCheckStarted(self) -> None:
        self._timer.start()
        self._getReady()  # after the check, which the user sees sooner
        self.update()

    def _getReady(self) -> None:
        """Have the worker load what the next run needs; a run under way loads it itself."""
        if self._run is None and self._parameters is not None:
            self._warmUp.follow(self._models.chosen, self._parameters.device.value)

    def _onSegment(self, checked: bool = False) -> None:
        if self._run is not None:
            self._run.cancel()
            self._poll()
            return
        parameters = self._parameters
        if self._provideTorch() and self._parameters is parameters:  # the scene may have been closed meanwhile
            with slicer.util.tryWithErrorDisplay(_("The segmentation cannot be started."), waitCursor=True):
                self._startRun()

    def _onInstall(self, checked: bool = False) -> None:
        self._provideTorch()

    def _provideTorch(self) -> bool:
        """Whether PyTorch can be used; it is installed where it is missing, while the application handles events."""
        if self._installing:  # a click during the installation: one is enough
            return False
        choices = self._choices()
        self._installing = not torchInstalled()
        self.update()
        try:
            ensureTorch(mayInstall=not slicer.app.testingEnabled())
            if self._installing:
                self._logic.release()  # a worker that has looked for PyTorch in vain
                self._device.selfCheck(choices.device)
                self._getReady()
        except TumorSegError as problem:
            self._ending = Ending(choices, problem=problem)
            return False
        finally:
            self._installing = False
            self.update()
        return True

    def _startRun(self) -> None:
        choices = self._choices()
        self._check.makeWay()
        try:
            self._run = self._logic.startSegmentation(
                self._nodes(choices),
                choices.model,
                choices.device,
                brainMask=self._mask.node,
                register=choices.register,
                tta=choices.tta,
            )
            self._timer.start()
        except TumorSegError as problem:
            self._ending = Ending(choices, problem=problem)
        defaults.remember(self._parameters.model, self._parameters.device, choices.tta)
        self.update()

    def _poll(self) -> None:
        """Take in what the worker has said."""
        if self._run is not None and self._run.poll():
            self._finishRun()
        self._device.poll()
        if self._check.poll() or self._run is not None:
            self.update()
        if not self._waiting() and self._logic.workerProcessId is None:
            self._timer.stop()

    def _waiting(self) -> bool:
        """Whether the worker owes an answer.

        Without one, ticking goes on while it lives: the application keeps Python's lock while it waits for events, and
        the threads that send a cancel or end an idle worker run only when Python does.
        """
        return self._run is not None or self._check.running or self._device.running

    def _finishRun(self) -> None:
        run, self._run = self._run, None
        self._ending = Ending(self._choices(), run)
        if run.outcome.segmentation is not None:
            self._results.take(run.outcome)
        self.update()

    def _loadSample(self) -> None:
        from TumorSegUNetLib.sample_data import loadSamplePatient

        self._ui.sampleButton.enabled = False  # events are handled while the patient is being made
        try:
            loadSamplePatient()
        except TumorSegError as error:
            slicer.util.errorDisplay(" ".join(error.problems))
        finally:
            self._ui.sampleButton.enabled = True
