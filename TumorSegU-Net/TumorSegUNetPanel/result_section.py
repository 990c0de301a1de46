"""The section of the result: sentence, table, what can be shown and done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import qt

from TumorSegUNetLib.presenter_findings import Severity
from TumorSegUNetLib.presenter_result import ResultState

from .icons import showSeverity

RIGHT_CENTERED = 0x0002 | 0x0080
"""Qt::AlignRight | Qt::AlignVCenter: numbers stand below each other."""

LEFT_CENTERED = 0x0001 | 0x0080


@dataclass(frozen=True)
class ResultActions:
    """What the buttons do."""

    showDiameters: Callable[[bool], None]
    showUncertainty: Callable[[bool], None]
    openReport: Callable[[], None]
    saveReport: Callable[[], None]
    edit: Callable[[], None]
    export: Callable[[], None]


class ResultSection:
    """Sets on the widgets what the presenter decided.

    Args:
        ui: the panel's widgets.
        actions: what the buttons do.
    """

    def __init__(self, ui: object, actions: ResultActions) -> None:
        self._ui = ui
        ui.diametersButton.connect("clicked(bool)", actions.showDiameters)
        ui.uncertaintyButton.connect("clicked(bool)", actions.showUncertainty)
        ui.reportButton.connect("clicked(bool)", lambda checked=False: actions.openReport())
        ui.saveReportButton.connect("clicked(bool)", lambda checked=False: actions.saveReport())
        ui.editButton.connect("clicked(bool)", lambda checked=False: actions.edit())
        ui.exportButton.connect("clicked(bool)", lambda checked=False: actions.export())

    def show(self, state: ResultState) -> None:
        """Show a result, or hide the section."""
        ui = self._ui
        ui.resultCollapsibleButton.visible = state.visible
        ui.headlineLabel.text = state.headline
        ui.qualityFrame.visible = bool(state.caution)
        ui.qualityLabel.text = state.caution
        if state.caution:
            showSeverity(ui.qualityIcon, Severity.WARNING)
        ui.show3DButton.enabled = state.surfaces
        ui.diametersButton.enabled = state.diameters
        ui.uncertaintyButton.enabled = state.uncertainty
        ui.editButton.enabled = state.visible
        ui.exportButton.enabled = state.table
        ui.reportButton.enabled = state.report
        ui.saveReportButton.enabled = state.report
        self._fillTable(state)

    def showToggles(self, diameters: bool, uncertainty: bool) -> None:
        """Show which overlays are on."""
        self._ui.diametersButton.checked = diameters
        self._ui.uncertaintyButton.checked = uncertainty

    def _fillTable(self, state: ResultState) -> None:
        table = self._ui.resultTable
        table.visible = bool(state.rows)
        table.clear()
        table.setRowCount(len(state.rows))
        table.setColumnCount(len(state.header))
        table.setHorizontalHeaderLabels(list(state.header))
        for row, texts in enumerate(state.rows):
            for column, text in enumerate(texts):
                item = qt.QTableWidgetItem(text)
                item.setTextAlignment(RIGHT_CENTERED if column else LEFT_CENTERED)
                item.setToolTip(text)
                table.setItem(row, column, item)
        self._fit(table)

    def _fit(self, table: qt.QTableWidget) -> None:
        """All rows are seen, the first column takes the width that is left."""
        header = table.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        if table.columnCount:
            header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
        table.resizeRowsToContents()  # some titles have two lines
        rows = sum(table.rowHeight(row) for row in range(table.rowCount))
        table.setFixedHeight(header.sizeHint.height() + rows + 2 * table.frameWidth)
