"""The dialog of the models: cards of the installed ones, installing and removing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import qt
import slicer

from tumorseg.errors import TumorSegError
from tumorseg.modelstore import ModelEntry
from TumorSegUNetLib.logic import TumorSegUNetLogic
from TumorSegUNetLib.model_card import cardHtml
from TumorSegUNetLib.presenter_models import installedText, installHint, itemText, removeHint, transferText
from TumorSegUNetLib.translation import _

SHOW_SECONDS = 0.1
"""Between two looks at a transfer; a fast one comes in thousands of parts."""


class ModelsDialog:
    """Shows one model's card at a time.

    Args:
        path: of the .ui file.
        logic: knows the models.
        onChanged: called when a model has been installed or removed.
    """

    def __init__(self, path: str, logic: TumorSegUNetLogic, onChanged: Callable[[], None]) -> None:
        self._dialog = slicer.util.loadUI(path)
        self.ui = slicer.util.childWidgetVariables(self._dialog)
        self._logic = logic
        self._onChanged = onChanged
        self._models: list[ModelEntry] = []
        self._unused = ""
        self._shown = 0.0
        self.ui.modelList.connect("currentRowChanged(int)", self._onRow)
        self.ui.sourceLineEdit.connect("textChanged(QString)", self._onSourceChanged)
        self.ui.checksumLineEdit.connect("textChanged(QString)", self._onSourceChanged)
        self.ui.browseButton.connect("clicked(bool)", self._onBrowse)
        self.ui.installButton.connect("clicked(bool)", self._onInstall)
        self.ui.removeButton.connect("clicked(bool)", self._onRemove)
        self.ui.folderButton.connect("clicked(bool)", self._onFolder)

    def show(self, chosen: str | None) -> None:
        """Open the dialog on a model; returns when the user closes it."""
        self.fill(chosen)
        self._dialog.exec()
        self._dialog.deleteLater()  # a closed dialog would stay until the application ends

    def fill(self, chosen: str | None, message: str = "") -> None:
        """List the models and show the card of one; without a message, say why files are not among them."""
        self._models = self._logic.models()
        self._unused = "\n".join(self._logic.unusedModels())
        self.ui.modelList.clear()
        for model in self._models:
            self.ui.modelList.addItem(itemText(model))
        names = [model.name for model in self._models]
        self.ui.modelList.setCurrentRow(names.index(chosen) if chosen in names else 0)
        self._onSourceChanged()
        self.ui.messageLabel.text = message or self._unused

    def _current(self) -> ModelEntry | None:
        row = self.ui.modelList.currentRow
        return self._models[row] if 0 <= row < len(self._models) else None

    def _onRow(self, row: int) -> None:
        model = self._current()
        self.ui.cardBrowser.html = cardHtml(model)
        hint = removeHint(model)
        self.ui.removeButton.enabled = not hint
        self.ui.removeButton.toolTip = hint or _("Deletes the model's file.")

    def _onSourceChanged(self, text: str = "") -> None:
        hint = installHint(self.ui.sourceLineEdit.text, self.ui.checksumLineEdit.text)
        self.ui.installButton.enabled = not hint
        self.ui.installButton.toolTip = hint or _("Copies the model into the folder of installed models.")
        self.ui.messageLabel.text = hint if self.ui.sourceLineEdit.text else self._unused

    def _onBrowse(self, checked: bool = False) -> None:
        title, kinds = _("Choose a model file"), _("Models (*.safetensors)")
        path = qt.QFileDialog.getOpenFileName(self._dialog, title, "", kinds)
        if path:
            self.ui.sourceLineEdit.text = path

    def _onInstall(self, checked: bool = False) -> None:
        source, checksum = self.ui.sourceLineEdit.text.strip(), self.ui.checksumLineEdit.text.strip()
        self.ui.installButton.enabled = False
        try:
            model = self._logic.installModel(source, checksum or None, self._showTransfer)
        except TumorSegError as error:
            self._onSourceChanged()
            self.ui.messageLabel.text = " ".join(error.problems)
            return
        self.ui.sourceLineEdit.text = ""
        self.ui.checksumLineEdit.text = ""
        self._changed(model.name, installedText(model))

    def _showTransfer(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now - self._shown >= SHOW_SECONDS:
            self._shown = now
            self.ui.messageLabel.text = transferText(done, total)
            slicer.app.processEvents()

    def _onRemove(self, checked: bool = False) -> None:
        model = self._current()
        question = _("Remove {title}? Its file is deleted.").format(title=model.title)
        if not slicer.util.confirmYesNoDisplay(question, parent=self._dialog):
            return
        try:
            self._logic.removeModel(model.name)
        except TumorSegError as error:
            self.ui.messageLabel.text = " ".join(error.problems)
            return
        self._changed(None, _("{title} is removed.").format(title=model.title))

    def _onFolder(self, checked: bool = False) -> None:
        try:
            folder = Path(self._logic.modelFolder())
            folder.mkdir(parents=True, exist_ok=True)
        except (TumorSegError, OSError) as error:
            self.ui.messageLabel.text = str(error)
            return
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(folder)))

    def _changed(self, chosen: str | None, message: str) -> None:
        self.fill(chosen, message)
        self._onChanged()
