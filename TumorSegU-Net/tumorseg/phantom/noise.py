"""Band-limited random fields that do not depend on the grid they are sampled on.

A field is a lattice of white noise, fixed in brain space, seen through cubic B-splines: the same generator state
gives the same field at every resolution, and sampling on a regular grid is three small matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline
from scipy.ndimage import laplace

from .lookup import looked_up
from .space import FIELD_GRID, Floats, Grid, Triple

# Mean over positions of the sum of squared cubic B-spline weights is 151/315 for each axis.
_SPLINE_STD = (151.0 / 315.0) ** 1.5
# The same after a 7-point Laplacian of the lattice, from the spline's autocorrelation 151/315, 397/1680, 1/42.
_BAND_PASS_STD = 1.180
# White noise through cubic B-splines has most of its power at wavelengths above about 2.5 lattice steps.
_STEPS_PER_WAVELENGTH = 2.5


def stream(seed: int, name: str) -> np.random.Generator:
    """The random generator of one aspect (``name``) of patient ``seed``: aspects do not disturb one another."""
    return np.random.default_rng([seed, *name.encode()])


@dataclass(frozen=True)
class NoiseField:
    """A zero-mean, unit-variance smooth random field over brain space, lattice axes (z, y, x)."""

    lattice: Floats
    step: float
    first: Triple

    def on_grid(self, grid: Grid) -> Floats:
        """Values on ``grid``, shape ``grid.shape``."""
        field = self.lattice
        for axis, positions in enumerate(grid.axes()):
            weights = _spline_weights((positions - self.first[axis]) / self.step, field.shape[axis])
            field = np.moveaxis(np.tensordot(weights, field, axes=(1, axis)), 0, axis)
        return np.ascontiguousarray(field)

    def at(self, z: Floats, y: Floats, x: Floats) -> Floats:
        """Values at the positions z, y, x (mm, equal shapes); outside the lattice the border value."""
        indices = [(p - f) / self.step for p, f in zip((z, y, x), self.first, strict=True)]
        return looked_up(self.lattice, np.stack(indices), order=3)


def noise_field(rng: np.random.Generator, wavelength: float, band_pass: bool = False) -> NoiseField:
    """Draw a field whose finest detail has about ``wavelength`` mm.

    ``band_pass`` also removes what is much coarser than that, so that bumps get about equal sizes.
    """
    step = wavelength / _STEPS_PER_WAVELENGTH
    counts = [int(np.ceil((n - 1) * s / step)) + 6 for n, s in zip(FIELD_GRID.shape, FIELD_GRID.spacing, strict=True)]
    lattice = rng.standard_normal(counts, dtype=np.float32)
    lattice = (
        laplace(lattice, mode="wrap") / np.float32(_BAND_PASS_STD) if band_pass else lattice / np.float32(_SPLINE_STD)
    )
    z, y, x = (f - 2.0 * step for f in FIELD_GRID.first)
    return NoiseField(lattice, step, (z, y, x))


def _spline_weights(positions: Floats, count: int) -> Floats:
    """Cubic B-spline weights (len(positions), count) of lattice nodes 0 ... count - 1 at fractional positions."""
    kernel = BSpline.basis_element(np.arange(-2.0, 3.0), extrapolate=False)
    offsets = positions[:, None].astype(np.float64) - np.arange(count)
    weights: Floats = np.nan_to_num(kernel(offsets)).astype(np.float32)
    return weights
