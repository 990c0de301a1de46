"""The network through torch, which is always there: on the CPU, on NVIDIA's and on Apple's GPUs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from tumorseg.cuda_graphs import GraphedNetwork
from tumorseg.memory_ladder import Rung, runs_in_half
from tumorseg.modelfile import OUTPUT_CLASSES, Model
from tumorseg.precision import half_precision_allowed
from tumorseg.regions import regions_from_classes
from tumorseg.sums import Axes, HostSums
from tumorseg.volume import FloatArray

CHANNELS_LAST_NORMS = ("group", "batch", "none")
"""Norms that are fast with the channels last; torch's instance norm is not."""

Forward = Callable[[Tensor], Tensor]

_on_gpus: WeakKeyDictionary[Model, dict[tuple[str, torch.dtype], Forward]] = WeakKeyDictionary()

_FORMAT_NAMES = {torch.float16: "float16", torch.bfloat16: "bfloat16", torch.float32: "float32"}


def formats(model: Model, device: str) -> list[torch.dtype]:
    """Number formats for a device, fastest first; the last is float32, which never overflows."""
    if not half_precision_allowed():
        return [torch.float32]
    if runs_in_half(device, model.spec):
        return [torch.float16, torch.float32]
    if device == "cpu" and computes_bfloat16():
        return [torch.bfloat16, torch.float32]
    return [torch.float32]


def computes_bfloat16() -> bool:
    """Whether the CPU has instructions for bfloat16 (AVX512-BF16 or AMX); emulated it is fifty times slower."""
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in names)


def torch_runtime(model: Model, rung: Rung, number_format: torch.dtype) -> TorchHostSums | TorchDeviceSums:
    """A runtime for a rung of the memory ladder."""
    network = TorchNetwork(model, rung.tiles_on, number_format)
    return TorchDeviceSums(network) if rung.sum_on != "cpu" else TorchHostSums(network)


class TorchNetwork:
    """Runs mirrored images on a device."""

    def __init__(self, model: Model, device: str, number_format: torch.dtype) -> None:
        self.device, self.number_format = device, number_format
        self.name = f"PyTorch {torch.__version__}, {_FORMAT_NAMES[number_format]}"
        self.stretched_to = model.spec.patch_size if model.spec.resized else None
        last = model.spec.network_config.norm in CHANNELS_LAST_NORMS or device.startswith("cuda")
        self._layout = torch.channels_last_3d if last else torch.contiguous_format
        self._network = _network_on(model, device, number_format)

    @torch.inference_mode()
    def logits(self, image: FloatArray | Tensor, mirrorings: Sequence[Axes]) -> Tensor:
        """On the device, float32, of an image that is there already or not; see ``Runtime``."""
        original = image if isinstance(image, Tensor) else self.upload(image)
        stretched = original if self.stretched_to is None else _stretched(original, self.stretched_to)
        batch = torch.stack([stretched.flip(axes) for axes in mirrorings])
        # On the CPU it is autocast that chooses the format.
        batch = batch if self.device == "cpu" else batch.to(self.number_format)
        with self._autocast():
            answers = self._network(batch.contiguous(memory_format=self._layout))
        back = [answer.float().flip(axes) for answer, axes in zip(answers, mirrorings, strict=True)]
        total = torch.stack(back).sum(0) if len(back) > 1 else back[0]
        return total if self.stretched_to is None else _stretched(total, image.shape[1:])

    def upload(self, values: FloatArray) -> Tensor:
        """Values, also a part of a larger array, on the device; one copy through pinned memory for an NVIDIA GPU."""
        held = torch.from_numpy(values)
        if not self.device.startswith("cuda"):
            return held.to(self.device)
        pinned = torch.empty(held.shape, dtype=held.dtype, pin_memory=True).copy_(held)
        return pinned.to(self.device, non_blocking=True)

    def _autocast(self) -> AbstractContextManager[None]:
        """The CPU keeps float32 weights and lets torch choose per layer; a GPU's copy of the network is in float16."""
        mixed = self.device == "cpu" and self.number_format == torch.bfloat16
        return torch.autocast("cpu", torch.bfloat16) if mixed else nullcontext()


class TorchHostSums(HostSums):
    """Sums in numpy arrays."""

    def __init__(self, network: TorchNetwork) -> None:
        self.name, self._network = network.name, network

    def logits(self, image: FloatArray, mirrorings: Sequence[Axes]) -> FloatArray:
        """See ``Runtime``."""
        return self._network.logits(image, mirrorings).cpu().numpy()


class TorchDeviceSums:
    """Image and sums in tensors of the device, up to the probabilities."""

    def __init__(self, network: TorchNetwork) -> None:
        self.name, self.logits, self.array, self._device = network.name, network.logits, network.upload, network.device

    def zeros(self, shape: Sequence[int]) -> Tensor:
        """See ``Runtime``."""
        return torch.zeros(tuple(shape), device=self._device)

    def is_finite(self, total: Tensor) -> bool:
        """See ``Runtime``."""
        return bool(total.isfinite().all())

    def probabilities(self, logits: Tensor, outputs: str) -> FloatArray:
        """See ``Runtime``."""
        if outputs == OUTPUT_CLASSES:
            return regions_from_classes(logits.softmax(dim=0).cpu().numpy())
        return logits.sigmoid().cpu().numpy()


def release(model: Model, device: str) -> None:
    """Let go of what a model keeps on a GPU."""
    _on_gpus.pop(model, None)
    if device.startswith("cuda"):
        torch.cuda.empty_cache()


def _network_on(model: Model, device: str, number_format: torch.dtype) -> Forward:
    """The model's own network on the CPU; a GPU gets a copy that stays there between runs."""
    if device == "cpu":
        return model.network.to(device)
    copies = _on_gpus.setdefault(model, {})
    key = (device, number_format)
    if key not in copies:
        network = copy.deepcopy(model.network).to(device, number_format)
        for weight in network.parameters():
            if weight.dim() == 5:
                weight.data = weight.data.contiguous(memory_format=torch.channels_last_3d)
        copies[key] = GraphedNetwork(network) if device.startswith("cuda") else network
    return copies[key]


def _stretched(image: Tensor, size: Sequence[int]) -> Tensor:
    """(channel, *size): interpolated so that the outer faces stay where they are."""
    larger = torch.nn.functional.interpolate(image[None], size=tuple(size), mode="trilinear", align_corners=False)
    return larger[0]
