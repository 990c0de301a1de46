"""One slice through the patient: gray image, coloured overlay with outlines, orientation letters and a scale bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import vtk
from vtk.util import numpy_support

from .view_content import Matrix, ShownSegment, ShownVolume
from .view_text import TEXT_COLOR, addText

PIXEL_MM = 0.4
"""Size of the resampled slice's pixels."""

FILL_OPACITY = 0.30
SCALE_BAR_MM = 50.0
MARGIN_MM = 15.0


@dataclass(frozen=True)
class Plane:
    """An anatomical plane as radiologists see it: the patient's right on the left of the picture, looking from below.

    Attributes:
        name: what the picture is called.
        right, up: RAS directions of the picture's right and upper side.
        letters: anatomical directions at the left, right, lower and upper edge.
        color: of the plane's mark, as in Slicer's slice views.
    """

    name: str
    right: tuple[float, float, float]
    up: tuple[float, float, float]
    letters: tuple[str, str, str, str]
    color: tuple[float, float, float]

    @property
    def normal(self) -> npt.NDArray[np.float64]:
        """RAS direction across the plane; always towards R, A or S."""
        return np.abs(np.cross(self.right, self.up))


PLANES = (
    Plane("Axial", (-1, 0, 0), (0, 1, 0), ("R", "L", "P", "A"), (0.95, 0.35, 0.30)),
    Plane("Coronal", (-1, 0, 0), (0, 0, 1), ("R", "L", "I", "S"), (0.43, 0.69, 0.29)),
    Plane("Sagittal", (0, -1, 0), (0, 0, 1), ("A", "P", "I", "S"), (0.93, 0.84, 0.30)),
)


def addSlice(
    renderer: vtk.vtkRenderer,
    plane: Plane,
    volume: ShownVolume,
    segments: Sequence[ShownSegment],
    center: npt.NDArray[np.float64],
    viewHeightMm: float,
) -> None:
    """Fill a renderer with the slice through ``center`` (RAS), ``viewHeightMm`` high and centred on the patient."""
    frame = _frame(plane, volume, center)
    renderer.AddActor(_imageActor(_gray(volume, frame), -1.0, 1.0))
    for segment in segments:
        mask = _resliced(segment.mask, segment.indexToWorld, frame, 0.0)
        renderer.AddActor(_imageActor(_tinted(mask, segment.color), 0.0, FILL_OPACITY))
        renderer.AddActor(_outline(mask, segment.color))
    _lookAt(renderer, viewHeightMm)
    _annotate(renderer, plane, center, viewHeightMm)


@dataclass(frozen=True)
class _Frame:
    """A plane's own coordinates: x to the right, y up, in mm from the middle of the picture."""

    toWorld: Matrix
    halfWidth: float
    halfHeight: float


def _frame(plane: Plane, volume: ShownVolume, center: npt.NDArray[np.float64]) -> _Frame:
    right, up = np.array(plane.right), np.array(plane.up)
    middle = volume.bounds.mean(axis=0)
    origin = middle + ((center - middle) @ plane.normal) * plane.normal
    size = volume.bounds[1] - volume.bounds[0]
    toWorld = np.eye(4)
    toWorld[:3, :] = np.stack([right, up, plane.normal, origin], axis=1)
    return _Frame(toWorld, float(size @ np.abs(right)) / 2 + MARGIN_MM, float(size @ np.abs(up)) / 2 + MARGIN_MM)


def _resliced(image: vtk.vtkImageData, indexToWorld: Matrix, frame: _Frame, outside: float) -> vtk.vtkImageData:
    frameToIndex = vtk.vtkTransform()
    frameToIndex.SetMatrix((np.linalg.inv(indexToWorld) @ frame.toWorld).ravel())
    halfColumns, halfRows = int(frame.halfWidth / PIXEL_MM), int(frame.halfHeight / PIXEL_MM)
    reslice = vtk.vtkImageReslice()
    reslice.SetInputData(image)
    reslice.SetResliceTransform(frameToIndex)
    reslice.SetInterpolationModeToLinear()
    reslice.SetBackgroundLevel(outside)
    reslice.SetOutputSpacing(PIXEL_MM, PIXEL_MM, 1.0)
    reslice.SetOutputOrigin(0.0, 0.0, 0.0)
    reslice.SetOutputExtent(-halfColumns, halfColumns, -halfRows, halfRows, 0, 0)
    reslice.Update()
    return reslice.GetOutput()


def _gray(volume: ShownVolume, frame: _Frame) -> vtk.vtkImageData:
    black, white = volume.window
    table = vtk.vtkLookupTable()
    table.SetRange(black, white)
    table.SetSaturationRange(0.0, 0.0)
    table.SetValueRange(0.0, 1.0)
    table.SetRampToLinear()
    table.Build()
    table.SetTableValue(0, 0.0, 0.0, 0.0, 0.0)
    colors = vtk.vtkImageMapToColors()
    colors.SetInputData(_resliced(volume.image, volume.indexToWorld, frame, black))
    colors.SetLookupTable(table)
    colors.SetOutputFormatToRGBA()
    colors.Update()
    return colors.GetOutput()


