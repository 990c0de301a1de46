"""The synthetic patient as sample data: made on this computer, nothing is downloaded, kept for the next time."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import slicer

from tumorseg.errors import BadInputError, TumorSegError
from tumorseg.sequences import SEQUENCES

from .child_process import killTree, pythonCommand, startProcess
from .hierarchy import removeNode
from .naming import withoutExtension
from .result_views import showVolume
from .sample_maker import NAME
from .translation import _
from .volume_files import loadVolumeFile

CACHE_FOLDER = "TumorSegUNet-sample-1"
"""In the application's cache; the number changes with the patient."""

EXPECTED_SECONDS = 12.0
"""To make the patient on an ordinary computer; only for the progress."""

POLL_SECONDS = 0.1

OnProgress = Callable[[float], None]
"""Told the fraction that is probably done, about ten times a second; may raise to stop."""

Nodes = dict[str, "slicer.vtkMRMLScalarVolumeNode"]


def loadSamplePatient(scene: slicer.vtkMRMLScene | None = None, onProgress: OnProgress | None = None) -> Nodes:
    """Load the synthetic patient; made in a child process the first time.

    Args:
        scene: where the nodes are added; the application's by default.
        onProgress: called while the patient is being made; the application handles events instead by default.

    Returns:
        Volume node per sequence, in one patient of the subject hierarchy.

    Raises:
        TumorSegError: the patient cannot be made or read.
    """
    target = slicer.mrmlScene if scene is None else scene
    folder = _cacheFolder(target)
    try:
        nodes = _load(target, makeSamplePatient(folder, onProgress))
    except BadInputError:  # the cache was damaged
        _forget(folder)
        nodes = _load(target, makeSamplePatient(folder, onProgress))
    showVolume(nodes["flair"])
    return nodes


def makeSamplePatient(folder: Path, onProgress: OnProgress | None = None) -> dict[str, Path]:
    """The patient's files; they are written unless they are all there.

    Raises:
        TumorSegError: they cannot be written.
    """
    files = {sequence: folder / NAME / name for sequence, name in _fileNames().items()}
    if all(path.is_file() for path in files.values()):
        return files
    try:
        folder.mkdir(parents=True, exist_ok=True)
        process = startProcess([*pythonCommand("TumorSegUNetLib.sample_maker"), str(folder)])
    except OSError as error:
        raise TumorSegError(_cannot(str(error))) from error
    lines = _waited(process, onProgress or _keepApplicationAlive).strip().splitlines()
    if not all(path.is_file() for path in files.values()):
        raise TumorSegError(_cannot(lines[-1] if lines else f"exit code {process.returncode}"))
    return files


def _waited(process: subprocess.Popen[str], onProgress: OnProgress) -> str:
    """Wait for the end of the process, whatever it prints. Returns what it printed on stderr."""
    started = time.monotonic()
    try:
        while (errors := _errorsAtTheEnd(process)) is None:
            onProgress(min(0.95, (time.monotonic() - started) / EXPECTED_SECONDS))
    finally:
        killTree(process)
        process.wait()
    onProgress(1.0)
    return errors


def _errorsAtTheEnd(process: subprocess.Popen[str]) -> str | None:
    """What the process has printed on stderr when it ends; None when it goes on for longer than ``POLL_SECONDS``."""
    try:
        return process.communicate(timeout=POLL_SECONDS)[1]
    except subprocess.TimeoutExpired:
        return None


def _load(scene: slicer.vtkMRMLScene, files: dict[str, Path]) -> Nodes:
    nodes: Nodes = {}
    try:
        for sequence, path in files.items():
            nodes[sequence] = loadVolumeFile(scene, path, withoutExtension(path.name))
    except BadInputError:
        for node in nodes.values():
            removeNode(node)
        raise
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), NAME)
    for node in nodes.values():
        hierarchy.CreateItem(patient, node)
    return nodes


def _fileNames() -> dict[str, str]:
    return {sequence: f"{NAME}_{sequence}.nii.gz" for sequence in SEQUENCES}


def _cacheFolder(scene: slicer.vtkMRMLScene) -> Path:
    manager = scene.GetCacheManager()
    cache = manager.GetRemoteCacheDirectory() if manager is not None else None
    return Path(cache or tempfile.gettempdir()) / CACHE_FOLDER


def _forget(folder: Path) -> None:
    for name in _fileNames().values():
        (folder / NAME / name).unlink(missing_ok=True)


def _keepApplicationAlive(fraction: float) -> None:
    """Show the progress in the status bar and let the application breathe, where there is one."""
    application = getattr(slicer, "app", None)
    if application is not None:
        slicer.util.showStatusMessage(
            _("Making the synthetic patient: {percent}%").format(percent=round(100 * fraction))
        )
        application.processEvents()


def _cannot(reason: str) -> str:
    return _("The sample patient cannot be made ({reason}); free disk space and try again.").format(reason=reason)
