"""What a training will take, said before it starts: cases, patches, memory, disk and time."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from tumorseg.network import UNet3D
from tumorseg_training.hardware import Hardware
from tumorseg_training.patches import TrainingCase
from tumorseg_training.recipe import Recipe
from tumorseg_training.speed import step_seconds

COPIES_OF_WEIGHTS = 5
"""Weights, gradients, two moments of the optimiser, average."""

GIB = 2**30


@dataclass(frozen=True)
class Plan:
    """A training before it starts.

    Attributes:
        training_cases, validation_cases, groups: numbers.
        patch_size: (z, y, x) voxels.
        samples_per_epoch, steps_per_epoch, epochs: numbers.
        device: where it runs; ``processes`` of them.
        processes: of the training.
        parameters: of the network.
        memory_gib: estimate for one process: weights and what a step keeps for its gradients.
        data_gib: of the cache that is read, which the system keeps in memory where it fits.
        disk_gib: of the run folder at most; ``disk_free_gib`` is there.
        disk_free_gib: on the disk of the run folder.
        seconds_per_step: measured with one step on empty patches.
    """

    training_cases: int
    validation_cases: int
    groups: int
    patch_size: tuple[int, int, int]
    samples_per_epoch: int
    steps_per_epoch: int
    epochs: int
    device: str
    processes: int
    parameters: int
    memory_gib: float
    data_gib: float
    disk_gib: float
    disk_free_gib: float
    seconds_per_step: float

    def values(self) -> dict[str, Any]:
        """As JSON, with the times that follow."""
        epoch = self.seconds_per_step * self.steps_per_epoch
        plain = {**asdict(self), "patch_size": list(self.patch_size)}
        return {**plain, "seconds_per_epoch": epoch, "seconds_in_all": epoch * self.epochs}

    def text(self) -> str:
        """As lines for a person."""
        z, y, x = self.patch_size
        epoch = self.seconds_per_step * self.steps_per_epoch
        lines = [
            f"cases     {self.training_cases} to train on (from {self.groups} data folder(s)), "
            f"{self.validation_cases} to validate on",
            f"patches   {x} x {y} x {z} voxels, {self.samples_per_epoch} per epoch in {self.steps_per_epoch} steps, "
            f"{self.epochs} epochs",
            f"network   {self.parameters:,} parameters on {self.device}, {self.processes} process(es)",
            f"memory    about {self.memory_gib:.1f} GB per process; {self.data_gib:.1f} GB of prepared data",
            f"disk      up to {self.disk_gib:.2f} GB for the run folder, {self.disk_free_gib:.0f} GB are free",
            f"time      about {duration(epoch)} per epoch without validation, {duration(epoch * self.epochs)} in all",
        ]
        return "\n".join(lines)

    def warnings(self) -> list[str]:
        """What will not fit."""
        if self.disk_gib > self.disk_free_gib:
            return [f"The disk has {self.disk_free_gib:.2f} GB free, the run folder may need {self.disk_gib:.2f} GB."]
        return []


def make_plan(
    recipe: Recipe,
    groups: Sequence[Sequence[TrainingCase]],
    validation: Sequence[TrainingCase],
    hardware: Hardware,
    run: Path,
) -> Plan:
    """Plan a training; measures one step.

    Args:
        recipe: what is trained.
        groups: training cases, by data folder.
        validation: cases to validate on.
        hardware: resolved.
        run: its folder.
    """
    cases = [case for group in groups for case in group]
    parameters, activations = _network_numbers(recipe)
    share = recipe.batch_size // hardware.processes
    memory = 4 * COPIES_OF_WEIGHTS * parameters + share * activations
    steps = recipe.steps(len(cases))
    # Last, previous and best checkpoint, one more while it is written; each holds weights, average and moments.
    disk = 4 * 4 * (COPIES_OF_WEIGHTS - 1) * parameters
    return Plan(
        training_cases=len(cases),
        validation_cases=len(validation),
        groups=len(groups),
        patch_size=recipe.patch_size,
        samples_per_epoch=steps * recipe.batch_size,
        steps_per_epoch=steps,
        epochs=recipe.epochs,
        device=hardware.accelerator,
        processes=hardware.processes,
        parameters=parameters,
        memory_gib=memory / GIB,
        data_gib=sum(array.nbytes for case in [*cases, *validation] for array in case.load()) / GIB,
        disk_gib=disk / GIB,
        disk_free_gib=shutil.disk_usage(run).free / GIB,
        seconds_per_step=step_seconds(recipe, share, hardware.accelerator),
    )


def _network_numbers(recipe: Recipe) -> tuple[int, int]:
    """Parameters, and bytes that a step keeps per patch, counted without computing anything."""
    kept: list[int] = []
    size = 4 if recipe.precision == "32-true" else 2
    with torch.device("meta"):
        network = UNet3D(recipe.network)
        for module in network.modules():
            if not list(module.children()):
                module.register_forward_hook(lambda _module, _inputs, output: kept.append(output.numel()))
        network(torch.empty(1, recipe.network.in_channels, *recipe.patch_size))
    return sum(parameter.numel() for parameter in network.parameters()), size * sum(kept)


def duration(seconds: float) -> str:
    """A time in the unit that fits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
