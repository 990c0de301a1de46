"""The last result of the chosen volumes: shown, measured, reported, opened in the Segment Editor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
import slicer

from tumorseg.sequences import SEQUENCES
from TumorSegUNetLib.diameter_markups import diametersShown, showDiameters
from TumorSegUNetLib.logic import TumorSegUNetLogic
from TumorSegUNetLib.presenter_result import ResultFacts, ResultState, resultState
from TumorSegUNetLib.result import newestResultOf, resultsIn
from TumorSegUNetLib.result_views import hideCompanions, hideResult, showResult, showUncertainty, uncertaintyShown
from TumorSegUNetLib.translation import _

from .result_section import ResultActions, ResultSection


class ResultController:
    """Finds what belongs to the segmentation in the parameter node, also after a scene was loaded.

    Args:
        ui: the panel's widgets.
        logic: knows results.
    """

    def __init__(self, ui: object, logic: TumorSegUNetLogic) -> None:
        self._ui = ui
        self._logic = logic
        self._parameters: Any = None
        self._chosen: dict[str, Any] = {}
        self._shown: object = None
        self._state = ResultState()
        actions = ResultActions(
            showDiameters=self._showDiameters,
            showUncertainty=self._showUncertainty,
            openReport=self._openReport,
            saveReport=self._saveReport,
            edit=self._edit,
            export=self._export,
        )
        self._section = ResultSection(ui, actions)
        self._section.show(self._state)

    def setParameters(self, parameters: Any) -> None:
        """Show the result of another parameter node, or none."""
        self._parameters = parameters
        self._chosen = self._volumes()
        self.update()

    def take(self, outcome: Any) -> None:
        """A run has ended with a result: keep it in the scene and show it in the views, instead of the one before."""
        self._replace(outcome.segmentation)

    def nodeLeaves(self, identifier: str) -> None:
        """A node is about to be removed: what was drawn beside a result goes out of the views with it."""
        if self._parameters is None:
            return
        for segmentation in resultsIn(slicer.mrmlScene):
            if segmentation.GetID() == identifier:
                hideCompanions(segmentation)

    def update(self) -> None:
        """Show the result that the scene names, and what has become of it; another one if other volumes are chosen."""
        self._follow()
        segmentation, state = self._segmentation(), resultState(self._facts())
        if state != self._state:
            self._state = state
            self._section.show(state)
        if segmentation is not self._shown:
            self._shown = segmentation
            self._ui.show3DButton.setSegmentationNode(segmentation)
            self._updateToggles()

    def _follow(self) -> None:
        """Take the last result of the volumes when others are chosen, or when the one shown is gone.

        A result of other volumes stays while there is none of these: a run may end after the choice.
        """
        before, chosen = self._segmentation(), self._volumes()
        if before is not None and chosen == self._chosen:
            return
        self._chosen = chosen
        if before is not None and self._logic.resultOf(before).isOf(chosen):
            return
        if (found := newestResultOf(slicer.mrmlScene, chosen)) is not None:
            self._replace(found)

    def _replace(self, segmentation: Any) -> None:
        if (before := self._segmentation()) is not None:
            hideResult(before)
        self._parameters.segmentation = segmentation
        showResult(segmentation)

    def _volumes(self) -> dict[str, Any]:
        """The chosen volume per sequence, or None."""
        return {name: self._parameters.getValue(name) for name in SEQUENCES} if self._parameters is not None else {}

    def _segmentation(self) -> Any:
        return self._parameters.segmentation if self._parameters is not None else None

    def _facts(self) -> ResultFacts | None:
        segmentation = self._segmentation()
        if segmentation is None:
            return None
        result = self._logic.resultOf(segmentation)
        return ResultFacts(
            name=segmentation.GetName(),
            measurements=result.measurements,
            lesions=result.lesions,
            foci=result.foci,
            side=result.side,
            caution=result.quality.get("sentence"),
            registration=result.registration.get("message"),
            table=result.table is not None,
            diameters=bool(result.diameters),
            uncertainty=result.uncertainty is not None,
            report=result.hasReport,
            elsewhere=not result.isOf(self._volumes()),
            edited=result.edited,
        )

    def _updateToggles(self) -> None:
        segmentation = self._segmentation()
        if segmentation is None:
            self._section.showToggles(diameters=False, uncertainty=False)
            return
        volume = self._logic.resultOf(segmentation).uncertainty
        shown = volume is not None and uncertaintyShown(slicer.mrmlScene, volume)
        self._section.showToggles(diameters=diametersShown(segmentation), uncertainty=shown)

    def _showDiameters(self, shown: bool) -> None:
        showDiameters(self._segmentation(), shown)
        self._updateToggles()

    def _showUncertainty(self, shown: bool) -> None:
        volume = self._logic.resultOf(self._segmentation()).uncertainty
        showUncertainty(slicer.mrmlScene, volume if shown else None)
        self._updateToggles()

    def _openReport(self) -> None:
        path = self._logic.reportFile(self._segmentation())
        if path is None:
            slicer.util.errorDisplay(_("The report is no longer there; segment again to write a new one."))
            return
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(path)))

    def _saveReport(self) -> None:
        path = self._askPath(_("Save report"), ".html", _("Web page (*.html)"))
        if path:
            with slicer.util.tryWithErrorDisplay(_("The report cannot be saved."), waitCursor=True):
                self._logic.saveReport(self._segmentation(), path)

    def _export(self) -> None:
        table = self._logic.resultOf(self._segmentation()).table
        if table is None:
            slicer.util.errorDisplay(_("The table is no longer in the scene; segment again to get a new one."))
            return
        path = self._askPath(_("Export table"), ".csv", _("Table (*.csv)"))
        if path:
            with slicer.util.tryWithErrorDisplay(_("The table cannot be exported."), waitCursor=True):
                self._logic.exportTable(table, path)

    def _askPath(self, title: str, ending: str, kinds: str) -> str:
        """Where to write a file; empty when the user changes their mind."""
        proposed = "".join(char if char.isalnum() or char in " -_." else "-" for char in self._segmentation().GetName())
        path = qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), title, proposed + ending, kinds)
        return path if not path or Path(path).suffix else path + ending

    def _edit(self) -> None:
        """Open the Segment Editor on the segmentation."""
        segmentation = self._segmentation()
        slicer.util.selectModule("SegmentEditor")
        editor = slicer.util.getModuleWidget("SegmentEditor").editor
        editor.setSegmentationNode(segmentation)
        editor.setSourceVolumeNode(self._logic.resultOf(segmentation).reference)
