"""The probabilities of a result: kept for the brain's part of the grid, brought to the whole grid where wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from tumorseg.normalise import Box
from tumorseg.uncertainty import uncertainty_map
from tumorseg.volume import FloatArray

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class ProbabilityMaps:
    """Region probabilities, 0 outside a box.

    Attributes:
        inside: (region, z, y, x) float32 of the box.
        box: slices along (z, y, x) of the reference grid.
        shape: of the reference grid (z, y, x).
    """

    inside: FloatArray
    box: Box
    shape: tuple[int, int, int]

    def whole(self, inside: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """Any array (..., z, y, x) of the box on the reference grid, 0 outside."""
        array = np.zeros((*inside.shape[:-3], *self.shape), inside.dtype)
        z, y, x = self.box
        array[..., z, y, x] = inside
        return array

    @property
    def probabilities(self) -> FloatArray:
        """(region, z, y, x) on the reference grid."""
        return self.whole(self.inside)

    @property
    def uncertainty(self) -> FloatArray:
        """(z, y, x) on the reference grid, 0 certain to 1."""
        return self.whole(uncertainty_map(self.inside))

    @property
    def uncertainty_bytes(self) -> npt.NDArray[np.uint8]:
        """The same as whole numbers, 0 certain to 255."""
        return self.whole(np.rint(uncertainty_map(self.inside) * 255).astype(np.uint8))
