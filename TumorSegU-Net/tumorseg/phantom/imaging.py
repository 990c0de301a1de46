"""From the brightness of the points in a brain to the volumes of its sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from .contrast import Contrast, draw_contrasts
from .scanner import acquire
from .space import Box, Floats, Grid, Mask
from .spec import PatientSpec

_OUTSIDE = 0.6  # brightness relative to CSF just outside the mask, where slices and pixels average over the border
_Scalar = TypeVar("_Scalar", bound=np.generic)


def take_images(
    spec: PatientSpec, mask: Mask, grid: Grid, brightness: Callable[[str, Contrast], Floats]
) -> dict[str, Floats]:
    """The image (z, y, x) of every sequence on ``grid``, by the scanner of ``spec``.

    ``brightness`` gives the ideal brightness (n,) of the points inside ``mask`` on a sequence with its contrast; the
    border continues as dim CSF outside.
    """
    images = {}
    for sequence, contrast in draw_contrasts(spec).items():
        ideal = np.full(mask.shape, _OUTSIDE * contrast.csf, dtype=np.float32)
        ideal[mask] = brightness(sequence, contrast)
        images[sequence] = acquire(ideal, mask, grid, spec, sequence)
    return images


def scatter(values: npt.NDArray[_Scalar], mask: Mask) -> npt.NDArray[_Scalar]:
    """A volume with ``values`` (n,) at the points of ``mask`` and 0 elsewhere."""
    volume = np.zeros(mask.shape, dtype=values.dtype)
    volume[mask] = values
    return volume


def paste(part: npt.NDArray[_Scalar], shape: tuple[int, int, int], box: Box) -> npt.NDArray[_Scalar]:
    """A volume of ``shape`` that is ``part`` in ``box`` and 0 elsewhere."""
    volume = np.zeros(shape, dtype=part.dtype)
    volume[box] = part
    return volume
