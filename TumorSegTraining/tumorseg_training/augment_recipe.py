"""What may be changed about a patch in training, how much and how often."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from tumorseg.modelfile import AXES

Range = tuple[float, float]

_LARGEST = {
    "rotation_degrees": 180.0,
    "elastic_voxels": 32.0,
    "brightness": 2.0,
    "noise": 2.0,
    "bias_strength": 2.0,
}
_RANGES = {
    "scale": (0.25, 4.0),
    "blur_voxels": (0.05, 8.0),
    "low_resolution": (0.1, 1.0),
    "contrast": (0.1, 4.0),
    "gamma": (0.1, 5.0),
    "weakened": (0.0, 1.0),
}


@dataclass(frozen=True)
class Augmentation:
    """Random changes; a chance is per patch for changes of shape, per patch and sequence for changes of intensity.

    Nothing is changed with the values given here; values that cannot be used raise a ``ValueError``. The strengths are
    nnU-Net's where it has the same change.

    Attributes:
        mirror: chance of mirroring, for each of ``mirror_axes``.
        mirror_axes: some of ``x`` (left and right), ``y`` (front and back) and ``z`` (top and bottom), in a word.
        rotation_degrees: largest angle about each axis.
        rotation: chance of a rotation.
        scale: range of the space that a patch shows, relative to its own size (2: everything half as large).
        scaling: chance of another scale.
        elastic_voxels: standard deviation of the elastic displacement.
        elastic: chance of an elastic deformation.
        blur_voxels: range of the Gaussian's standard deviation.
        blur: chance of a blur.
        low_resolution: range of the resolution that is left, 1 is all of it.
        lowering: chance of a lower resolution.
        noise: largest standard deviation of Gaussian noise, in standard deviations of the brain.
        noising: chance of noise.
        contrast: range of the factor of the intensities.
        brightness: largest shift of the intensities, in standard deviations of the brain.
        shading: chance of another contrast and brightness.
        bias_strength: standard deviation of a smooth field that is added, in standard deviations of the brain.
        bias: chance of such a field, as a scanner's uneven sensitivity leaves it.
        gamma: range of the exponent of the intensities, scaled to 0-1.
        bending: chance of a gamma change.
        dropping: chance that sequences are lacking in a patch; one to all but one of those present.
        transplanting: chance that a brain gets the tumor of another complete case.
        healing: chance that a brain's own tumor is replaced by the mirrored other half, where that is without tumor.
        growing: chance that a brain's own tumor is replaced by the mirrored other half, and one is drawn instead.
        coring: chance that a further part of a tumor is core that does not enhance, or that its core looks otherwise.
        enhancing: chance that a further part of a tumor enhances on T1ce.
        unenhancing: chance that the enhancing part of a tumor no longer enhances and is core.
        weakened: range of the part of a tumor's contrast that is taken away.
        weakening: chance that a tumor becomes fainter, by mixing it with the mirrored other half.
    """

    mirror: float = 0.0
    mirror_axes: str = AXES
    rotation_degrees: float = 30.0
    rotation: float = 0.0
    scale: Range = (0.7, 1.4)
    scaling: float = 0.0
    elastic_voxels: float = 4.0
    elastic: float = 0.0
    blur_voxels: Range = (0.5, 1.0)
    blur: float = 0.0
    low_resolution: Range = (0.5, 1.0)
    lowering: float = 0.0
    noise: float = 0.3
    noising: float = 0.0
    contrast: Range = (0.65, 1.5)
    brightness: float = 0.3
    shading: float = 0.0
    bias_strength: float = 0.5
    bias: float = 0.0
    gamma: Range = (0.7, 1.5)
    bending: float = 0.0
    dropping: float = 0.0
    transplanting: float = 0.0
    healing: float = 0.0
    growing: float = 0.0
    coring: float = 0.0
    enhancing: float = 0.0
    unenhancing: float = 0.0
    weakened: Range = (0.2, 0.6)
    weakening: float = 0.0

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name == "mirror_axes":
                _check_axes(value)
            elif entry.name in _RANGES:
                _check_range(entry.name, value, *_RANGES[entry.name])
            elif not _number(value) or not 0 <= value <= _LARGEST.get(entry.name, 1.0):
                raise ValueError(
                    f"augmentation.{entry.name} must be a number from 0 to {_LARGEST.get(entry.name, 1.0):g}, "
                    f"got {value!r}"
                )


def _check_axes(value: Any) -> None:
    if not isinstance(value, str) or not value or len(set(value)) != len(value) or not set(value) <= set(AXES):
        raise ValueError(f"augmentation.mirror_axes must be a word of different letters of {AXES}, got {value!r}")


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_range(name: str, value: Any, lowest: float, highest: float) -> None:
    pair = isinstance(value, tuple) and len(value) == 2 and all(map(_number, value))
    if not pair or not lowest <= value[0] <= value[1] <= highest:
        raise ValueError(
            f"augmentation.{name} must be two rising numbers from {lowest:g} to {highest:g}, got {value!r}"
        )