def _tinted(mask: vtk.vtkImageData, color: tuple[float, float, float]) -> vtk.vtkImageData:
    """RGBA image: the colour where more than half of the pixel is inside, transparent elsewhere."""
    inside = numpy_support.vtk_to_numpy(mask.GetPointData().GetScalars()) > 127
    rgba = np.zeros((inside.size, 4), np.uint8)
    rgba[inside] = [*(round(255 * part) for part in color), 255]
    tinted = vtk.vtkImageData()
    tinted.CopyStructure(mask)
    tinted.GetPointData().SetScalars(numpy_support.numpy_to_vtk(rgba, deep=True))
    return tinted


def _imageActor(image: vtk.vtkImageData, depth: float, opacity: float) -> vtk.vtkImageActor:
    actor = vtk.vtkImageActor()
    actor.SetInputData(image)
    actor.SetPosition(0.0, 0.0, depth)
    actor.SetOpacity(opacity)
    return actor


def _outline(mask: vtk.vtkImageData, color: tuple[float, float, float]) -> vtk.vtkActor:
    contour = vtk.vtkFlyingEdges2D()
    contour.SetInputData(mask)
    contour.SetValue(0, 127.5)
    contour.ComputeScalarsOff()
    mapper = vtk.vtkPolyDataMapper()
    mapper.SetInputConnection(contour.GetOutputPort())
    actor = vtk.vtkActor()
    actor.SetMapper(mapper)
    actor.SetPosition(0.0, 0.0, 1.0)
    actor.GetProperty().SetColor(color)
    actor.GetProperty().SetLineWidth(2.5)
    actor.GetProperty().LightingOff()
    return actor


def _lookAt(renderer: vtk.vtkRenderer, viewHeightMm: float) -> None:
    camera = renderer.GetActiveCamera()
    camera.ParallelProjectionOn()
    camera.SetParallelScale(viewHeightMm / 2)
    camera.SetFocalPoint(0.0, 0.0, 0.0)
    camera.SetPosition(0.0, 0.0, 100.0)
    camera.SetViewUp(0.0, 1.0, 0.0)
    renderer.ResetCameraClippingRange()


def _annotate(renderer: vtk.vtkRenderer, plane: Plane, center: npt.NDArray[np.float64], viewHeightMm: float) -> None:
    left, right, lower, upper = plane.letters
    for letter, position in ((left, (0.03, 0.5)), (right, (0.97, 0.5)), (lower, (0.5, 0.04)), (upper, (0.5, 0.96))):
        addText(renderer, letter, position, size=26, bold=True, align=("center", "center"))
    addText(renderer, plane.name, (0.025, 0.955), size=26, bold=True, color=plane.color, align=("left", "center"))
    addText(renderer, positionText(plane, center), (0.025, 0.90), size=20, align=("left", "center"))
    _addScaleBar(renderer, viewHeightMm)


def positionText(plane: Plane, center: npt.NDArray[np.float64]) -> str:
    """Where a slice through ``center`` (RAS, mm) lies, e.g. ``x = -73.9 mm``.

    A letter would look like a side of the head, but the origin may lie beside it, as in the files of BraTS.
    """
    position = round(float(center @ plane.normal), 1) + 0.0  # no -0.0
    return f"{'xyz'[int(np.argmax(plane.normal))]} = {position:.1f} mm"


def _addScaleBar(renderer: vtk.vtkRenderer, viewHeightMm: float) -> None:
    """At the lower right; as long as the slice's millimetres, since both have the view's scale."""
    width, height = renderer.GetSize()
    length = SCALE_BAR_MM / viewHeightMm * height
    right, y, tick = 0.97 * width, 0.06 * height, 6.0
    points = vtk.vtkPoints()
    for x, dy in ((right - length, tick), (right - length, 0), (right, 0), (right, tick)):
        points.InsertNextPoint(x, y + dy, 0.0)
    line = vtk.vtkPolyData()
    line.SetPoints(points)
    cells = vtk.vtkCellArray()
    cells.InsertNextCell(4, [0, 1, 2, 3])
    line.SetLines(cells)
    mapper = vtk.vtkPolyDataMapper2D()
    mapper.SetInputData(line)
    actor = vtk.vtkActor2D()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(TEXT_COLOR)
    actor.GetProperty().SetLineWidth(2.0)
    renderer.AddViewProp(actor)
    middle = ((right - length / 2) / width, (y + 12) / height)
    addText(renderer, f"{SCALE_BAR_MM:.0f} mm", middle, size=18, align=("center", "bottom"))
