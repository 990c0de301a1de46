"""Ours: memory-mapped float16 cases, ``PatchLoader``'s threads, one interpolation for all changes of shape."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from pathlib import Path

import augmentation as wanted
import torch
from settings import Settings
from torch import Tensor

from tumorseg.network_config import UNet3DConfig
from tumorseg_training.augment_recipe import Augmentation
from tumorseg_training.patches import PatchDataset, RawPatch
from tumorseg_training.prepared import load_prepared
from tumorseg_training.recipe import Recipe
from tumorseg_training.training_data import EpochBatches, PatchLoader, training_cases

PACKAGES = ("torch", "numpy", "lightning")

AUGMENTATION = Augmentation(
    mirror=wanted.MIRROR,
    rotation=wanted.ROTATION,
    rotation_degrees=wanted.DEGREES,
    scaling=wanted.SCALING,
    scale=wanted.SCALE,
    blur=wanted.BLUR_CHANNEL,
    blur_voxels=wanted.BLUR_VOXELS,
    lowering=wanted.LOW_RESOLUTION_CHANNEL,
    low_resolution=wanted.RESOLUTION,
    noising=wanted.NOISE,
    noise=sqrt(wanted.NOISE_VARIANCE),
    shading=wanted.BRIGHTNESS + wanted.CONTRAST,
    contrast=wanted.CONTRAST_FACTOR,
    bending=wanted.GAMMA_INVERTED + wanted.GAMMA,
    gamma=wanted.GAMMA_RANGE,
)


def batches(settings: Settings) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches: intensities (batch, channel, z, y, x) float32 and labels (batch, z, y, x)."""
    recipe = Recipe(
        "benchmark",
        UNet3DConfig(features=settings.features),
        AUGMENTATION,
        patch_size=settings.patch_size,
        batch_size=settings.batch,
        foreground=wanted.FOREGROUND,
        seed=settings.seed,
    )
    prepared = load_prepared(Path(settings.prepared))
    cases = training_cases(prepared, recipe, [case.name for case in prepared.cases], print)
    device = torch.device(settings.device)
    sampler = EpochBatches(settings.batch, settings.warm_up + settings.batches + 2 * settings.threads)
    loader = PatchLoader(PatchDataset(cases, recipe), sampler, settings.workers, device.type == "cuda")
    for loaded in loader:
        patches = [
            item.to(device).finish(settings.patch_size) if isinstance(item, RawPatch) else item for item in loaded
        ]
        yield torch.stack([patch.images for patch in patches]), torch.stack([patch.labels for patch in patches])
