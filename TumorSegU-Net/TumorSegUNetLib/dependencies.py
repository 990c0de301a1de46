"""PyTorch comes from the PyTorch extension, when it is needed and after asking; we never call pip ourselves."""

from __future__ import annotations

import importlib
import platform
import re
import sys

from tumorseg.errors import TumorSegError

from .translation import _

MINIMUM_TORCH = "2.4"
"""As the engine's pyproject.toml says."""


class MissingPyTorchError(TumorSegError):
    """PyTorch is not there and was not installed, or is too old."""


def torchVersion() -> str | None:
    """Version of the installed PyTorch; it is looked up, not imported: only the worker process loads it.

    The package's metadata is asked because a folder that an uninstallation left behind can still be imported.
    """
    from importlib.metadata import PackageNotFoundError, version  # a third of what opening the panel would load

    try:
        return version("torch")
    except PackageNotFoundError:
        return None


def torchInstalled() -> bool:
    """Whether PyTorch is there, of whatever version."""
    return torchVersion() is not None


def ensureTorch(mayInstall: bool = True) -> None:
    """Make sure that the worker finds PyTorch; asks the user before anything is downloaded.

    Args:
        mayInstall: whether the PyTorch extension may be asked to install it; not in automatic tests, where
            nobody can say no to a download of gigabytes.

    Raises:
        MissingPyTorchError: it is missing and could not be or was not to be installed, or it is too old.
    """
    if _intelMac() and not _newEnough(torchVersion()):
        sentence = _(
            "This Slicer for Mac was made for Intel processors, for which there is no PyTorch newer than 2.2, and "
            "{minimum} or later is needed; use Slicer on Linux or Windows, a Slicer made for Apple silicon, or the "
            "command tumorseg on Apple silicon."
        )
        raise MissingPyTorchError(sentence.format(minimum=MINIMUM_TORCH))
    if not torchInstalled():
        _install(mayInstall)
    version = torchVersion()
    if version is None:
        raise MissingPyTorchError(
            _("PyTorch is not installed; press Segment again and agree to install it, or use the module PyTorch Utils.")
        )
    if not _newEnough(version):
        sentence = _(
            "PyTorch {version} is too old, {minimum} or later is needed; update it with the module PyTorch Utils and "
            "restart Slicer."
        )
        raise MissingPyTorchError(sentence.format(version=version, minimum=MINIMUM_TORCH))


def _install(mayInstall: bool) -> None:
    try:
        extension = importlib.import_module("PyTorchUtils")
    except ImportError as error:
        raise MissingPyTorchError(
            _("PyTorch is missing; install the extension PyTorch in the Extensions Manager and restart Slicer.")
        ) from error
    if not mayInstall:
        return
    try:
        extension.PyTorchUtilsLogic().installTorch(askConfirmation=True, torchVersionRequirement=f">={MINIMUM_TORCH}")
    except Exception as error:  # pip, the network, the disk or torch itself: whatever it is, the user is told
        sentence = _(
            "PyTorch could not be installed ({error}); check the network, or install it with the module PyTorch Utils "
            "and restart Slicer."
        )
        raise MissingPyTorchError(sentence.format(error=error)) from error
    importlib.invalidate_caches()


def _intelMac() -> bool:
    """Whether this Python is made for Macs with Intel processors, on whichever Mac it runs."""
    return sys.platform == "darwin" and platform.machine() == "x86_64"


def _newEnough(version: str | None) -> bool:
    return version is not None and _numbers(version) >= _numbers(MINIMUM_TORCH)


def _numbers(version: str) -> tuple[int, ...]:
    """Major and minor number."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
