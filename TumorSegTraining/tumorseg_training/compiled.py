"""``torch.compile`` where it works, the network as it is where it does not, said in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import nn

from tumorseg_training.recipe import Recipe


def compiled_or_eager(network: nn.Module, recipe: Recipe, device: torch.device) -> Callable[[torch.Tensor], Any]:
    """The compiled network, tried on one small input; the network itself when compiling fails.

    Compilers need a C++ or Triton toolchain that many machines lack, and break in many ways, so any exception counts.
    """
    trial = torch.zeros((1, recipe.network.in_channels, *recipe.patch_size), device=device)
    compiled = torch.compile(network)
    try:
        with torch.no_grad(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=False):
            compiled(trial)
    except Exception as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        rank_zero_warn(f"torch.compile does not work here ({first_line}); training goes on without it.")
        return network
    return compiled
