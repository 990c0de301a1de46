"""PyTorch is asked for from its extension only, and its absence is a sentence."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from TumorSegUNetLib import dependencies
from TumorSegUNetLib.dependencies import MissingPyTorchError, ensureTorch


class Extension(ModuleType):
    """Stands for the PyTorch extension's module, which only the application has."""

    def __init__(self, installs: bool, present: list[bool]) -> None:
        super().__init__("PyTorchUtils")
        self.asked: list[bool] = []
        extension = self

        class PyTorchUtilsLogic:
            def installTorch(self, askConfirmation: bool = False) -> None:  # noqa: N802, N803 - the extension's names
                extension.asked.append(askConfirmation)
                present.append(installs)

        self.PyTorchUtilsLogic = PyTorchUtilsLogic


@pytest.fixture
def present(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """The last entry says whether torch can be found."""
    found = [False]
    monkeypatch.setattr(dependencies, "torchInstalled", lambda: found[-1])
    monkeypatch.delitem(sys.modules, "PyTorchUtils", raising=False)
    return found


def test_torch_is_found_without_being_imported() -> None:
    assert dependencies.torchInstalled()


def test_nothing_is_asked_when_torch_is_there(monkeypatch: pytest.MonkeyPatch, present: list[bool]) -> None:
    present.append(True)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    ensureTorch()


def test_missing_extension_is_one_sentence(present: list[bool]) -> None:
    with pytest.raises(MissingPyTorchError) as error:
        ensureTorch()
    assert error.value.problems == (
        "PyTorch is missing; install the extension PyTorch in the Extensions Manager and restart Slicer.",
    )


def test_extension_installs_after_asking(monkeypatch: pytest.MonkeyPatch, present: list[bool]) -> None:
    extension = Extension(installs=True, present=present)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
    ensureTorch()
    assert extension.asked == [True]


def test_refused_installation_is_one_sentence(monkeypatch: pytest.MonkeyPatch, present: list[bool]) -> None:
    monkeypatch.setitem(sys.modules, "PyTorchUtils", Extension(installs=False, present=present))
    with pytest.raises(MissingPyTorchError, match=r"^PyTorch is not installed; press Segment again"):
        ensureTorch()


def test_automatic_tests_install_nothing(monkeypatch: pytest.MonkeyPatch, present: list[bool]) -> None:
    extension = Extension(installs=True, present=present)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
    with pytest.raises(MissingPyTorchError):
        ensureTorch(mayInstall=False)
    assert extension.asked == []
