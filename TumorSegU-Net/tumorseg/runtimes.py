"""The runtimes that can run a network on a rung of the memory ladder, fastest first; nothing is imported too early."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial

from tumorseg import openvino_runtime
from tumorseg.memory_ladder import Rung
from tumorseg.modelfile import Model
from tumorseg.sums import Runtime
from tumorseg.torch_import import loaded_torch, require_torch

RUNTIME_VARIABLE = "TUMORSEG_RUNTIME"
"""Environment variable: ``torch`` keeps OpenVINO out."""

Maker = Callable[[], Runtime]


def runtimes(model: Model, rung: Rung) -> Iterator[Maker]:
    """Makers of runtimes. One that fails, or overflows, is followed by a slower one; torch in float32 is the last.

    Raises:
        TumorSegError: torch is needed and cannot be loaded.
    """
    if os.environ.get(RUNTIME_VARIABLE) != "torch" and openvino_runtime.can_run(model, rung):
        yield partial(openvino_runtime.openvino_network, model)
    require_torch()
    from tumorseg import torch_runtime

    for number_format in torch_runtime.formats(model, rung.tiles_on):
        yield partial(torch_runtime.torch_runtime, model, rung, number_format)


def release(model: Model, device: str) -> None:
    """Let go of what was kept on a device for a model."""
    if loaded_torch() and device != "cpu":
        from tumorseg import torch_runtime

        torch_runtime.release(model, device)
