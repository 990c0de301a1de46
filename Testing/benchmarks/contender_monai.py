"""MONAI as its tutorials use it: ``CacheDataset`` in memory, dictionary transforms, torch's ``DataLoader``."""

from __future__ import annotations

from collections.abc import Iterator
from math import pi, sqrt
from pathlib import Path
from typing import Any

import augmentation as wanted
import numpy as np
import torch
from monai import transforms
from monai.data import CacheDataset, DataLoader, set_track_meta
from settings import Settings, case_files
from torch import Tensor
from torch.utils.data import RandomSampler

PACKAGES = ("torch", "numpy", "monai")

KEYS = ("image", "label")


def batches(settings: Settings) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches: intensities (batch, channel, z, y, x) float32 and labels (batch, z, y, x)."""
    # As the fast-training guide advises: without metadata the random transforms cost less.
    set_track_meta(False)
    torch.manual_seed(settings.seed)
    files = [{"image": images, "label": labels} for _, images, labels in case_files(Path(settings.prepared))]
    # None of the random transforms writes into the cache, so it need not be copied for every sample (the default does).
    dataset = CacheDataset(files, _pipeline(settings), num_workers=1, progress=False, copy_cache=False)
    endless = RandomSampler(dataset, replacement=True, num_samples=10**6)
    loader = DataLoader(
        dataset,
        batch_size=settings.batch,
        sampler=endless,
        num_workers=settings.workers,
        pin_memory=settings.device == "cuda",
    )
    for batch in loader:
        images, labels = (batch[key].to(settings.device, non_blocking=True) for key in KEYS)
        yield images, labels[:, 0]


def _pipeline(settings: Settings) -> transforms.Compose:
    cached = [
        transforms.Lambdad(KEYS, np.load),
        transforms.EnsureChannelFirstd("label", channel_dim="no_channel"),
        transforms.EnsureTyped("image", dtype=torch.float32),
        transforms.EnsureTyped("label", dtype=torch.uint8),
        transforms.SpatialPadd(KEYS, settings.patch_size),
    ]
    crop = transforms.RandCropByPosNegLabeld(
        KEYS, "label", settings.patch_size, pos=wanted.FOREGROUND, neg=1 - wanted.FOREGROUND, num_samples=1
    )
    return transforms.Compose([*cached, crop, *_shape(), *_intensity()])


def _shape() -> list[Any]:
    low, high = wanted.SCALE
    turn = wanted.DEGREES / 180 * pi
    affine = transforms.RandAffined(
        KEYS,
        prob=1 - (1 - wanted.ROTATION) * (1 - wanted.SCALING),
        rotate_range=(turn, turn, turn),
        scale_range=[(low - 1, high - 1)] * 3,
        mode=("bilinear", "nearest"),
        padding_mode="zeros",
        cache_grid=False,
    )
    return [affine, *[transforms.RandFlipd(KEYS, prob=wanted.MIRROR, spatial_axis=axis) for axis in range(3)]]


def _intensity() -> list[Any]:
    image = "image"
    blur, (coarse, fine) = wanted.BLUR_VOXELS, wanted.RESOLUTION
    brightness, contrast = wanted.BRIGHTNESS_FACTOR[1] - 1, wanted.CONTRAST_FACTOR[1] - 1
    gamma = {"gamma": wanted.GAMMA_RANGE, "retain_stats": True}
    return [
        transforms.RandGaussianNoised(image, prob=wanted.NOISE, std=sqrt(wanted.NOISE_VARIANCE)),
        transforms.RandGaussianSmoothd(image, blur, blur, blur, prob=wanted.BLUR_CHANNEL),
        transforms.RandScaleIntensityd(image, brightness, prob=wanted.BRIGHTNESS),
        transforms.RandScaleIntensityFixedMeand(image, contrast, prob=wanted.CONTRAST, preserve_range=True),
        transforms.RandSimulateLowResolutiond(image, wanted.LOW_RESOLUTION_CHANNEL, zoom_range=(coarse, fine)),
        transforms.RandAdjustContrastd(image, wanted.GAMMA_INVERTED, invert_image=True, **gamma),
        transforms.RandAdjustContrastd(image, wanted.GAMMA, **gamma),
    ]
