"""nnU-Net's own loader, transforms and background processes, put together as ``nnUNetTrainer.get_dataloaders`` does."""

from __future__ import annotations

from collections.abc import Iterator
from math import pi
from pathlib import Path

import augmentation as wanted
import numpy as np
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter
from batchgenerators.dataloading.single_threaded_augmenter import SingleThreadedAugmenter
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from nnunetv2.training.data_augmentation.compute_initial_patch_size import get_patch_size
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.training.dataloading.nnunet_dataset import comp_blosc2_params, nnUNetDatasetBlosc2
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.label_handling.label_handling import LabelManager
from settings import Settings, case_files
from torch import Tensor

PACKAGES = ("torch", "numpy", "nnunetv2", "batchgenerators", "batchgeneratorsv2", "blosc2")

LABELS = {"background": 0, "NCR": 1, "ED": 2, "ET": 3}


def batches(settings: Settings) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches: intensities (batch, channel, z, y, x) float32 and labels (batch, z, y, x)."""
    np.random.seed(settings.seed)
    loader = _loader(settings)
    if settings.workers:
        # The numbers are those of nnUNetTrainer.get_dataloaders.
        loader = NonDetMultiThreadedAugmenter(
            loader,
            None,
            num_processes=settings.workers,
            num_cached=max(6, settings.workers // 2),
            seeds=None,
            pin_memory=settings.device == "cuda",
            wait_time=0.002,
        )
    else:
        loader = SingleThreadedAugmenter(loader, None)
    for batch in loader:
        images, labels = (batch[key].to(settings.device, non_blocking=True) for key in ("data", "target"))
        yield images, labels[:, 0]


def _loader(settings: Settings) -> nnUNetDataLoader:
    rotation = (-wanted.DEGREES / 180 * pi, wanted.DEGREES / 180 * pi)
    # What configure_rotation_dummyDA_mirroring_and_inital_patch_size computes for an isotropic patch.
    initial = get_patch_size(settings.patch_size, rotation, rotation, rotation, (0.85, 1.25))
    transforms = nnUNetTrainer.get_training_transforms(
        settings.patch_size, rotation, None, (0, 1, 2), False, use_mask_for_norm=[True] * 4
    )
    return nnUNetDataLoader(
        nnUNetDatasetBlosc2(str(_own_cases(settings))),
        settings.batch,
        initial,
        settings.patch_size,
        LabelManager(LABELS, None),
        oversample_foreground_percent=0.33,
        transforms=transforms,
    )


def _own_cases(settings: Settings) -> Path:
    """The cases as ``DefaultPreprocessor.run_case_save`` stores them; made once, outside the measurement."""
    folder = Path(settings.work) / f"nnunet-{settings.patch}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, image_file, label_file in case_files(Path(settings.prepared)):
        if not (folder / f"{name}.pkl").exists():
            _save(folder / name, np.load(image_file).astype(np.float32), np.load(label_file), settings.patch_size)
    return folder


def _save(path: Path, images: np.ndarray, labels: np.ndarray, patch: tuple[int, int, int]) -> None:
    truth = np.where((images != 0).any(axis=0) | (labels > 0), labels, -1).astype(np.int16)[None]
    sampled = DefaultPreprocessor._sample_foreground_locations(truth, [1, 2, 3])
    blocks, chunks = comp_blosc2_params(images.shape, patch, images.itemsize)
    label_blocks, label_chunks = comp_blosc2_params(truth.shape, patch, truth.itemsize)
    nnUNetDatasetBlosc2.save_case(
        images,
        truth,
        {"class_locations": sampled},
        str(path),
        chunks=chunks,
        blocks=blocks,
        chunks_seg=label_chunks,
        blocks_seg=label_blocks,
    )
