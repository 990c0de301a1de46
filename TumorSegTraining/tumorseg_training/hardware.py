"""Where a training runs: device, processes, nodes and loading workers."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import torch
from lightning.pytorch.utilities import rank_zero_only

from tumorseg.errors import BadInputError
from tumorseg_training.recipe import AUTO, Recipe

MOST_WORKERS = 8

_BF16_ON_CPUS = ("avx512_bf16", "amx_bf16")
"""Instructions without which a CPU only imitates bfloat16, tens of times slower than float32."""

_BF16_CAPABILITY = 8
"""Compute capability of the first NVIDIA GPUs (Ampere) that have bfloat16."""


@dataclass(frozen=True)
class Hardware:
    """What the user asked for.

    Attributes:
        accelerator: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        devices: GPUs, or processes on the CPU, per node.
        nodes: computers.
        workers: threads that load data, per device; None for a choice.
    """

    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    workers: int | None = None

    @property
    def processes(self) -> int:
        """Of the training, over all nodes."""
        return self.devices * self.nodes

    def resolved(self) -> Hardware:
        """With a device and a number of workers that this machine has.

        On the CPU the training itself uses all cores, so nothing is left for workers.

        Raises:
            BadInputError: a device or a number of them that this machine does not have.
        """
        for name, value, lowest in (
            ("devices", self.devices, 1),
            ("nodes", self.nodes, 1),
            ("workers", self.workers or 0, 0),
        ):
            if value < lowest:
                raise BadInputError(f"--{name} must be {lowest} or more, got {value}.")
        accelerator = self._accelerator()
        if accelerator == "cuda" and self.devices > torch.cuda.device_count():
            raise BadInputError(f"--devices {self.devices}: this machine has {torch.cuda.device_count()} GPU(s).")
        if accelerator == "mps" and self.devices > 1:
            raise BadInputError(f"--devices {self.devices}: an Apple machine has one GPU.")
        cores = (os.cpu_count() or 1) // self.devices
        workers = 0 if accelerator == "cpu" else min(MOST_WORKERS, cores)
        return Hardware(accelerator, self.devices, self.nodes, workers if self.workers is None else self.workers)

    def _accelerator(self) -> str:
        usable = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
        if self.accelerator == "auto":
            return next(name for name, there in usable.items() if there)
        if not usable[self.accelerator]:
            raise BadInputError(f"--accelerator {self.accelerator}: PyTorch finds no such device; use auto or cpu.")
        return self.accelerator

    def with_precision(self, recipe: Recipe) -> Recipe:
        """The recipe with the fastest number format that is safe on this device, where it leaves the choice."""
        return replace(recipe, precision=self._precision()) if recipe.precision == AUTO else recipe

    def _precision(self) -> str:
        if self.accelerator == "cuda":
            return "bf16-mixed" if torch.cuda.get_device_capability()[0] >= _BF16_CAPABILITY else "16-mixed"
        return "bf16-mixed" if self.accelerator == "cpu" and cpu_has_bf16() else "32-true"

    @property
    def shares_batch_norm(self) -> bool:
        """Whether several processes have the statistics of one batch, which torch can do on GPUs alone."""
        return self.processes > 1 and self.accelerator == "cuda"

    def notes(self, recipe: Recipe) -> list[str]:
        """Where the processes, resolved, train something else than one would."""
        if self.processes == 1 or self.shares_batch_norm or recipe.network.norm != "batch":
            return []
        return [
            f"Batch norm is not shared by processes on the {self.accelerator}: each of the {self.processes} has the "
            f"statistics of {recipe.batch_size // self.processes} instead of {recipe.batch_size} patches, so the "
            "weights are others than those of one process; train with --devices 1 or another norm."
        ]

    def check(self, recipe: Recipe) -> None:
        """Refuse a batch that the processes cannot share equally, and a precision that the device does not have.

        Raises:
            BadInputError: naming them.
        """
        if recipe.precision == "16-mixed" and self.accelerator == "cpu":
            raise BadInputError(
                "The precision 16-mixed needs a GPU; set precision to bf16-mixed or 32-true in the recipe."
            )
        if recipe.batch_size % self.processes:
            raise BadInputError(
                f"A batch_size of {recipe.batch_size} cannot be shared by {self.processes} processes; set it to a "
                f"multiple of {self.processes} in the recipe or with --batch-size."
            )


def cpu_has_bf16() -> bool:
    """Whether the CPU computes bfloat16 itself; unknown, in old versions of torch, counts as no."""
    known: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(known.get(name) for name in _BF16_ON_CPUS)


def is_first_process() -> bool:
    """Whether this process writes and prints: the first of the first node.

    torchrun, SLURM and Lightning say so in variables of the environment; nodes that were started by hand have
    ``NODE_RANK``.
    """
    return not getattr(rank_zero_only, "rank", 0) and os.environ.get("NODE_RANK", "0") == "0"
