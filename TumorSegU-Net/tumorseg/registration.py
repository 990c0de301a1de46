"""Rigid registration: how a head lay in one volume and in another, by the mutual information of their brightness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from tumorseg.images import to_image
from tumorseg.normalise import bounding_box
from tumorseg.volume import FloatArray, Volume

LEVELS_MM = (8.0, 4.0)
"""Voxels to which both volumes are averaged, coarse to fine.

The mean error on real volumes is 0.5 mm (docs/inputs.md); with a last level of 3 mm it was a twelfth smaller, for twice
the time."""

STEPS = (60, 40)
"""Most steps per level; real volumes took 15 to 46."""

BINS = 32
"""Of the joint histogram (Mattes et al. 2003, IEEE TMI 22:120); 24 and 48 were no better."""

LEAST_MM = 1.0
"""A smaller motion is not told from the error of finding it, so none is made: headers are better then."""

MARGIN_MM = 16.0
"""What is kept around the content of the first volume: its outline tells, the air further away does not."""


@dataclass(frozen=True)
class Motion:
    """Where the head lay in a second volume.

    Attributes:
        matrix: 4x4, from a place in the first volume to that of the same tissue in the second one, mm in LPS.
        distance_mm: between the two, mean over the content of the first volume.
    """

    matrix: npt.NDArray[np.float64]
    distance_mm: float

    @property
    def degrees(self) -> float:
        """The angle of the turn."""
        return float(np.degrees(np.arccos(np.clip((np.trace(self.matrix[:3, :3]) - 1) / 2, -1, 1))))

    @property
    def transform(self) -> sitk.AffineTransform:
        """The same for SimpleITK."""
        transform = sitk.AffineTransform(3)
        transform.SetMatrix(self.matrix[:3, :3].ravel().tolist())
        transform.SetTranslation(self.matrix[:3, 3].tolist())
        return transform


def no_motion() -> Motion:
    """Both volumes lie as their headers say."""
    return Motion(np.eye(4), 0.0)


def rigid_motion(first: Volume, second: Volume, report: Callable[[float], None]) -> Motion:
    """Find how the head lay in a second volume; no motion where none that counts makes the volumes more alike.

    Args:
        first: the reference, with some content (not 0).
        second: another contrast of the same head, on any grid.
        report: told the part that is done (0-1) before each level; what it raises ends the registration.
    """
    near = _near_content(first)
    images = [(_averaged(near, size), _averaged(second, size)) for size in LEVELS_MM]
    transform, unlikeness = _start(*images[0]), 0.0
    for level, (pair, steps) in enumerate(zip(images, STEPS, strict=True)):
        report(level / len(STEPS))
        unlikeness = _improve(transform, *pair, steps)
    if unlikeness >= _unlikeness(sitk.Euler3DTransform(), *images[-1]):
        return no_motion()
    motion = _motion(transform, images[0][0])
    return motion if motion.distance_mm >= LEAST_MM else no_motion()


def _near_content(volume: Volume) -> Volume:
    margin = int(np.ceil(MARGIN_MM / min(volume.geometry.spacing)))
    box = bounding_box(volume.array != 0, margin)
    return replace(volume, array=volume.array[box], geometry=volume.geometry.crop(box))


def _averaged(volume: Volume, size: float) -> sitk.Image:
    factors = [max(1, round(size / spacing)) for spacing in volume.geometry.spacing]
    # A slab of few slices keeps them all.
    return sitk.BinShrink(
        to_image(_dark_outside(volume.array), volume.geometry),
        [min(factor, count) for factor, count in zip(factors, volume.geometry.shape[::-1], strict=True)],
    )


def _dark_outside(array: FloatArray) -> FloatArray:
    """Brightness from 0 on, so that the 0 around a brain is darker than most of it: its outline tells most.

    In volumes of mean 0 it is as bright as the brain. A few extreme voxels do not count.
    """
    low = np.float32(np.percentile(array[array != 0], 1)) if (array < 0).any() else np.float32(0)
    return np.where(array == 0, array, np.maximum(array - low, 0)) if low < 0 else array


def _start(first: sitk.Image, second: sitk.Image) -> sitk.Euler3DTransform:
    """As the headers say, or with the centres of the contents on each other where these are more alike."""
    centres = [_content_lps(image).mean(axis=0) for image in (first, second)]
    candidates = []
    for shift in (np.zeros(3), centres[1] - centres[0]):
        transform = sitk.Euler3DTransform()
        transform.SetCenter(centres[0].tolist())
        transform.SetTranslation(shift.tolist())
        candidates.append(transform)
    return min(candidates, key=lambda transform: _unlikeness(transform, first, second))


def _content_lps(image: sitk.Image) -> npt.NDArray[np.float64]:
    """Centres (n, 3) in mm of the voxels that are not 0; of all voxels when all are."""
    array = sitk.GetArrayViewFromImage(image)
    index = np.argwhere((array != 0) | (not array.any()))[:, ::-1]
    axes = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    return np.asarray(index @ axes.T + image.GetOrigin())


def _unlikeness(transform: sitk.Euler3DTransform, first: sitk.Image, second: sitk.Image) -> float:
    """Negative mutual information; infinite where the volumes do not meet."""
    try:
        return float(_method(transform).MetricEvaluate(first, second))
    except RuntimeError:  # ITK's way to say that hardly a voxel of one lies inside the other
        return float("inf")


def _improve(transform: sitk.Euler3DTransform, first: sitk.Image, second: sitk.Image, steps: int) -> float:
    """Move the transform to where the volumes are more alike; it stays where they do not meet, or nothing is better.

    Returns:
        The unlikeness there.
    """
    before, unlikeness = transform.GetParameters(), _unlikeness(transform, first, second)
    method = _method(transform)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=max(first.GetSpacing()) / 2,
        minStep=0.01,
        numberOfIterations=steps,
        relaxationFactor=0.6,
        gradientMagnitudeTolerance=1e-6,
    )
    method.SetOptimizerScalesFromPhysicalShift()
    try:
        method.Execute(first, second)
    except RuntimeError:
        transform.SetParameters(before)
    # The optimizer ends where it is, not where it was best: small images can lead it astray.
    if (found := _unlikeness(transform, first, second)) < unlikeness:
        return found
    transform.SetParameters(before)
    return unlikeness


def _method(transform: sitk.Euler3DTransform) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetInitialTransform(transform, inPlace=True)
    return method


def _motion(transform: sitk.Euler3DTransform, image: sitk.Image) -> Motion:
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(transform.GetMatrix(), (3, 3))
    matrix[:3, 3] = transform.TransformPoint((0.0, 0.0, 0.0))
    points = _content_lps(image)
    moved = points @ matrix[:3, :3].T + matrix[:3, 3]
    return Motion(matrix, float(np.linalg.norm(moved - points, axis=1).mean()))
