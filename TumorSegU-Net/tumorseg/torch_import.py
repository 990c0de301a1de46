"""Import torch, or say in words why that is not possible."""

from __future__ import annotations

import sys
import traceback
from types import ModuleType

from tumorseg.errors import TumorSegError


def require_torch() -> None:
    """Import torch.

    Raises:
        TumorSegError: it cannot be loaded; the traceback goes to stderr.
    """
    try:
        import torch.nn  # noqa: F401 - a left-over folder can be imported as torch, but holds nothing
    except (ImportError, OSError) as error:
        traceback.print_exc(file=sys.stderr)
        raise TumorSegError(
            f"PyTorch cannot be loaded ({error}); reinstall it with the module PyTorch Utils and restart Slicer."
        ) from error


def loaded_torch() -> ModuleType | None:
    """torch, where it was imported already, and whole."""
    return sys.modules["torch"] if "torch.nn" in sys.modules else None
