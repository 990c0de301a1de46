"""Icons that read on light and on dark panels: the style's own, and ours in two shades."""

from __future__ import annotations

from pathlib import Path

import qt

from TumorSegUNetLib.presenter_findings import Severity

SIZE = 20
"""Pixels of an icon beside a text."""

MIDDLE_GRAY = 128


def suggestIcon(widget: qt.QWidget, folder: str) -> qt.QIcon:
    """The magic wand beside a selector, in the shade that suits the panel.

    Args:
        widget: tells whether the panel is dark.
        folder: of our icons.
    """
    dark = widget.palette.color(qt.QPalette.Window).lightness() < MIDDLE_GRAY
    return qt.QIcon(str(Path(folder, "Dark" if dark else "Light", "Recognize.svg")))


def showSeverity(label: qt.QLabel, severity: Severity) -> None:
    """Put the style's sign for a note, a warning or a problem on a label."""
    signs = {Severity.BLOCKING: qt.QStyle.SP_MessageBoxCritical, Severity.NOTE: qt.QStyle.SP_MessageBoxInformation}
    kind = signs.get(severity, qt.QStyle.SP_MessageBoxWarning)
    label.setPixmap(label.style().standardIcon(kind).pixmap(SIZE, SIZE))
