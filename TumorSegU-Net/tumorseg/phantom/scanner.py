"""From ideal brightness to a scanner's image: bias field, slice thickness, Rician noise, intensity scale."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from .noise import noise_field, stream
from .space import Floats, Grid, Mask
from .spec import SEQUENCES, PatientSpec

_FWHM_TO_SIGMA = 1 / 2.3548  # of a Gaussian
_IN_PLANE_FWHM = 1.2  # mm: acquired pixels are near 1 mm and were resampled several times
_BIAS_WAVELENGTH = 130.0  # mm
_RESIDUAL_NOISE = 0.75  # share of the noise's standard deviation kept after blur along slices


def acquire(ideal: Floats, mask: Mask, grid: Grid, spec: PatientSpec, sequence: str) -> Floats:
    """The image (z, y, x) of ``ideal`` brightness (white matter about 1): 0 outside ``mask``, at least 1 inside.

    ``ideal`` must be filled outside the mask too: slices and pixels average over the border.
    """
    index = SEQUENCES.index(sequence)
    rng = stream(spec.seed, f"scanner {sequence}")
    bias = np.exp(np.float32(spec.bias_strength[index]) * noise_field(rng, _BIAS_WAVELENGTH).on_grid(grid))
    sigmas = _blur_sigmas(spec.slice_thickness[index], spec.slice_axis[index], grid)
    signal = gaussian_filter(ideal, sigmas, truncate=3.0) * bias
    real, imaginary = (
        np.float32(spec.noise_level[index]) * _scanner_noise(rng, grid, sigmas, spec.slice_axis[index])
        for _ in range(2)
    )
    magnitude = np.hypot(signal + real, imaginary)  # Rician
    scaled = np.maximum(magnitude * np.float32(spec.intensity_scale[index]), 1)
    return np.where(mask, scaled, np.float32(0)).astype(np.float32)


def _blur_sigmas(slice_thickness: float, slice_axis: int, grid: Grid) -> list[float]:
    widths = [_IN_PLANE_FWHM] * 3
    widths[slice_axis] = max(slice_thickness, _IN_PLANE_FWHM)
    # A voxel already averages over its own width.
    return [_FWHM_TO_SIGMA * max(w**2 - s**2, 0.0) ** 0.5 / s for w, s in zip(widths, grid.spacing, strict=True)]


def _scanner_noise(rng: np.random.Generator, grid: Grid, sigmas: list[float], slice_axis: int) -> Floats:
    """Unit noise that is smooth across slices, as resampled thick slices have it."""
    noise = rng.standard_normal(grid.shape, dtype=np.float32)
    if sigmas[slice_axis] < 0.8:
        return noise
    smooth = gaussian_filter1d(noise, sigmas[slice_axis], axis=slice_axis, truncate=3.0)
    return np.asarray(smooth * np.float32(_RESIDUAL_NOISE / smooth.std()), dtype=np.float32)
