"""Run a network over a brain crop: overlapping tiles, Gaussian weights, test-time mirroring, device fall-back.

Tiles and weights follow MONAI's ``sliding_window_inference`` (mode="gaussian", sigma_scale=0.125); a test holds both
against each other.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tumorseg.devices import Device
from tumorseg.errors import OutOfMemoryError
from tumorseg.modelfile import OUTPUT_CLASSES, Model
from tumorseg.progress import Progress, Report, silent
from tumorseg.regions import regions_from_classes
from tumorseg.volume import FloatArray

OVERLAP = 0.5
SIGMA_SCALE = 0.125
"""Standard deviation of a tile's Gaussian weight as a part of its size."""

OUT_OF_MEMORY_WORDS = ("can't allocate memory", "MPS backend out of memory", "CUDNN_STATUS_ALLOC_FAILED")
"""What torch says on the CPU, on Apple's GPUs and from cuDNN when it raises a plain ``RuntimeError``."""

MIRRORED_AXES = tuple(axes for count in range(4) for axes in itertools.combinations((2, 3, 4), count))
"""The eight mirrorings of test-time augmentation, as axes of (batch, channel, z, y, x)."""

Step = tuple[tuple[int, ...], tuple[int, ...]]
"""First voxel (z, y, x) of a tile and the axes along which it is mirrored."""


@dataclass(frozen=True)
class Rung:
    """One step of the memory ladder: where tiles are computed and where their sum is kept."""

    tiles_on: str
    sum_on: str

    def __str__(self) -> str:
        return f"tiles on {self.tiles_on}, sum on {self.sum_on}"


@dataclass(frozen=True)
class Prediction:
    """Region probabilities (region, z, y, x) float32 of the crop, and the rung of the memory ladder that was used."""

    probabilities: FloatArray
    rung: Rung


def predict(model: Model, crop: FloatArray, device: Device, tta: bool = False, report: Report = silent) -> Prediction:
    """Probabilities of the model's regions for a normalised crop.

    Steps down the memory ladder when a device has not enough memory, and goes on.

    Args:
        model: whose network is run.
        crop: (channel, z, y, x) float32, normalised, in the model's channel order.
        device: where to start.
        tta: average over the eight mirrorings.
        report: told about each tile.

    Raises:
        OutOfMemoryError: no rung has enough memory.
        CancelledError: from ``report``.
    """
    for rung in ladder(device.name):
        try:
            probabilities = _predict_on(rung, model, crop, tta, report)
            return Prediction(probabilities, rung)
        except (torch.OutOfMemoryError, MemoryError):
            _release(rung.tiles_on)
        except RuntimeError as error:
            if not any(words in str(error) for words in OUT_OF_MEMORY_WORDS):
                raise
    raise OutOfMemoryError("There is not enough memory to run the network; close other programs and try again.")


def ladder(device: str) -> list[Rung]:
    """The rungs that a run on a device goes down, first choice first."""
    cpu = Rung("cpu", "cpu")
    return [cpu] if device == "cpu" else [Rung(device, device), Rung(device, "cpu"), cpu]


def tile_starts(size: int, tile: int, overlap: float = OVERLAP) -> list[int]:
    """First voxels of tiles along one axis: steps of ``tile * (1 - overlap)``, the last one flush with the end."""
    step = max(1, int(tile * (1 - overlap)))
    return [*range(0, size - tile, step), size - tile] if size > tile else [0]


def gaussian_weight(tile: Sequence[int]) -> Tensor:
    """Weight (z, y, x) of a tile, largest at its centre, never 0; MONAI's definition."""
    weight = torch.ones(())
    for axis, size in enumerate(tile):
        distance = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
        profile = torch.exp(-(distance**2) / (2 * (SIGMA_SCALE * size) ** 2))
        weight = weight * profile.reshape([-1 if other == axis else 1 for other in range(3)])
    return weight.clamp(min=max(float(weight.min()), 1e-3))


def _release(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.empty_cache()


@torch.inference_mode()
def _predict_on(rung: Rung, model: Model, crop: FloatArray, tta: bool, report: Report) -> FloatArray:
    tile = model.spec.patch_size
    size = crop.shape[1:]
    whole = torch.from_numpy(crop)[None]
    padded, inner = _pad(_stretched(whole, tile) if model.spec.resized else whole, tile)
    network = model.network.to(rung.tiles_on)
    corners = itertools.product(*map(tile_starts, padded.shape[2:], tile))
    steps = list(itertools.product(corners, MIRRORED_AXES if tta else ((),)))
    channels = model.network.config.out_channels
    total = torch.zeros((channels, *padded.shape[2:]), device=rung.sum_on)
    weights = torch.zeros(padded.shape[2:], device=rung.sum_on)
    weight = gaussian_weight(tile).to(rung.sum_on)
    for corner, axes in _reported(steps, rung.tiles_on, report):
        z, y, x = (slice(start, start + size) for start, size in zip(corner, tile, strict=True))
        mirrored = padded[:, :, z, y, x].to(rung.tiles_on).flip(axes)
        logits = network(mirrored).flip(axes)[0].to(rung.sum_on)
        total[:, z, y, x] += logits * weight
        weights[z, y, x] += weight
    z, y, x = inner
    logits = total.div_(weights)[:, z, y, x]
    return _probabilities(_stretched(logits[None], size)[0] if model.spec.resized else logits, model.spec.outputs)


def _stretched(x: Tensor, size: Sequence[int]) -> Tensor:
    """(batch, channel, *size): interpolated so that the outer faces stay where they are."""
    return torch.nn.functional.interpolate(x, size=tuple(size), mode="trilinear", align_corners=False)


def _reported(steps: list[Step], device: str, report: Report) -> Iterator[Step]:
    """Yield the tiles (each mirroring by itself) and report before each, so that a cancel is heard within one."""
    started = time.monotonic()
    for done, step in enumerate(steps):
        elapsed = time.monotonic() - started
        left = elapsed / done * (len(steps) - done) if done else None
        report(Progress("predict", done / len(steps), left, device))
        yield step
    report(Progress("predict", 1.0, 0.0, device))


def _pad(x: Tensor, tile: Sequence[int]) -> tuple[Tensor, tuple[slice, ...]]:
    """Pad (batch, channel, z, y, x) with 0 on both sides to at least one tile; also where the original lies."""
    missing = [max(0, size - have) for size, have in zip(tile, x.shape[2:], strict=True)]
    before = [total // 2 for total in missing]
    pairs = [(first, total - first) for first, total in zip(before, missing, strict=True)]
    inner = tuple(slice(first, first + have) for first, have in zip(before, x.shape[2:], strict=True))
    return torch.nn.functional.pad(x, [value for pair in reversed(pairs) for value in pair]), inner


def _probabilities(logits: Tensor, outputs: str) -> FloatArray:
    if outputs == OUTPUT_CLASSES:
        return regions_from_classes(np.asarray(logits.softmax(dim=0).cpu().numpy()))
    return np.asarray(logits.sigmoid().cpu().numpy())
