"""A model file as a peer's own recipe runs it; imported in the peers' environment."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from math import log
from pathlib import Path

import torch
from torch import Tensor, nn

from tumorseg.modelfile import OUTPUT_REGIONS, Model, ModelSpec, load_model
from tumorseg.regions import ED, ET, NCR

LABELS_FROM_OUTSIDE = (ED, NCR, ET)
"""Label of a voxel by the innermost of WT, TC and ET that it belongs to."""


Z_SCORES = ("zscore-brain", "zscore-flat")
"""Normalisations that the peers have, the second but for the flattening before it."""


@dataclass(frozen=True)
class Task:
    """One case for a peer.

    Attributes:
        spec: of the model.
        network: its logits are above 0 inside each region.
        files: volumes in the model's channel order.
        output: an empty folder for one label map.
        window: size (z, y, x) of the sliding window in voxels.
        device: ``cpu`` or ``cuda``.
    """

    spec: ModelSpec
    network: nn.Module
    files: list[str]
    output: Path
    window: tuple[int, int, int]
    device: torch.device

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size (z, y, x) in mm."""
        x, y, z = self.spec.spacing
        return (z, y, x)


class Thresholded(nn.Module):
    """The network with its calibration and thresholds moved into the logits, so that every threshold is at 0."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        rules = model.spec.postprocessing
        self.network = model.network
        count = len(rules.thresholds)
        shift = [log(threshold / (1 - threshold)) for threshold in rules.thresholds]
        biases = rules.biases or (0.0,) * count
        self.register_buffer("scale", _per_region([1 / t for t in rules.temperatures or (1.0,) * count]))
        self.register_buffer("shift", _per_region([bias - s for bias, s in zip(biases, shift, strict=True)]))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channel, z, y, x) to logits (batch, region, z, y, x)."""
        return self.network(x) * self.scale + self.shift


def task_from_arguments() -> Task:
    """Read the command line that ``inference_contenders.py`` wrote."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--window", type=int, nargs=3, required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("files", nargs="+")
    given = parser.parse_args()
    model = load_model(given.model)
    check_recipe(model.spec)
    network = Thresholded(model).eval()
    return Task(model.spec, network, given.files, given.output, tuple(given.window), torch.device(given.device))


def check_recipe(spec: ModelSpec) -> None:
    """Refuse models whose way of running the peers' recipes cannot express."""
    if spec.outputs != OUTPUT_REGIONS or len(spec.regions) != 3 or spec.resized or spec.normalisation not in Z_SCORES:
        raise SystemExit(
            f"The peers cannot run {spec.name}: they need three regions, z-scores and an unstretched crop; "
            "choose another model."
        )


def _per_region(values: list[float]) -> Tensor:
    return torch.tensor(values).reshape(1, -1, 1, 1, 1)
