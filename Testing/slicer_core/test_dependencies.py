"""PyTorch is asked for from its extension only, and its absence is a sentence."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from TumorSegUNetLib import dependencies
from TumorSegUNetLib.dependencies import MissingPyTorchError, ensureTorch


class Extension(ModuleType):
    """Stands for the PyTorch extension's module, which only the application has."""

    def __init__(self, installs: str | Exception | None, present: list[str | None]) -> None:
        super().__init__("PyTorchUtils")
        self.asked: list[tuple[bool, str | None]] = []
        extension = self

        class PyTorchUtilsLogic:
            def installTorch(  # noqa: N802 - the extension's names
                self,
                askConfirmation: bool = False,  # noqa: N803
                torchVersionRequirement: str | None = None,  # noqa: N803
            ) -> None:
                extension.asked.append((askConfirmation, torchVersionRequirement))
                if isinstance(installs, Exception):
                    raise installs
                present.append(installs)

        self.PyTorchUtilsLogic = PyTorchUtilsLogic


@pytest.fixture
def present(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The last entry is torch's version."""
    found: list[str | None] = [None]
    monkeypatch.setattr(dependencies, "torchVersion", lambda: found[-1])
    monkeypatch.delitem(sys.modules, "PyTorchUtils", raising=False)
    return found


def test_torch_is_found_without_being_imported() -> None:
    assert dependencies.torchInstalled()


def test_left_over_folder_is_no_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch" / "lib").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert dependencies.torchVersion() is None


def test_minimum_is_the_engines() -> None:
    text = (Path(__file__).resolve().parents[2] / "TumorSegU-Net" / "pyproject.toml").read_text(encoding="utf-8")
    assert f'"torch>={dependencies.MINIMUM_TORCH}"' in text


@pytest.mark.parametrize("version", ["2.4", "2.4.1+cu121", "2.10.0", "3.0"])
def test_new_enough_torch_is_taken(present: list[str | None], version: str) -> None:
    present.append(version)
    ensureTorch()


@pytest.mark.parametrize("version", ["1.13.1", "2.3.1+cpu"])
def test_too_old_torch_is_one_sentence(present: list[str | None], version: str) -> None:
    present.append(version)
    with pytest.raises(MissingPyTorchError) as error:
        ensureTorch()
    assert error.value.problems == (
        f"PyTorch {version} is too old, 2.4 or later is needed; update it with the module PyTorch Utils and "
        "restart Slicer.",
    )


def test_nothing_is_asked_when_torch_is_there(monkeypatch: pytest.MonkeyPatch, present: list[str | None]) -> None:
    present.append("2.8.0")
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    ensureTorch()


def test_missing_extension_is_one_sentence(present: list[str | None]) -> None:
    with pytest.raises(MissingPyTorchError) as error:
        ensureTorch()
    assert error.value.problems == (
        "PyTorch is missing; install the extension PyTorch in the Extensions Manager and restart Slicer.",
    )


def test_extension_installs_after_asking(monkeypatch: pytest.MonkeyPatch, present: list[str | None]) -> None:
    extension = Extension(installs="2.8.0", present=present)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
    ensureTorch()
    assert extension.asked == [(True, ">=2.4")]


def test_failed_installation_is_one_sentence(monkeypatch: pytest.MonkeyPatch, present: list[str | None]) -> None:
    failure = RuntimeError("no route to host")
    monkeypatch.setitem(sys.modules, "PyTorchUtils", Extension(installs=failure, present=present))
    with pytest.raises(MissingPyTorchError) as error:
        ensureTorch()
    assert error.value.problems == (
        "PyTorch could not be installed (no route to host); check the network, or install it with the module "
        "PyTorch Utils and restart Slicer.",
    )


def test_refused_installation_is_one_sentence(monkeypatch: pytest.MonkeyPatch, present: list[str | None]) -> None:
    monkeypatch.setitem(sys.modules, "PyTorchUtils", Extension(installs=None, present=present))
    with pytest.raises(MissingPyTorchError, match=r"^PyTorch is not installed; press Segment again"):
        ensureTorch()


@pytest.mark.parametrize("version", [None, "2.2.2"])
def test_slicer_for_intel_macs_is_one_sentence_without_a_download(
    monkeypatch: pytest.MonkeyPatch, present: list[str | None], version: str | None
) -> None:
    extension = Extension(installs="2.2.2", present=present)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    present.append(version)
    with pytest.raises(MissingPyTorchError) as error:
        ensureTorch()
    assert error.value.problems == (
        "This Slicer for Mac was made for Intel processors, for which there is no PyTorch newer than 2.2, and 2.4 or "
        "later is needed; use Slicer on Linux or Windows, a Slicer made for Apple silicon, or the command tumorseg on "
        "Apple silicon.",
    )
    assert extension.asked == []


def test_automatic_tests_install_nothing(monkeypatch: pytest.MonkeyPatch, present: list[str | None]) -> None:
    extension = Extension(installs="2.8.0", present=present)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
    with pytest.raises(MissingPyTorchError):
        ensureTorch(mayInstall=False)
    assert extension.asked == []
