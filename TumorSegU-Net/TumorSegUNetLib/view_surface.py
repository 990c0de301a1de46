"""The tumor in three dimensions: smoothed closed surfaces inside a faint translucent surface of the head or brain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import vtk

from .view_content import Matrix, ShownSegment, ShownVolume
from .view_text import TEXT_COLOR, addText

BRAIN_COLOR = (0.80, 0.84, 0.90)
BRAIN_OPACITY = 0.20
OUTER_OPACITY = 0.38
"""Of every segment that encloses others: the edema is wrapped around the core."""

SHRINK = 2
"""Every second voxel is enough for the faint outer surface."""


def addSurfaces(
    renderer: vtk.vtkRenderer,
    volume: ShownVolume,
    segments: Sequence[ShownSegment],
    center: npt.NDArray[np.float64],
) -> None:
    """Fill a renderer with the surfaces, seen from the front, above and the side on which ``center`` (RAS) lies."""
    renderer.SetUseDepthPeeling(True)
    renderer.SetMaximumNumberOfPeels(12)
    renderer.AddActor(_actor(_brainSurface(volume), BRAIN_COLOR, BRAIN_OPACITY, shiny=False))
    largest = max(segments, key=lambda segment: segment.surface.GetLength(), default=None)
    for segment in segments:
        encloses = segment is largest and len(segments) > 1
        renderer.AddActor(_actor(segment.surface, segment.color, OUTER_OPACITY if encloses else 1.0, shiny=True))
    _addLetters(renderer, volume.bounds)
    _lookAt(renderer, volume.bounds, center)
    addText(renderer, "3D", (0.025, 0.955), size=26, bold=True, color=(0.45, 0.60, 0.90), align=("left", "center"))


def _brainSurface(volume: ShownVolume) -> vtk.vtkPolyData:
    """The largest connected surface of the smoothed foreground, in RAS."""
    shrink = vtk.vtkImageShrink3D()
    shrink.SetInputData(volume.image)
    shrink.SetShrinkFactors(SHRINK, SHRINK, 1 if _isThin(volume) else SHRINK)
    shrink.AveragingOn()
    smooth = vtk.vtkImageGaussianSmooth()
    smooth.SetInputConnection(shrink.GetOutputPort())
    smooth.SetStandardDeviations(1.2, 1.2, 1.2)
    pad = vtk.vtkImageConstantPad()
    pad.SetInputConnection(smooth.GetOutputPort())
    pad.SetConstant(volume.foreground - 1e6)
    shrink.Update()
    extent = shrink.GetOutput().GetExtent()
    pad.SetOutputWholeExtent(*(end + (1 if position % 2 else -1) for position, end in enumerate(extent)))
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputConnection(pad.GetOutputPort())
    contour.SetValue(0, max(volume.foreground, (volume.foreground + volume.window[0]) / 2))
    contour.ComputeNormalsOff()
    largest = vtk.vtkPolyDataConnectivityFilter()
    largest.SetInputConnection(contour.GetOutputPort())
    largest.SetExtractionModeToLargestRegion()
    return _smoothedInWorld(largest, volume.indexToWorld)


def _smoothedInWorld(source: vtk.vtkAlgorithm, indexToWorld: Matrix) -> vtk.vtkPolyData:
    smooth = vtk.vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(source.GetOutputPort())
    smooth.SetNumberOfIterations(25)
    smooth.SetPassBand(0.03)
    smooth.NormalizeCoordinatesOn()
    transform = vtk.vtkTransform()
    transform.SetMatrix(indexToWorld.ravel())
    world = vtk.vtkTransformPolyDataFilter()
    world.SetInputConnection(smooth.GetOutputPort())
    world.SetTransform(transform)
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputConnection(world.GetOutputPort())
    normals.SplittingOff()
    normals.Update()
    return normals.GetOutput()


def _isThin(volume: ShownVolume) -> bool:
    spacing = np.linalg.norm(volume.indexToWorld[:3, :3], axis=0)
    return bool(spacing[2] > 2 * spacing[:2].max())


def _actor(surface: vtk.vtkPolyData, color: tuple[float, float, float], opacity: float, *, shiny: bool) -> vtk.vtkActor:
    mapper = vtk.vtkPolyDataMapper()
    mapper.SetInputData(surface)
    mapper.ScalarVisibilityOff()
    actor = vtk.vtkActor()
    actor.SetMapper(mapper)
    appearance = actor.GetProperty()
    appearance.SetColor(color)
    appearance.SetOpacity(opacity)
    appearance.SetAmbient(0.15)
    appearance.SetDiffuse(0.85)
    appearance.SetSpecular(0.25 if shiny else 0.0)
    appearance.SetSpecularPower(25.0)
    return actor


def _addLetters(renderer: vtk.vtkRenderer, bounds: npt.NDArray[np.float64]) -> None:
    middle, half = bounds.mean(axis=0), (bounds[1] - bounds[0]) / 2
    for axis, (negative, positive) in enumerate((("L", "R"), ("P", "A"), ("I", "S"))):
        for letter, sign in ((negative, -1.0), (positive, 1.0)):
            position = middle.copy()
            position[axis] += sign * (half[axis] + 12.0)
            label = vtk.vtkBillboardTextActor3D()
            label.SetInput(letter)
            label.SetPosition(*position)
            style = label.GetTextProperty()
            style.SetFontSize(24)
            style.BoldOn()
            style.SetColor(TEXT_COLOR)
            style.SetJustificationToCentered()
            style.SetVerticalJustificationToCentered()
            renderer.AddActor(label)


def _lookAt(renderer: vtk.vtkRenderer, bounds: npt.NDArray[np.float64], center: npt.NDArray[np.float64]) -> None:
    middle = bounds.mean(axis=0)
    side = 1.0 if center[0] >= middle[0] else -1.0
    camera = renderer.GetActiveCamera()
    camera.SetFocalPoint(*middle)
    camera.SetPosition(*(middle + np.array([side * 0.8, 1.0, 0.55]) * 100.0))
    camera.SetViewUp(0.0, 0.0, 1.0)
    camera.SetViewAngle(25.0)
    renderer.ResetCamera()
    camera.Zoom(1.7)
