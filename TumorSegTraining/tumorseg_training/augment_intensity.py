"""Changes of intensity, in place: blur, low resolution, noise, contrast, brightness, gamma, dropped sequences.

What works along the axes one after the other, a Gaussian and the loss and return of resolution, is one small matrix per
axis: matrix products are what both CPUs and GPUs do best, and both changes together cost one.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from tumorseg_training.augment_draw import Draw


def change_intensity(patch: Tensor, draw: Draw) -> Tensor:
    """Apply the changes of a draw to a patch (channel, z, y, x) float32, in place; the background stays 0.

    Background is where all channels are 0. The order is that of a scanner's chain: what is lost by blur and resolution
    comes before noise, and the display of contrast after it.
    """
    if not draw.blur:
        return patch
    brain = (patch != 0).any(dim=0) if _changes(draw) else None
    noise = torch.Generator(patch.device).manual_seed(draw.seed) if any(draw.noise) else None
    for channel, image in enumerate(patch):
        if draw.blur[channel] or draw.resolution[channel] < 1:
            image.copy_(filtered(image, draw.blur[channel], draw.resolution[channel]))
        if draw.noise[channel]:
            image.add_(torch.randn(image.shape, generator=noise, device=image.device), alpha=draw.noise[channel])
        if (draw.factor[channel], draw.shift[channel]) != (1, 0):
            image.mul_(draw.factor[channel]).add_(draw.shift[channel])
        if draw.gamma[channel] != 1:
            bend(image, draw.gamma[channel])
        if draw.dropped[channel]:
            image.zero_()
        elif brain is not None:
            image.mul_(brain)
    return patch


def _changes(draw: Draw) -> bool:
    """Whether anything but dropping happens."""
    plain = (0.0, 1.0, 0.0, 1.0, 0.0, 1.0)
    return any(
        values != plain
        for values in zip(draw.blur, draw.resolution, draw.noise, draw.factor, draw.shift, draw.gamma, strict=True)
    )


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


def bend(image: Tensor, gamma: float) -> None:
    """Raise intensities, scaled to 0-1 over the image, to the power of gamma, in place; the range stays the same."""
    low, high = image.aminmax()
    extent = (high - low).clamp(min=1e-6)
    image.sub_(low).div_(extent).clamp_(0, 1).pow_(gamma).mul_(extent).add_(low)
