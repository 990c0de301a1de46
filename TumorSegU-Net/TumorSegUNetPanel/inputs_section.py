"""The section of the volumes: four selectors with what the recognition says, and what the check found."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import qt

from TumorSegUNetLib.presenter_findings import FindingsState, Fix, fixOfLink
from TumorSegUNetLib.presenter_inputs import InputsPresenter, RowState

from .icons import showSeverity, suggestIcon


class InputsSection:
    """Shows the rows and the findings; passes on what the user asks for.

    Args:
        ui: the panel's widgets.
        icons: folder of our icons.
        onFix: called with what a button or a link asks for.
        onSample: called when the sample patient is wanted.
    """

    def __init__(self, ui: object, icons: str, onFix: Callable[[Fix], None], onSample: Callable[[], None]) -> None:
        self._ui = ui
        self._onFix = onFix
        self._labels = {
            "t1": ui.t1ConfidenceLabel,
            "t1ce": ui.t1ceConfidenceLabel,
            "t2": ui.t2ConfidenceLabel,
            "flair": ui.flairConfidenceLabel,
        }
        self._buttons = {
            "t1": ui.t1SuggestButton,
            "t1ce": ui.t1ceSuggestButton,
            "t2": ui.t2SuggestButton,
            "flair": ui.flairSuggestButton,
        }
        for name, button in self._buttons.items():
            self._prepare(name, button, icons)
        ui.findingsLabel.connect("linkActivated(QString)", self._onLink)
        ui.sampleButton.connect("clicked(bool)", lambda checked=False: onSample())

    def showRows(self, presenter: InputsPresenter) -> None:
        """Show how sure each volume is."""
        for name, label in self._labels.items():
            self._showRow(label, self._buttons[name], presenter.row(name))

    def showFindings(self, state: FindingsState) -> None:
        """Show what the check found; nothing at all where it found nothing."""
        self._ui.findingsFrame.visible = state.visible
        self._ui.findingsLabel.text = state.html
        if state.visible:
            showSeverity(self._ui.findingsIcon, state.severity)

    def showSampleHint(self, visible: bool) -> None:
        """Explain how to load volumes, or leave the place to the selectors."""
        self._ui.sampleWidget.visible = visible

    def showMaskSelector(self) -> None:
        """Unfold what hides the selector of the brain mask, and take the user there."""
        self._ui.modelCollapsibleButton.collapsed = False
        self._ui.advancedGroupBox.collapsed = False
        self._ui.brainMaskSelector.setFocus()

    def _prepare(self, name: str, button: qt.QToolButton, icons: str) -> None:
        button.setIcon(suggestIcon(button, icons))
        button.connect("clicked(bool)", partial(self._onSuggest, name))

    def _showRow(self, label: qt.QLabel, button: qt.QToolButton, row: RowState) -> None:
        label.text = row.confidence
        label.toolTip = row.toolTip
        button.visible = row.canSuggest
        button.toolTip = row.suggestToolTip

    def _onSuggest(self, name: str, checked: bool = False) -> None:
        self._onFix(Fix(recognize=(name,)))

    def _onLink(self, link: str) -> None:
        # Later: the list, which holds the link, is replaced by what the link does.
        qt.QTimer.singleShot(0, lambda: self._onFix(fixOfLink(link)))
