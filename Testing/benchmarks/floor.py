"""What a network has to compute, and how fast this machine can."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

TRIES = 4
CHANNELS, EDGE = 64, 64
"""Of the convolution that is tried: a typical layer of a large U-Net, and large enough to keep all cores busy."""

MATRIX = 2048


def counted_operations(work: Callable[[], object]) -> int:
    """Floating-point operations (two per multiply-add) of the convolutions and matrix products in work of torch."""
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def peak_rate(number_format: torch.dtype) -> tuple[float, str]:
    """The most operations per CPU-second that this machine shows, and what computed them.

    CPU-seconds, because other programs may run beside this one; with as many threads as torch has.
    """
    shape = f"{CHANNELS} channels, {EDGE} x {EDGE} x {EDGE} voxels"
    rates = {
        f"a 3 x 3 x 3 convolution of {shape}": _rate(_convolution(number_format)),
        f"a product of two {MATRIX} x {MATRIX} matrices": _rate(_product(number_format)),
    }
    fastest = max(rates, key=lambda name: rates[name])
    return rates[fastest], fastest


@torch.inference_mode()
def _rate(work: Callable[[], object]) -> float:
    operations = counted_operations(work)  # also the first, slower run
    return max(operations / _cpu_seconds(work) for _ in range(TRIES))


def _cpu_seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _convolution(number_format: torch.dtype) -> Callable[[], object]:
    layout = torch.channels_last_3d
    layer = torch.nn.Conv3d(CHANNELS, CHANNELS, 3, padding=1, bias=False).to(number_format).to(memory_format=layout)
    image = torch.rand(1, CHANNELS, EDGE, EDGE, EDGE, dtype=number_format).to(memory_format=layout)
    return lambda: layer(image)


def _product(number_format: torch.dtype) -> Callable[[], object]:
    left, right = torch.rand(2, MATRIX, MATRIX, dtype=number_format)
    return lambda: left @ right
