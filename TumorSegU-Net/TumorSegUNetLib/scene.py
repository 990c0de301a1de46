"""A MRML scene outside the application: scripts, the demonstration and tests use it, the application has its own."""

from __future__ import annotations

import tempfile
from pathlib import Path

import slicer

_kept: list[object] = []
"""Alive as long as the process: the logics register node classes and the segmentations' conversion rules."""


def createScene() -> slicer.vtkMRMLScene:
    """A scene in which volumes and segmentations can be made, loaded and saved, as in the application."""
    scene = slicer.vtkMRMLScene()
    _enableBundles(scene)
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    for logicClass in _logics():
        logic = logicClass()
        logic.SetMRMLApplicationLogic(application)
        logic.SetMRMLScene(scene)
        _kept.append(logic)
    _kept.append(application)
    return scene


def _logics() -> tuple[type, ...]:
    """They register node classes, color tables, display defaults of markups and conversion rules of segmentations."""
    return (
        slicer.vtkMRMLColorLogic,
        slicer.vtkSlicerVolumesLogic,
        slicer.vtkSlicerMarkupsLogic,
        slicer.vtkSlicerSegmentationsModuleLogic,
    )


def _enableBundles(scene: slicer.vtkMRMLScene) -> None:
    """Reading a scene bundle (.mrb) unpacks it below the cache directory, which must be marked as one."""
    folder = tempfile.TemporaryDirectory(prefix="tumorseg-cache-")
    Path(folder.name, ".slicer-cache").touch()
    cache = slicer.vtkCacheManager()
    cache.SetRemoteCacheDirectory(folder.name)
    manager = slicer.vtkDataIOManager()
    manager.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(manager)
    _kept.append(folder)
