"""One picture of a result: axial, coronal and sagittal slices through the tumor, its surfaces and a legend.

Plain off-screen VTK: no Qt, no layout manager and no screen are needed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import slicer
import vtk

from tumorseg.atomic import atomic_path
from tumorseg.regions import ED, SEGMENTS

from .view_content import ShownSegment, ShownVolume, shownSegments, shownVolume
from .view_slice import MARGIN_MM, PLANES, addSlice
from .view_surface import addSurfaces
from .view_text import addText

BACKGROUND = (0.055, 0.063, 0.075)
PANEL_BACKGROUND = (0.0, 0.0, 0.0)
SIZE = (1600, 1280)
"""Width and height in pixels."""

HEADER, LEGEND, GAP = 0.05, 0.075, 0.003
"""Heights of the header and legend strips and half the gap between panels, as fractions of the picture."""


def renderOverview(
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    size: tuple[int, int] = SIZE,
) -> Path:
    """Write a PNG with three slices through the tumor's centre, its 3D surfaces and the volume of every segment.

    Args:
        volumeNode: the gray image.
        segmentationNode: shown as coloured overlay; without segments the picture says that nothing was found.
        path: PNG file to write; replaced at once when the picture is complete.
        title: first line; the segmentation's name unless given.
        size: width and height in pixels.

    Returns:
        The path of the file.

    Raises:
        OSError: the file cannot be written.
    """
    volume, segments = shownVolume(volumeNode), shownSegments(segmentationNode)
    center = _center(volume, segments)
    window = _window(size)
    viewHeight = _viewHeight(volume, size)
    for plane, corner in zip(PLANES, ((0, 1), (0, 0), (1, 0)), strict=True):
        addSlice(_panel(window, corner), plane, volume, segments, center, viewHeight)
    addSurfaces(_panel(window, (1, 1)), volume, segments, center)
    _addHeader(window, title or segmentationNode.GetName(), volume.name)
    _addLegend(window, segments)
    return _writePng(window, Path(path))


def _center(volume: ShownVolume, segments: Sequence[ShownSegment]) -> npt.NDArray[np.float64]:
    """A point that shows the tumor: centre of the largest part of its core, else of its edema, else of the patient."""
    if not segments:
        return volume.bounds.mean(axis=0)
    return max(segments, key=lambda segment: (segment.name != SEGMENTS[ED].name, segment.volumeMl)).center


def _window(size: tuple[int, int]) -> vtk.vtkRenderWindow:
    verbosity = vtk.vtkLogger.GetCurrentVerbosityCutoff()
    # Without a screen VTK tries X first and warns; it then goes on with EGL or OSMesa.
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_ERROR)
    try:
        window = vtk.vtkRenderWindow()
        window.SetOffScreenRendering(True)
        window.SetSize(*size)
        # Depth peeling, which sorts the translucent surfaces, excludes multisampling; FXAA smooths the edges instead.
        window.SetMultiSamples(0)
        window.SetAlphaBitPlanes(True)
        window.AddRenderer(_renderer((0.0, 0.0, 1.0, 1.0), BACKGROUND))
        window.Render()
    finally:
        vtk.vtkLogger.SetStderrVerbosity(verbosity)
    return window


def _renderer(viewport: tuple[float, float, float, float], color: tuple[float, float, float]) -> vtk.vtkRenderer:
    renderer = vtk.vtkRenderer()
    renderer.SetViewport(*viewport)
    renderer.SetBackground(*color)
    renderer.UseFXAAOn()
    return renderer


def _panel(window: vtk.vtkRenderWindow, corner: tuple[int, int]) -> vtk.vtkRenderer:
    """One of the four panels; ``corner`` counts columns from the left and rows from below."""
    column, row = corner
    height = (1.0 - HEADER - LEGEND) / 2
    renderer = _renderer(
        (
            0.5 * column + GAP,
            LEGEND + height * row + GAP,
            0.5 * (column + 1) - GAP,
            LEGEND + height * (row + 1) - GAP,
        ),
        PANEL_BACKGROUND,
    )
    window.AddRenderer(renderer)
    return renderer


def _viewHeight(volume: ShownVolume, size: tuple[int, int]) -> float:
    """Millimetres from the lower to the upper edge: the same for all slices, so that sizes can be compared."""
    right, anterior, superior = volume.bounds[1] - volume.bounds[0] + 2 * MARGIN_MM
    aspect = 0.5 * size[0] / ((1.0 - HEADER - LEGEND) / 2 * size[1])
    return float(max(anterior, superior, right / aspect, anterior / aspect))


def _addHeader(window: vtk.vtkRenderWindow, title: str, image: str) -> None:
    renderer = _renderer((0.0, 1.0 - HEADER, 1.0, 1.0), BACKGROUND)
    window.AddRenderer(renderer)
    addText(renderer, title, (0.012, 0.45), size=28, bold=True, align=("left", "center"))
    note = f"Image: {image}   |   radiological convention, positions in RAS, for research use only"
    addText(renderer, note, (0.988, 0.45), size=20, color=(0.62, 0.66, 0.72), align=("right", "center"))


def _addLegend(window: vtk.vtkRenderWindow, segments: Sequence[ShownSegment]) -> None:
    if not segments:
        renderer = _renderer((0.0, 0.0, 1.0, LEGEND), BACKGROUND)
        window.AddRenderer(renderer)
        addText(renderer, "No tumor found", (0.012, 0.5), size=26, align=("left", "center"))
        return
    entries = [(segment.name, segment.color, segment.volumeMl) for segment in segments]
    total = sum(segment.volumeMl for segment in segments)
    if len(segments) > 1:
        entries.append(("Whole tumor", None, total))
    for position, (name, color, volumeMl) in enumerate(entries):
        left, right = position / len(entries), (position + 1) / len(entries)
        if color:
            chip = _renderer((left + 0.012, 0.25 * LEGEND, left + 0.03, 0.75 * LEGEND), color)
            window.AddRenderer(chip)
        renderer = _renderer((left + (0.038 if color else 0.012), 0.0, right, LEGEND), BACKGROUND)
        window.AddRenderer(renderer)
        addText(renderer, name, (0.0, 0.68), size=20, align=("left", "center"))
        addText(renderer, f"{volumeMl:.1f} mL", (0.0, 0.30), size=24, bold=True, align=("left", "center"))


def _writePng(window: vtk.vtkRenderWindow, path: Path) -> Path:
    window.Render()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(window)
    grab.ReadFrontBufferOff()
    writer = vtk.vtkPNGWriter()
    writer.SetInputConnection(grab.GetOutputPort())
    writer.WriteToMemoryOn()
    writer.Write()
    with atomic_path(path) as temporary:
        temporary.write_bytes(bytes(memoryview(writer.GetResult())))
    return path
