"""Pictures of the documentation: the real panel in its states, and a result in slice and 3-D views.

Usage: ``python Testing/demo/render_docs.py [FOLDER]`` (docs/images). Needs no screen: the panel's .ui file and code run
on PySide6 with stand-ins for the application's widgets, MRML comes from the slicer-core wheel, and the sample patient
is really segmented. Takes a few minutes on a CPU.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "Testing"), str(REPOSITORY / "TumorSegU-Net")]
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY / "TumorSegU-Net"), os.environ.get("PYTHONPATH", "")])

import pytest  # noqa: E402
import slicer  # noqa: E402
from PySide6 import QtCore, QtGui, QtWidgets  # noqa: E402

from support.panel_driver import PanelDriver  # noqa: E402
from support.pythonqt import application  # noqa: E402
from support.slicer_application import install, settings_in  # noqa: E402
from TumorSegUNetLib.logic import TumorSegUNetLogic  # noqa: E402
from TumorSegUNetLib.sample_data import loadSamplePatient  # noqa: E402
from TumorSegUNetLib.scene import createScene  # noqa: E402
from TumorSegUNetLib.views import renderOverview  # noqa: E402

PANEL_WIDTH = 380
VIEWS_WIDTH = 960
JPEG_QUALITY = 88
RUN_SECONDS = 900.0

Role = QtGui.QPalette.ColorRole
DARK = {
    Role.Window: "#323232",
    Role.WindowText: "#f0f0f0",
    Role.Base: "#252525",
    Role.AlternateBase: "#2d2d2d",
    Role.Text: "#f0f0f0",
    Role.Button: "#3c3c3c",
    Role.ButtonText: "#f0f0f0",
    Role.Link: "#6cb6ff",
    Role.Highlight: "#3a6ea5",
    Role.PlaceholderText: "#9a9a9a",
}
DISABLED = "#808080"


def main(folder: Path) -> None:
    """Write all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    light = _prepared_style()
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as settings:
        settings_in(Path(settings))
        scene = createScene()
        module = install(patch, scene)
        with _visit(PanelDriver(module, TumorSegUNetLogic(), scene)) as driver:
            _show_visit(driver, folder)
        application().setPalette(_dark(light))
        with _visit(PanelDriver(module, TumorSegUNetLogic(), scene)) as driver:
            driver.settle(lambda: driver.ui.statusLabel.text == "The volumes fit. Ready.", RUN_SECONDS)
            _grab_panel(driver, folder / "panel-dark.png")


def _show_visit(driver: PanelDriver, folder: Path) -> None:
    """From an empty scene to a result, in the order of the tutorial."""
    driver.settle(lambda: bool(driver.ui.deviceLabel.text), RUN_SECONDS)
    _grab_panel(driver, folder / "panel-empty.png")
    nodes = loadSamplePatient(driver.scene)
    ready = "The volumes fit. Ready."
    driver.settle(lambda: driver.ui.statusLabel.text == ready, RUN_SECONDS)
    _grab_panel(driver, folder / "panel-ready.png")
    driver.ui.t1Selector.setCurrentNode(nodes["t1ce"])
    driver.ui.t1ceSelector.setCurrentNode(nodes["t1"])
    driver.settle(lambda: driver.ui.findingsFrame.visible, RUN_SECONDS)
    _grab_panel(driver, folder / "panel-findings.png")
    driver.ui.t1SuggestButton.click()
    driver.ui.t1ceSuggestButton.click()
    driver.settle(lambda: driver.ui.statusLabel.text == ready, RUN_SECONDS)
    driver.ui.segmentButton.click()
    driver.settle(lambda: driver.ui.progressBar.value >= 35, RUN_SECONDS)
    _grab_panel(driver, folder / "panel-running.png")
    driver.settle(lambda: driver.parameters.segmentation is not None, RUN_SECONDS)
    driver.settle(lambda: not driver.ui.progressBar.visible)
    _grab_panel(driver, folder / "panel-result.png")
    _grab_models(driver, folder / "models.png")
    _grab_about(driver, folder / "about-model.png")
    _save_views(nodes["flair"], driver.parameters.segmentation, folder / "result-views.jpg")


@contextmanager
def _visit(driver: PanelDriver) -> Iterator[PanelDriver]:
    driver.widget.enter()
    try:
        yield driver
    finally:
        driver.widget.cleanup()


def _grab_panel(driver: PanelDriver, path: Path) -> None:
    """A picture as wide as the application's panel and as high as it needs."""
    window = driver.widget.window
    window.resize(PANEL_WIDTH, window.height())
    for _ in range(5):  # the heights of wrapped texts go up the layouts one by one
        application().processEvents()
        window.resize(PANEL_WIDTH, window.layout().heightForWidth(PANEL_WIDTH))
    _save(window, path)


def _grab_models(driver: PanelDriver, path: Path) -> None:
    from TumorSegUNetPanel.models_dialog import ModelsDialog

    dialog = ModelsDialog(driver.widget.resourcePath("UI/TumorSegUNetModels.ui"), driver.logic, lambda: None)
    dialog.fill(None)
    _grab_dialog(dialog.ui.modelList.target.window(), path)


def _grab_about(driver: PanelDriver, path: Path) -> None:
    from TumorSegUNetPanel.about_dialog import AboutDialog

    dialog = AboutDialog(driver.widget.resourcePath("UI/TumorSegUNetAbout.ui"), driver.logic.models()[0])
    _grab_dialog(dialog.ui.aboutBrowser.target.window(), path)


def _grab_dialog(window: QtWidgets.QWidget, path: Path) -> None:
    window.show()
    application().processEvents()
    _save(window, path)
    window.close()


def _save_views(
    volume: slicer.vtkMRMLScalarVolumeNode, segmentation: slicer.vtkMRMLSegmentationNode, path: Path
) -> None:
    """Slices and surfaces, rendered large and scaled down: so are the texts."""
    with tempfile.TemporaryDirectory() as folder:
        large = renderOverview(volume, segmentation, Path(folder, "views.png"))
        image = QtGui.QImage(str(large)).scaledToWidth(VIEWS_WIDTH, QtCore.Qt.TransformationMode.SmoothTransformation)
    assert image.save(str(path), quality=JPEG_QUALITY), f"{path} cannot be written"
    _tell(path)


def _tell(path: Path) -> None:
    print(f"{path} ({path.stat().st_size / 1000:.0f} kB)")


def _save(widget: QtWidgets.QWidget, path: Path) -> None:
    assert widget.grab().save(str(path)), f"{path} cannot be written"
    _tell(path)


def _prepared_style() -> QtGui.QPalette:
    app = application()
    app.setStyle("Fusion")
    app.setFont(QtGui.QFont("DejaVu Sans", 9))
    return app.palette()


def _dark(light: QtGui.QPalette) -> QtGui.QPalette:
    palette = QtGui.QPalette(light)
    for role, color in DARK.items():
        palette.setColor(role, QtGui.QColor(color))
    for role in (Role.Text, Role.ButtonText, Role.WindowText):
        palette.setColor(QtGui.QPalette.ColorGroup.Disabled, role, QtGui.QColor(DISABLED))
    return palette


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "docs" / "images")
