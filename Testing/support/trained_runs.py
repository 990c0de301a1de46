"""Run folders with a random network, as ``fit`` leaves them, and a card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from support.models import small_spec
from tumorseg.modelfile import Model, PostProcessing, save_model
from tumorseg.network import UNet3D
from tumorseg.network_config import UNet3DConfig

CARD = """
name = "mine"
version = "2.0"
[card]
title = "My model"
licence = "CC BY 4.0"
training_data = ["three heads"]
"""

PATCH = (8, 12, 16)
"""(z, y, x): three different sizes, so that a swapped axis shows."""


def three_level_model(seed: int = 0, rules: PostProcessing | None = None, **changes: Any) -> Model:
    """A random network whose outputs spread over 0 to 1, WT more than TC and ET; ``changes`` of ``UNet3DConfig``."""
    config = UNet3DConfig(**{"features": (4, 6, 8), "deep_supervision": 1, **changes})
    torch.manual_seed(seed)
    network = UNet3D(config).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "norm" in name:
                parameter.add_(0.3 * torch.randn_like(parameter))
        if "0" in network.heads:
            network.heads["0"].weight.mul_(8)
            network.heads["0"].bias.copy_(torch.linspace(1, -1, config.out_channels))
    spec = replace(
        small_spec(patch_size=PATCH, postprocessing=rules),
        architecture=config.to_dict(),
        training={"split": {"train": ["a"], "validation": ["b"], "test": ["c"], "sha256": "s"}, "epoch": 3},
    )
    return Model(spec, network, sha256="0" * 64)


def write_run(folder: Path, model: Model) -> Path:
    """A folder with the model file of a run."""
    folder.mkdir(parents=True)
    save_model(folder / "model.safetensors", model.spec, model.network.state_dict())
    return folder


def write_card(folder: Path, rules: str = "") -> Path:
    """A card with, if given, the lines of its ``[postprocessing]``."""
    path = folder / "card.toml"
    path.write_text(CARD + (f"[postprocessing]\n{rules}\n" if rules else ""))
    return path
