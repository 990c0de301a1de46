"""MONAI's usual recipe from files to one label map: transforms, ``sliding_window_inference``, ``Invertd``.

The two steps of ours that it lacks and some networks need, the flattening and the other half of the brain, are borrowed
from the engine. Outlines that follow guides are not: no network needs them.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from monai.inferers import sliding_window_inference
from monai.transforms import (
    Activationsd,
    AsDiscreted,
    Compose,
    EnsureChannelFirstd,
    Invertd,
    Lambdad,
    LoadImaged,
    NormalizeIntensityd,
    Orientationd,
    SaveImaged,
    Spacingd,
)
from peer_model import LABELS_FROM_OUTSIDE, Task, task_from_arguments
from torch import Tensor

from tumorseg.flatten import flattened
from tumorseg.volume import Triple


def main() -> None:
    """Segment one case."""
    task = task_from_arguments()
    before = _before(task)
    item = before({"image": task.files})
    network = task.network.to(task.device)
    with torch.no_grad():
        batch = item["image"][None].to(task.device)
        item["pred"] = sliding_window_inference(batch, task.window, 1, network, overlap=0.5, mode="gaussian")[0]
    _after(task, before)(item)


def _before(task: Task) -> Compose:
    return Compose(
        [
            LoadImaged("image"),
            EnsureChannelFirstd("image"),
            # Axes in the order and direction of our networks: z to superior, y to posterior, x to left.
            Orientationd("image", axcodes="SPL"),
            Spacingd("image", pixdim=task.spacing, mode="bilinear"),
            *([Lambdad("image", _flattened)] if task.spec.normalisation == "zscore-flat" else []),
            NormalizeIntensityd("image", nonzero=True, channel_wise=True),
            *([Lambdad("image", partial(_compared, spacing=task.spec.spacing))] if task.spec.other_half else []),
        ]
    )


def _flattened(images: Tensor) -> Tensor:
    """Each volume (channel, z, y, x) without slow changes of brightness, over its voxels that are not 0."""
    flat = [flattened(image, image != 0) for image in images.numpy()]
    return images.new_tensor(np.stack(flat))


def _compared(images: Tensor, spacing: Triple) -> Tensor:
    """The volumes (channel, z, y, x), and after them the difference of each from the other half of the brain."""
    from tumorseg.other_half import with_other_half  # only here: it imports more than MONAI's recipe needs

    channels = images.numpy()
    return images.new_tensor(with_other_half(channels, (channels != 0).any(axis=0), spacing))


def _after(task: Task, before: Compose) -> Compose:
    return Compose(
        [
            Activationsd("pred", sigmoid=True),
            Invertd("pred", transform=before, orig_keys="image", nearest_interp=False),
            AsDiscreted("pred", threshold=0.5),
            Lambdad("pred", _labels),
            SaveImaged("pred", output_dir=task.output, output_dtype="uint8", separate_folder=False, print_log=False),
        ]
    )


def _labels(regions: Tensor) -> Tensor:
    """Labels (1, ...) of region masks (WT, TC, ET)."""
    labels = torch.zeros_like(regions[:1])
    for region, label in zip(regions, LABELS_FROM_OUTSIDE, strict=True):
        labels[0][region > 0] = label
    return labels


if __name__ == "__main__":
    main()
