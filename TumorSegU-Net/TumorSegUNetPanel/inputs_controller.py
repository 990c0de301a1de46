"""Fills the selectors by recognition, leaving alone what the user has chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import slicer

from tumorseg.sequences import SEQUENCES
from TumorSegUNetLib.logic import TumorSegUNetLogic
from TumorSegUNetLib.presenter_findings import FindingsState, Fix, Found
from TumorSegUNetLib.presenter_inputs import InputsPresenter, Recognized, leftOutFinding, sampleHintVisible

from .inputs_section import InputsSection
from .timers import delayed

QUIET_MILLISECONDS = 300
"""A study is loaded volume by volume; recognition waits until this long after the last."""


class InputsController:
    """Owns the selectors' rows.

    Args:
        ui: the panel's widgets.
        logic: recognizes volumes.
        icons: folder of our icons.
        onSample: called when the sample patient is wanted.
    """

    def __init__(self, ui: object, logic: TumorSegUNetLogic, icons: str, onSample: Callable[[], None]) -> None:
        self._logic = logic
        self._parameters: Any = None
        self._presenter = InputsPresenter()
        self._setting = False
        self.findings: tuple[Found, ...] = ()
        self._section = InputsSection(ui, icons, self._onFix, onSample)
        self._timer = delayed(QUIET_MILLISECONDS, self._recognize)

    def setParameters(self, parameters: Any) -> None:
        """Work on another parameter node, or on none."""
        self._timer.stop()
        self._parameters = parameters
        self.findings = ()
        if parameters is not None:
            self._presenter = InputsPresenter(parameters.fixed.split(), self.identifiers())
            self._keepFixed()
            self.studyChanged()

    def identifiers(self) -> dict[str, str | None]:
        """Identifier of the chosen volume per sequence."""
        nodes = {name: self._parameters.getValue(name) for name in SEQUENCES}
        return {name: node.GetID() if node is not None else None for name, node in nodes.items()}

    def studyChanged(self) -> None:
        """Volumes were loaded or removed: recognize them when no more come."""
        self._timer.start()

    def volumeLeaves(self, identifier: str) -> None:
        """A node is about to be removed; called before the selectors notice."""
        if self._parameters is not None and (changes := self._presenter.leave(identifier)):
            self._set(changes)
            self._keepFixed()

    def parametersChanged(self) -> None:
        """Tell the user's changes from our own; after one, the other rows may fit better otherwise."""
        if not self._setting and self._presenter.noticed(self.identifiers()):
            self._keepFixed()
            self.studyChanged()

    def show(self, findings: FindingsState) -> None:
        """Show rows, findings and, in an empty scene, how to begin."""
        self._section.showRows(self._presenter)
        self._section.showFindings(findings)
        self._section.showSampleHint(sampleHintVisible(len(_volumes())))

    def close(self) -> None:
        """Do nothing any more."""
        self._timer.stop()

    def _recognize(self) -> None:
        if self._parameters is None or slicer.mrmlScene.IsImporting() or slicer.mrmlScene.IsClosing():
            return
        chosen = {name: self._parameters.getValue(name) for name in self._presenter.fixed}
        fixed = {name: node for name, node in chosen.items() if node is not None}
        free = _recognized(self._logic.suggestInputs(slicer.mrmlScene, {}))
        guesses = _recognized(self._logic.suggestInputs(slicer.mrmlScene, fixed)) if fixed else free
        changes = self._presenter.fill(guesses, free)
        self._tellLeftOut(changes)
        self._set(changes)

    def _tellLeftOut(self, changes: Mapping[str, str | None]) -> None:
        identifiers = {**self.identifiers(), **changes}.values()
        chosen = [slicer.mrmlScene.GetNodeByID(identifier) for identifier in identifiers if identifier]
        found = self._logic.leftOut(slicer.mrmlScene, chosen)
        self.findings = (leftOutFinding(found.name, found.missing),) if found is not None else ()

    def _onFix(self, fix: Fix) -> None:
        if self._parameters is None:
            return
        if fix.mask:
            self._section.showMaskSelector()
            return
        if fix.swap is not None:
            self._set(self._presenter.swap(*fix.swap))
        else:
            self._presenter.release(fix.recognize or SEQUENCES)
            self._recognize()
        self._keepFixed()

    def _set(self, changes: Mapping[str, str | None]) -> None:
        """Set all selectors before anything looks at them."""
        self._setting = True
        try:
            for name, identifier in changes.items():
                node = slicer.mrmlScene.GetNodeByID(identifier) if identifier else None
                self._parameters.setValue(name, node)
        finally:
            self._setting = False
        self._parameters.Modified()

    def _keepFixed(self) -> None:
        fixed = " ".join(name for name in SEQUENCES if name in self._presenter.fixed)
        if self._parameters.fixed != fixed:
            self._parameters.fixed = fixed


def _volumes() -> list[slicer.vtkMRMLScalarVolumeNode]:
    """The volumes that a user sees."""
    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode", slicer.mrmlScene)
    return [node for node in nodes if not node.GetHideFromEditors()]


def _recognized(suggestions: Mapping[str, Any]) -> dict[str, Recognized]:
    return {
        name: Recognized(found.node.GetID(), found.node.GetName(), found.confidence, found.reason)
        for name, found in suggestions.items()
    }
