"""The choice of a model, its measured accuracy, and the dialog of all models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tumorseg.modelstore import ModelEntry
from TumorSegUNetLib.logic import TumorSegUNetLogic
from TumorSegUNetLib.presenter import Presenter
from TumorSegUNetLib.presenter_models import accuracyHtml, accuracyToolTip, byName, itemText

from .about_dialog import AboutDialog
from .models_dialog import ModelsDialog


class ModelsController:
    """Keeps the list of models and the parameter together; models come and go, so no fixed binding does.

    Args:
        ui: the panel's widgets.
        logic: knows the models.
        resourcePath: tells the full path of a resource.
        onChanged: called when models were installed or removed.
    """

    def __init__(
        self, ui: object, logic: TumorSegUNetLogic, resourcePath: Callable[[str], str], onChanged: Callable[[], None]
    ) -> None:
        self._ui = ui
        self._logic = logic
        self._resourcePath = resourcePath
        self._onChanged = onChanged
        self._parameters: Any = None
        self.models: list[ModelEntry] = []
        self._fill()
        ui.modelComboBox.connect("activated(int)", self._onChosen)
        ui.modelsButton.connect("clicked(bool)", self._onModels)
        ui.accuracyLabel.connect("linkActivated(QString)", self._onAbout)

    @property
    def chosen(self) -> str | None:
        """Name of the chosen model; None where the scene names one that is not installed."""
        return self._ui.modelComboBox.currentData

    def setParameters(self, parameters: Any) -> None:
        """Show another parameter node, or none."""
        self._parameters = parameters
        if parameters is not None:
            self.update()

    def update(self) -> None:
        """Show the chosen model and how well it does."""
        name = self._parameters.model or Presenter(self.models).defaultModel
        self._ui.modelComboBox.setCurrentIndex(self._ui.modelComboBox.findData(name))
        model = byName(self.models, name)
        self._ui.accuracyLabel.text = accuracyHtml(model)
        self._ui.accuracyLabel.toolTip = accuracyToolTip(model)
        self._ui.accuracyLabel.visible = model is not None

    def _fill(self) -> None:
        self.models = self._logic.models()
        self._ui.modelComboBox.clear()
        for model in self.models:
            self._ui.modelComboBox.addItem(itemText(model), model.name)

    def _onChosen(self, index: int) -> None:
        if self._parameters is not None:
            self._parameters.model = self._ui.modelComboBox.itemData(index)

    def _onModels(self, checked: bool = False) -> None:
        ModelsDialog(self._resourcePath("UI/TumorSegUNetModels.ui"), self._logic, self._refresh).show(self.chosen)
        self._refresh()  # files may have come into the folder by hand

    def _onAbout(self, link: str) -> None:
        model = byName(self.models, self.chosen)
        if model is not None:
            AboutDialog(self._resourcePath("UI/TumorSegUNetAbout.ui"), model).show()

    def _refresh(self) -> None:
        self._fill()
        if self._parameters is not None:
            self.update()
        self._onChanged()
