"""The dialog "About this model": its whole card, to be read and copied."""

from __future__ import annotations

import slicer

from tumorseg.modelstore import ModelEntry
from TumorSegUNetLib.model_card import cardHtml


class AboutDialog:
    """Shows the card of one model.

    Args:
        path: of the .ui file.
        model: whose card.
    """

    def __init__(self, path: str, model: ModelEntry) -> None:
        self._dialog = slicer.util.loadUI(path)
        self.ui = slicer.util.childWidgetVariables(self._dialog)
        self.ui.aboutBrowser.html = cardHtml(model, hashed=True)

    def show(self) -> None:
        """Open the dialog; returns when the user closes it."""
        self._dialog.exec()
        self._dialog.deleteLater()  # a closed dialog would stay until the application ends
