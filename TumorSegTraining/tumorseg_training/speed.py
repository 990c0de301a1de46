"""How fast this build of PyTorch computes a step, and whether its 3-D convolutions are slow."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from tumorseg.errors import OutOfMemoryError
from tumorseg.network import UNet3D
from tumorseg_training.recipe import Recipe

SLOW_VERSIONS = re.compile(r"2\.9\.")
"""torch 2.9: 3-D convolutions in half precision are 4 times slower on NVIDIA GPUs (pytorch#166122, mended in 2.10)."""

SLOWDOWN = 1.2
"""Half precision that takes this many times as long as float32 is broken: it should be faster."""

_AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


def step_seconds(recipe: Recipe, patches: int, accelerator: str) -> float:
    """Seconds of one forward and backward pass on empty patches: of the second one, unless the first took long.

    Raises:
        OutOfMemoryError: the device has not enough memory for a step.
    """
    device = torch.device(accelerator)
    network = UNet3D(recipe.network).to(device)
    batch = torch.zeros((patches, recipe.network.in_channels, *recipe.patch_size), device=device)

    def step() -> None:
        with autocast(recipe, device):
            outputs = network(batch)
            heads = outputs if isinstance(outputs, list) else [outputs]
            loss = torch.stack([head.float().mean() for head in heads]).sum()
        loss.backward()

    try:
        return _settled_seconds(step, device)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemoryError(
            f"A step with {patches} patches of {recipe.patch_size} does not fit into the memory of {accelerator}; use "
            "a smaller patch_size or batch_size, or more --devices."
        ) from error


def tile_seconds(recipe: Recipe, accelerator: str) -> float:
    """Seconds of one tile of the engine's predictor in validation."""
    device = torch.device(accelerator)
    network = UNet3D(recipe.network).to(device).eval()
    tile = torch.zeros((1, recipe.network.in_channels, *recipe.patch_size), device=device)
    with torch.inference_mode():
        return _settled_seconds(lambda: network(tile), device)


def autocast(recipe: Recipe, device: torch.device) -> torch.autocast:
    """The number format of the recipe."""
    dtype = _AUTOCAST.get(recipe.precision)
    return torch.autocast(device.type, dtype=dtype or torch.bfloat16, enabled=dtype is not None)


def convolution_warning(recipe: Recipe, accelerator: str, version: str = torch.__version__) -> str | None:
    """A sentence when this build's 3-D convolutions are slow in the recipe's precision; None when they are not."""
    dtype = _AUTOCAST.get(recipe.precision)
    if dtype is None:
        return None
    if accelerator == "cuda" and SLOW_VERSIONS.match(version):
        return (
            f"torch {version} computes 3-D convolutions in half precision several times too slowly; use 2.10 or newer."
        )
    device = torch.device(accelerator)
    plain, half = (convolution_seconds(device, kind) for kind in (torch.float32, dtype))
    return slowness(plain, half, recipe.precision)


def slowness(plain: float, half: float, precision: str) -> str | None:
    """What two measured times of the same convolution, in float32 and half precision, say; None when all is well."""
    if half < SLOWDOWN * plain:
        return None
    return (
        f"3-D convolutions take {half / plain:.1f} times as long with {precision} as with 32-true on this machine; "
        "use --precision 32-true or another build of torch."
    )


def convolution_seconds(device: torch.device, dtype: torch.dtype) -> float:
    """Shortest of three times of one 3-D convolution, 16 channels of 48^3 voxels."""
    convolution = nn.Conv3d(16, 16, 3, padding=1).to(device)
    image: Tensor = torch.zeros((1, 16, 48, 48, 48), device=device)

    def once() -> None:
        with torch.no_grad(), torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
            convolution(image)

    once()
    return min(_seconds(once, device) for _ in range(3))


def _settled_seconds(work: Callable[[], object], device: torch.device) -> float:
    """Of a second time when the first, in which much is set up, was short."""
    first = _seconds(work, device)
    return min(first, _seconds(work, device)) if first < 2 else first


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started
