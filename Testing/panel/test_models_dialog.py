"""The dialog of the models, driven with a real store in a temporary folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tumorseg.modelstore import install, list_models, remove, store_folder, unused_files

if TYPE_CHECKING:
    from support.panel_driver import PanelDriver


@pytest.fixture
def store(driver: PanelDriver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty store; the panel's logic uses it."""
    monkeypatch.setenv("TUMORSEG_MODELS", str(tmp_path / "store"))
    driver.logic.models = list_models
    driver.logic.unusedModels = unused_files
    driver.logic.modelFolder = store_folder
    driver.logic.installModel = install
    driver.logic.removeModel = remove
    return tmp_path / "store"


@pytest.fixture
def model_file(store: Path, tmp_path: Path) -> Path:
    from support.models import saved, threshold_model

    return saved(threshold_model(), tmp_path)


@pytest.fixture
def dialog(driver: PanelDriver, store: Path) -> Any:
    from TumorSegUNetPanel.models_dialog import ModelsDialog

    changes: list[None] = []
    path = driver.widget.resourcePath("UI/TumorSegUNetModels.ui")
    made = ModelsDialog(path, driver.logic, lambda: changes.append(None))
    made.fill(None)
    made.changes = changes
    return made


def answer(monkeypatch: pytest.MonkeyPatch, yes: bool) -> None:
    confirm: Callable[..., bool] = lambda question, parent: yes  # noqa: E731
    monkeypatch.setattr("slicer.util.confirmYesNoDisplay", confirm)


def test_shipped_model_is_shown_and_stays(dialog: Any) -> None:
    assert dialog.ui.modelList.count == 1
    assert list_models()[0].title in dialog.ui.cardBrowser.plainText
    assert not dialog.ui.removeButton.enabled
    assert dialog.ui.removeButton.toolTip == "This model came with the extension and stays."


def test_missing_parts_are_said_while_typing(dialog: Any) -> None:
    assert not dialog.ui.installButton.enabled
    assert dialog.ui.messageLabel.text == ""
    dialog.ui.sourceLineEdit.text = "https://example.org/m.safetensors"
    assert "SHA-256" in dialog.ui.messageLabel.text
    dialog.ui.checksumLineEdit.text = "0" * 64
    assert dialog.ui.installButton.enabled
    assert dialog.ui.messageLabel.text == ""


def test_model_is_installed_from_a_file_and_removed(
    dialog: Any, model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog.ui.sourceLineEdit.text = str(model_file)
    dialog.ui.checksumLineEdit.text = hashlib.sha256(model_file.read_bytes()).hexdigest()
    dialog.ui.installButton.click()
    assert dialog.ui.messageLabel.text.endswith("is installed; choose it in the panel.")
    assert (dialog.ui.modelList.count, dialog.ui.modelList.currentRow) == (2, 1)
    assert len(dialog.changes) == 1
    answer(monkeypatch, yes=False)
    dialog.ui.removeButton.click()
    assert dialog.ui.modelList.count == 2
    answer(monkeypatch, yes=True)
    dialog.ui.removeButton.click()
    assert dialog.ui.modelList.count == 1
    assert dialog.ui.messageLabel.text.endswith("is removed.")
    assert len(dialog.changes) == 2


def test_a_fast_download_is_not_slowed_down_by_showing_it(dialog: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("slicer.app.processEvents", lambda: shown.append(dialog.ui.messageLabel.text))
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    for kilobytes in range(0, 1001, 10):
        dialog._showTransfer(kilobytes * 1000, 1_000_000)
        now[0] += 0.01
    assert 5 <= len(shown) <= 15
    assert shown[0].startswith("Installing… 0 %")


def test_wrong_checksum_is_a_sentence_and_can_be_mended(dialog: Any, model_file: Path) -> None:
    dialog.ui.sourceLineEdit.text = str(model_file)
    dialog.ui.checksumLineEdit.text = "0" * 64
    dialog.ui.installButton.click()
    assert dialog.ui.messageLabel.text.endswith(".")
    assert dialog.ui.modelList.count == 1
    assert dialog.ui.installButton.enabled
    assert not dialog.changes


def test_a_folder_that_cannot_be_is_a_sentence(dialog: Any, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUMORSEG_MODELS", "~nobody-of-this-name/models")
    dialog.ui.folderButton.click()
    assert dialog.ui.messageLabel.text.startswith("The folder of models is not known")
    assert dialog.ui.messageLabel.text.endswith("name one with TUMORSEG_MODELS.")


def test_folder_is_shown(dialog: Any, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    class Services:
        @staticmethod
        def openUrl(url: Any) -> None:  # noqa: N802
            opened.append(url.toLocalFile())

    monkeypatch.setattr("TumorSegUNetPanel.models_dialog.qt.QDesktopServices", Services, raising=False)
    dialog.ui.folderButton.click()
    assert opened == [str(store)]
    assert store.is_dir()


def test_files_that_cannot_be_used_are_told(dialog: Any, store: Path) -> None:
    store.mkdir()
    (store / "mine.safetensors").write_bytes(b"x" * 500)
    dialog.fill(None)
    assert "mine.safetensors is damaged" in dialog.ui.messageLabel.text
    dialog.ui.sourceLineEdit.text = "https://example.org/m.safetensors"
    assert "SHA-256" in dialog.ui.messageLabel.text
    dialog.ui.sourceLineEdit.text = ""
    assert "mine.safetensors is damaged" in dialog.ui.messageLabel.text
    dialog.fill(None, "Glioma is removed.")
    assert dialog.ui.messageLabel.text == "Glioma is removed."


def test_files_put_into_the_folder_meanwhile_are_in_the_panels_list(
    driver: PanelDriver, store: Path, model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from TumorSegUNetPanel.models_dialog import ModelsDialog

    driver.widget.panel._models._refresh()
    monkeypatch.setattr(ModelsDialog, "show", lambda dialog, chosen: install(str(model_file)))
    driver.ui.modelsButton.click()
    assert [model.name for model in list_models()] == [
        driver.ui.modelComboBox.itemData(index) for index in range(driver.ui.modelComboBox.count)
    ]
    assert driver.ui.modelComboBox.currentData == list_models()[0].name


def test_installed_model_can_be_chosen_in_the_panel(driver: PanelDriver, store: Path, model_file: Path) -> None:
    install(str(model_file))
    driver.widget.panel._models._refresh()
    titles = [driver.ui.modelComboBox.itemText(index) for index in range(driver.ui.modelComboBox.count)]
    assert len(titles) == 2
    assert titles[0].startswith(list_models()[0].title)


def test_the_panels_link_opens_the_card(driver: PanelDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    from TumorSegUNetPanel.about_dialog import AboutDialog

    shown: list[str] = []
    monkeypatch.setattr(AboutDialog, "show", lambda dialog: shown.append(dialog.ui.aboutBrowser.plainText))
    assert "About this model" in driver.ui.accuracyLabel.text
    driver.ui.accuracyLabel.target.linkActivated.emit("about")
    [model] = driver.logic.models()
    assert model.title in shown[0]
    assert "SHA-256" in shown[0]
    assert "Research only" in shown[0]
