"""Button, progress and status of a run."""

from __future__ import annotations

from TumorSegUNetLib.presenter import PanelState
from TumorSegUNetLib.translation import _


class RunSection:
    """Sets on the widgets what the presenter decided.

    Args:
        ui: the panel's widgets.
    """

    def __init__(self, ui: object) -> None:
        self._ui = ui
        ui.detailsButton.connect("toggled(bool)", self._showDetails)

    def show(self, state: PanelState) -> None:
        """Show where things stand."""
        ui = self._ui
        ui.segmentButton.text = state.buttonText
        ui.segmentButton.enabled = state.buttonEnabled
        ui.segmentButton.toolTip = state.buttonToolTip
        ui.inputsCollapsibleButton.enabled = state.choicesEnabled
        ui.modelCollapsibleButton.enabled = state.choicesEnabled
        ui.installButton.enabled = state.choicesEnabled
        ui.progressBar.visible = state.percent is not None
        ui.progressBar.value = state.percent or 0
        ui.statusLabel.text = state.status
        ui.detailsButton.visible = bool(state.details)
        ui.detailsTextEdit.plainText = state.details
        self._showDetails(ui.detailsButton.checked)

    def showDevice(self, sentence: str, mayInstall: bool) -> None:
        """Say where the network will run and why, or offer to install what is missing."""
        self._ui.deviceLabel.text = sentence
        self._ui.deviceLabel.visible = bool(sentence)
        self._ui.installButton.visible = mayInstall

    def _showDetails(self, shown: bool) -> None:
        self._ui.detailsButton.text = "▾ " + _("Hide details") if shown else "▸ " + _("Show details")
        self._ui.detailsTextEdit.visible = shown and bool(self._ui.detailsTextEdit.plainText)
