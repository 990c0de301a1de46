"""The application's translation function; texts stay as they are outside the application."""

from __future__ import annotations

try:
    from slicer.i18n import tr as _
except ImportError:  # the slicer-core wheel has no translations

    def _(text: str) -> str:
        return text


__all__ = ["_"]
