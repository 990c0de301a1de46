"""The pictures of the HTML report: slices through the tumor with and without overlay, and the measured diameters."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import numpy as np

from tumorseg.alignment import on_one_grid
from tumorseg.diameters import Line
from tumorseg.lesions import number_lesions
from tumorseg.measure import Lesion
from tumorseg.outside import with_zero_outside
from tumorseg.pipeline import Result
from tumorseg.png import encode_png
from tumorseg.regions import SEGMENTS, region_mask
from tumorseg.sequences import DISPLAY_NAMES, Case
from tumorseg.slice_pictures import AXIAL, PLANES, Camera, Picture, Plane, richest_slice, window_of
from tumorseg.volume import BoolArray, FloatArray

SHOWN_SEQUENCES = ("t1ce", "flair")
MEASURED_LESIONS = 3
"""Lesions whose diameters are drawn: the largest ones."""

SCALE_BAR_MM = 50
LONGEST_COLOR, PERPENDICULAR_COLOR = "#4fd8ff", "#ffffff"


@dataclass(frozen=True)
class _Photo:
    """What all pictures of a sequence share."""

    name: str
    array: FloatArray
    window: tuple[float, float]


class ReportPictures:
    """Makes the pictures of one result as HTML.

    Args:
        result: of the run.
        case: its volumes, shown as the network saw them; others that do not lie on the result's grid are not shown.
    """

    def __init__(self, result: Result, case: Case) -> None:
        fitting = [s for s, v in case.items() if s in result.motions or v.geometry.matches(result.geometry)]
        chosen = [sequence for sequence in SHOWN_SEQUENCES if sequence in fitting] or fitting
        cleared, _ = with_zero_outside({sequence: case[sequence] for sequence in chosen})
        shown = on_one_grid(cleared, result.geometry, result.motions)
        content = np.any([volume.array != 0 for volume in shown.values()], axis=0)
        self._camera = Camera(result.geometry, content)
        self._labels = self._camera.turned(result.labels)
        self._photos = [
            _Photo(DISPLAY_NAMES[name], self._camera.turned(volume.array), window_of(volume.array))
            for name, volume in shown.items()
        ]
        found = [segment.name.lower() for label, segment in SEGMENTS.items() if (result.labels == label).any()]
        self._found = ", ".join(found) or "nothing was found"
        self._result = result

    def rows(self) -> Iterator[str]:
        """Per sequence three slices through the middle of the tumor, without and then with overlay."""
        target = self._target()
        numbers = [(plane, richest_slice(target, plane.axis)) for plane in PLANES]
        for photo in self._photos:
            for overlaid in (False, True):
                yield _row(self._figure(photo, plane, number, overlaid) for plane, number in numbers)

    def diameters(self) -> str:
        """The lines of the largest lesions; empty when there is no lesion."""
        lesions = self._result.tumor.lesions[:MEASURED_LESIONS]
        return _row(self._measured(lesion) for lesion in lesions) if lesions else ""

    def _target(self) -> BoolArray:
        """What the slices should show: the largest lesion's core, all of it without core, or the brain."""
        largest = number_lesions(self._labels, self._camera.grid) == 1
        core = largest & region_mask(self._labels, "TC")
        seen = self._labels > 0
        for mask in (core, largest, seen):
            if mask.any():
                return mask
        return np.asarray(self._photos[0].array != 0)

    def _figure(self, photo: _Photo, plane: Plane, number: int, overlaid: bool) -> str:
        picture = self._camera.gray(photo.array, photo.window, plane, number)
        caption = f"{photo.name}, {plane.name}, {self._camera.position(plane, number)}"
        if overlaid:
            picture = self._camera.overlay(picture, self._labels, plane, number)
            caption += ", with segmentation"
            return self._html(picture, plane, caption, f"{caption} ({self._found})")
        return self._html(picture, plane, caption, caption)

    def _measured(self, lesion: Lesion) -> str:
        photo = self._photos[0 if lesion.measured == "ET" else -1]  # T1ce or FLAIR
        number = self._camera.number(lesion.longest[0], AXIAL)
        picture = self._camera.gray(photo.array, photo.window, AXIAL, number)
        values = f"{lesion.diameters.longest_mm:.1f} × {lesion.diameters.perpendicular_mm:.1f} mm"
        caption = f"Lesion {lesion.number}, {lesion.measured}: {values}, {self._camera.position(AXIAL, number)}"
        lines = self._line(lesion.perpendicular, PERPENDICULAR_COLOR) + self._line(lesion.longest, LONGEST_COLOR)
        svg = f'<svg viewBox="0 0 1 1" aria-hidden="true">{lines}</svg>'
        return self._html(picture, AXIAL, caption, f"{photo.name} with the two diameters. {caption}", svg)

    def _line(self, line: Line, color: str) -> str:
        (x1, y1), (x2, y2) = (self._camera.place(point, AXIAL) for point in line)
        place = f'x1="{x1:.4f}" y1="{y1:.4f}" x2="{x2:.4f}" y2="{y2:.4f}"'
        return f'<line {place} stroke="#000" stroke-width=".013"/><line {place} stroke="{color}" stroke-width=".007"/>'

    def _html(self, picture: Picture, plane: Plane, caption: str, alt: str, svg: str = "") -> str:
        data = base64.b64encode(encode_png(picture)).decode("ascii")
        left, right, top = plane.edges
        width = 100 * SCALE_BAR_MM / self._camera.side_mm
        return (
            f'<figure><div class="frame"><img alt="{escape(alt)}" src="data:image/png;base64,{data}">{svg}'
            f'<b class="left">{left}</b><b class="right">{right}</b><b class="top">{top}</b>'
            f'<span class="bar" style="width:{width:.2f}%"><i>{SCALE_BAR_MM} mm</i></span></div>'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )


def _row(figures: Iterator[str]) -> str:
    return f'<div class="pictures">{"".join(figures)}</div>'
