"""Text in the pictures: one font, sizes in pixels, positions as fractions of the renderer."""

from __future__ import annotations

import vtk

TEXT_COLOR = (0.86, 0.88, 0.91)


def addText(
    renderer: vtk.vtkRenderer,
    text: str,
    position: tuple[float, float],
    *,
    size: int,
    bold: bool = False,
    color: tuple[float, float, float] = TEXT_COLOR,
    align: tuple[str, str] = ("left", "bottom"),
) -> None:
    """Write a line of text.

    Args:
        renderer: where.
        text: what.
        position: (x, y) as fractions of the renderer, from its lower left corner.
        size: font size in pixels.
        bold: whether the text is bold.
        color: RGB, 0-1.
        align: which point of the text lies at the position: left, center or right; bottom, center or top.
    """
    actor = vtk.vtkTextActor()
    actor.SetInput(text)
    style = actor.GetTextProperty()
    style.SetFontFamilyToArial()
    style.SetFontSize(size)
    style.SetBold(bold)
    style.SetColor(color)
    getattr(style, f"SetJustificationTo{_HORIZONTAL[align[0]]}")()
    getattr(style, f"SetVerticalJustificationTo{_VERTICAL[align[1]]}")()
    actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
    actor.SetPosition(*position)
    renderer.AddViewProp(actor)


_HORIZONTAL = {"left": "Left", "center": "Centered", "right": "Right"}
_VERTICAL = {"bottom": "Bottom", "center": "Centered", "top": "Top"}
