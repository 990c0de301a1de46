"""PyTorch comes from the PyTorch extension, when it is needed and after asking; we never call pip ourselves."""

from __future__ import annotations

import importlib.util
from importlib import import_module

from tumorseg.errors import TumorSegError

from .translation import _


class MissingPyTorchError(TumorSegError):
    """PyTorch is not there and was not installed."""


def torchInstalled() -> bool:
    """Whether PyTorch is there; it is looked for, not imported: only the worker process loads it."""
    return importlib.util.find_spec("torch") is not None


def ensureTorch(mayInstall: bool = True) -> None:
    """Make sure that the worker finds PyTorch; asks the user before anything is downloaded.

    Args:
        mayInstall: whether the PyTorch extension may be asked to install it; not in automatic tests, where
            nobody can say no to a download of gigabytes.

    Raises:
        MissingPyTorchError: it is missing and could not be or was not to be installed.
    """
    if torchInstalled():
        return
    try:
        extension = import_module("PyTorchUtils")
    except ImportError as error:
        raise MissingPyTorchError(
            _("PyTorch is missing; install the extension PyTorch in the Extensions Manager and restart Slicer.")
        ) from error
    if mayInstall:
        extension.PyTorchUtilsLogic().installTorch(askConfirmation=True)
        importlib.invalidate_caches()
    if not torchInstalled():
        raise MissingPyTorchError(
            _("PyTorch is not installed; press Segment again and agree to install it, or use the module PyTorch Utils.")
        )
