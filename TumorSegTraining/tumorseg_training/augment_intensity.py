"""Changes of intensity, in place: blur, low resolution, noise, bias fields, contrast, brightness, gamma, dropping.

What works along the axes one after the other, a Gaussian and the loss and return of resolution, is one small matrix per
axis: matrix products are what both CPUs and GPUs do best, and both changes together cost one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from tumorseg_training.augment_draw import UNCHANGED, ChannelChange, Draw

BIAS_POINTS = 3
"""Random values of a bias field along each axis of a patch; between them it is linear."""


def change_intensity(patch: Tensor, draw: Draw, others: Tensor | None = None) -> Tensor:
    """Apply the changes of a draw to a patch (channel, z, y, x) float32, in place; where a channel is 0, it stays 0.

    The order is that of a scanner's chain: what is lost by blur and resolution comes before noise, and the display of
    contrast after it.

    Args:
        patch: to change.
        draw: the changes.
        others: what lies opposite in each channel, same shape, changed in place with it: the same contrast, brightness
            and gamma, 0 where the channel is 0 or dropped. It has no noise, blur or bias field of its own, but where it
            is the channel itself, as nothing lies opposite, it stays that.
    """
    needed = any(change.noise or change.bias for change in draw.channels)
    random = torch.Generator(patch.device).manual_seed(draw.seed) if needed else None
    # A draw without channels changes the shape alone.
    changes = draw.channels or [UNCHANGED] * len(patch)
    opposites = [None] * len(patch) if others is None else list(others)
    for image, other, change in zip(patch, opposites, changes, strict=True):
        if change != UNCHANGED:
            _change(image, other, change, random)
    return patch


def _change(image: Tensor, other: Tensor | None, change: ChannelChange, random: torch.Generator | None) -> None:
    """Change one channel (z, y, x), and what lies opposite, in place."""
    both = [image] if other is None else [image, other]
    if change.dropped:
        for part in both:
            part.zero_()
        return
    brain = image != 0
    alone = None if other is None else image == other
    _degrade(image, change, random)
    if other is not None and alone is not None:
        torch.where(alone, image, other, out=other)
    _display(both, change)
    for part in both:
        part.mul_(brain)


def _degrade(image: Tensor, change: ChannelChange, random: torch.Generator | None) -> None:
    """Blur, noise and bias field of one channel (z, y, x), in place."""
    if change.blur or change.resolution < 1:
        image.copy_(filtered(image, change.blur, change.resolution))
    if change.noise:
        image.add_(torch.randn(image.shape, generator=random, device=image.device), alpha=change.noise)
    if change.bias:
        image.add_(bias_field(image, random), alpha=change.bias)


def _display(both: Sequence[Tensor], change: ChannelChange) -> None:
    """Contrast, brightness and gamma of one channel (z, y, x) and, after it, of what lies opposite, in place."""
    if (change.factor, change.shift) != (1, 0):
        for part in both:
            torch.add(part.new_tensor(change.shift), part, alpha=change.factor, out=part)
    if change.gamma != 1:
        low, high = both[0].aminmax()
        for part in both[1:]:
            part.clamp_(low, high)
        for part in both:
            bend(part, change.gamma, low, high)


def bias_field(image: Tensor, random: torch.Generator | None) -> Tensor:
    """Smooth field (z, y, x) of standard deviation 1 at its points, of the size of an image (z, y, x)."""
    points = torch.randn((1, 1, *[BIAS_POINTS] * 3), generator=random, device=image.device)
    return functional.interpolate(points, size=image.shape, mode="trilinear", align_corners=True)[0, 0]


def filtered(image: Tensor, blur: float, resolution: float) -> Tensor:
    """Blur an image (z, y, x) with a Gaussian (standard deviation in voxels), then lower its resolution."""
    z, y, x = (axis_filter(size, blur, resolution, image.device) for size in image.shape)
    in_plane = y @ image @ x.T
    return (z @ in_plane.flatten(1)).view_as(image)


def axis_filter(size: int, blur: float, resolution: float, device: torch.device) -> Tensor:
    """Matrix (size, size) that blurs along an axis and brings it to ``resolution`` of its voxels and back.

    Every row sums to 1. Fewer voxels are averages of the ones they replace; the way back is linear.
    """
    place = torch.arange(size, dtype=torch.float32, device=device)
    matrix = torch.eye(size, device=device)
    if blur:
        matrix = torch.exp(-0.5 * ((place[:, None] - place) / blur) ** 2)
        matrix = matrix / matrix.sum(dim=1, keepdim=True)
    fewer = max(1, round(size * resolution))
    if fewer < size:
        coarse = functional.interpolate(matrix.T[None], size=fewer, mode="area")
        matrix = functional.interpolate(coarse, size=size, mode="linear", align_corners=False)[0].T
    return matrix


def bend(image: Tensor, gamma: float, low: Tensor, high: Tensor) -> None:
    """Raise intensities from ``low`` to ``high``, scaled to 0-1, to the power of gamma, in place, and scale back."""
    extent = (high - low).clamp(min=1e-6)
    # extent * ((image - low) / extent)^gamma, with one pass less.
    image.sub_(low).pow_(gamma).mul_(extent ** (1 - gamma)).add_(low)
