"""What a training will take, said before it starts: cases, patches, memory, disk and time."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from tumorseg.network import UNet3D
from tumorseg.predictor import wanted_mirrorings
from tumorseg.tiles import padded_size, tile_starts
from tumorseg_training.hardware import Hardware
from tumorseg_training.recipe import Recipe
from tumorseg_training.run_model import model_spec
from tumorseg_training.speed import step_seconds, tile_seconds
from tumorseg_training.training_case import TrainingCase

COPIES_OF_WEIGHTS = 5
"""Weights, gradients, two moments of the optimiser, average."""

SCORING_SECONDS = 4e-7
"""Per voxel of a validation case, for loss, rules and scores: 1.5 s for a brain of BraTS on one core (AMD EPYC)."""

GIB = 2**30

MOST_OF_START = 0.1
"""Share of the first weights in the moving average from which on the average is of little use."""

FORGOTTEN = 0.01
"""Such a share is none."""


@dataclass(frozen=True)
class Plan:
    """A training before it starts.

    Attributes:
        training_cases, validation_cases, groups: numbers.
        patch_size: (z, y, x) voxels.
        samples_per_epoch, steps_per_epoch, epochs: numbers.
        validate_every: epochs between validations.
        device: where it runs; ``processes`` of them.
        precision: number format.
        processes: of the training.
        parameters: of the network.
        memory_gib: estimate for one process: weights and what a step keeps for its gradients.
        data_gib: of the cache that is read, which the system keeps in memory where it fits.
        disk_gib: of the run folder at most; ``disk_free_gib`` is there.
        disk_free_gib: on the disk of the run folder.
        seconds_per_step: measured with one step on empty patches.
        seconds_per_validation: from the measured time of one tile.
        start_share: of the weights of the beginning in the moving average at the end, which is what is kept.
    """

    training_cases: int
    validation_cases: int
    groups: int
    patch_size: tuple[int, int, int]
    samples_per_epoch: int
    steps_per_epoch: int
    epochs: int
    validate_every: int
    device: str
    precision: str
    processes: int
    parameters: int
    memory_gib: float
    data_gib: float
    disk_gib: float
    disk_free_gib: float
    seconds_per_step: float
    seconds_per_validation: float
    start_share: float

    @property
    def seconds_per_epoch(self) -> float:
        """Without validation."""
        return self.seconds_per_step * self.steps_per_epoch

    @property
    def seconds_in_all(self) -> float:
        """With all validations."""
        validations = -(-self.epochs // self.validate_every)  # the last epoch always has one
        return self.seconds_per_epoch * self.epochs + self.seconds_per_validation * validations

    def values(self) -> dict[str, Any]:
        """As JSON, with the times that follow."""
        times = {"seconds_per_epoch": self.seconds_per_epoch, "seconds_in_all": self.seconds_in_all}
        return {**asdict(self), "patch_size": list(self.patch_size), **times}

    def text(self) -> str:
        """As lines for a person."""
        z, y, x = self.patch_size
        lines = [
            f"cases     {self.training_cases} to train on (from {self.groups} data folder(s)), "
            f"{self.validation_cases} to validate on",
            f"patches   {x} x {y} x {z} voxels, {self.samples_per_epoch} per epoch in {self.steps_per_epoch} steps, "
            f"{self.epochs} epochs",
            f"network   {self.parameters:,} parameters on {self.device} in {self.precision}, "
            f"{self.processes} process(es)",
            f"memory    about {self.memory_gib:.1f} GB per process; {self.data_gib:.1f} GB of prepared data",
            f"disk      up to {self.disk_gib:.2f} GB for the run folder, {self.disk_free_gib:.0f} GB are free",
            f"time      about {self._times()}, {duration(self.seconds_in_all)} in all",
        ]
        return "\n".join(lines)

    def _times(self) -> str:
        training = f"{duration(self.seconds_per_epoch)} of training per epoch"
        if not self.validation_cases:
            return training
        often = "every epoch" if self.validate_every == 1 else f"every {self.validate_every} epochs"
        if self.epochs % self.validate_every:
            often = f"{often} and after the last" if self.epochs > self.validate_every else "after the last epoch"
        return f"{training}, {duration(self.seconds_per_validation)} of validation {often}"

    def warnings(self) -> list[str]:
        """What will not fit, or not do what it is for."""
        found = []
        if self.disk_gib > self.disk_free_gib:
            found.append(
                f"The disk has {self.disk_free_gib:.2f} GB free, the run folder may need {self.disk_gib:.2f} GB."
            )
        if self.start_share > MOST_OF_START:
            steps = self.steps_per_epoch * self.epochs
            found.append(
                f"After {steps} steps {self.start_share:.0%} of the averaged weights, which are kept, are still those "
                f"of the beginning; train longer, or lower ema_decay to {FORGOTTEN ** (1 / steps):.3f} or less."
            )
        if self.validation_cases and self.validate_every > self.epochs:
            found.append(
                f"validate_every = {self.validate_every} is more than the {self.epochs} epoch(s): only the last one is "
                "validated, so there is no choice of the best weights; lower validate_every."
            )
        return found


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
        validate_every=recipe.validate_every,
        device=hardware.accelerator,
        precision=recipe.precision,
        processes=hardware.processes,
        parameters=parameters,
        memory_gib=memory / GIB,
        data_gib=sum(array.nbytes for case in [*cases, *validation] for array in case.load()) / GIB,
        disk_gib=disk / GIB,
        disk_free_gib=shutil.disk_usage(run).free / GIB,
        seconds_per_step=step_seconds(recipe, share, hardware.accelerator),
        seconds_per_validation=_validation_seconds(recipe, validation, hardware),
        start_share=recipe.ema_decay ** (steps * recipe.epochs),
    )


def _validation_seconds(recipe: Recipe, cases: Sequence[TrainingCase], hardware: Hardware) -> float:
    """Of the process with the most tiles, which the others wait for."""
    if not cases:
        return 0.0
    tile = tile_seconds(recipe, hardware.accelerator) * len(wanted_mirrorings(model_spec(recipe)))
    shapes = [case.load()[1].shape for case in cases]
    each = [tile * _tiles(recipe, shape) + SCORING_SECONDS * math.prod(shape) for shape in shapes]
    return max(sum(each[process :: hardware.processes]) for process in range(hardware.processes))


def _tiles(recipe: Recipe, shape: Sequence[int]) -> float:
    """Of the engine's predictor in a crop (z, y, x); one pass takes as long as the patches that fill it."""
    if recipe.resized:
        return 1
    if recipe.single_pass:
        return math.prod(padded_size(shape, recipe.network.divisor)) / math.prod(recipe.patch_size)
    return math.prod(len(tile_starts(size, tile)) for size, tile in zip(shape, recipe.patch_size, strict=True))


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
