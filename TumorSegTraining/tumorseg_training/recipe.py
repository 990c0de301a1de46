"""Recipes: everything that decides a training run, as a dataclass that refuses what cannot be trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tumorseg.modelfile import NORMALISATIONS, are_guides, input_count
from tumorseg.network_config import UNet3DConfig
from tumorseg.regions import REGIONS
from tumorseg.sequences import SEQUENCES
from tumorseg_training.augment_recipe import Augmentation

LOSSES = ("dice_bce", "bce")
OPTIMIZERS = ("adamw", "adam", "sgd")
SCHEDULES = ("poly", "cosine", "constant", "plateau")
KEEPERS = ("best", "last")

AUTO = "auto"
PRECISIONS = (AUTO, "32-true", "bf16-mixed", "16-mixed")
"""Lightning's names of the number formats in which these networks are trained, and the choice by device."""

MAX_SEED = 2**32 - 1
"""Of numpy's generators; Lightning takes 0 for anything above."""

LEAST_SPACING, GREATEST_SPACING = 0.5, 4.0
"""Voxel sizes at which brains can be cached and networks trained, mm."""

_CHOICES = {
    "normalisation": NORMALISATIONS,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "precision": PRECISIONS,
    "keep": KEEPERS,
}
_NUMBERS = {
    "learning_rate": (1e-9, 1.0),
    "weight_decay": (0.0, 1.0),
    "momentum": (0.0, 0.9999),
    "plateau_factor": (0.01, 0.99),
    "spacing": (LEAST_SPACING, GREATEST_SPACING),
    "foreground": (0.0, 1.0),
    "entropy_weight": (0.0, 1000.0),
    "ema_decay": (0.0, 1.0),
    "initial_share": (0.0, 1.0),
    "gradient_clip": (0.0, 1e6),
}
_WHOLE = {
    "batch_size": 1,
    "epochs": 1,
    "steps_per_epoch": 0,
    "warm_up_steps": 0,
    "plateau_patience": 0,
    "early_stopping": 0,
    "validate_every": 1,
}
_OVER_VOXELS = ("instance", "batch")
"""Norms that need several voxels; torch refuses batch norm with a batch of one only, but so few values tell nothing."""
_SWITCHES = ("resized", "single_pass", "tta", "other_half", "compile")


@dataclass(frozen=True)
class Recipe:
    """A training run; values that cannot be trained raise a ``ValueError`` that says so.

    Attributes:
        name: of the preset.
        network: configuration of the network.
        augmentation: random changes of the patches.
        channels: sequences, in the network's input order.
        regions: output regions.
        normalisation: of the intensities, as in the model file.
        resized: whether each brain is stretched to ``patch_size`` as a whole, instead of cut into patches.
        single_pass: whether the network is run on the brain crop in one pass: a patch holds a whole brain, or the norm
            does not depend on the field of view.
        tta: whether the model's predictions are averaged over the mirrorings of the augmentation.
        other_half: whether the network also sees the difference of each channel from the other half of the brain, for
            which it has as many more inputs.
        guides: channels that the model's outlines follow between the network's voxels.
        spacing: voxel size along each axis, mm; that of the prepared folder.
        patch_size: (z, y, x) voxels.
        batch_size: patches per step, over all processes together.
        epochs: at most; an epoch ends with a checkpoint and a row of metrics.
        steps_per_epoch: optimiser steps; 0 for one pass over the cases.
        shares: how often patches come from each data folder, by its name in the prepared folder; 1 without an entry.
        donors: data folders whose tumors are transplanted; all of them when empty.
        foreground: share of patches that are centred on a tumor voxel, its label drawn uniformly.
        loss: ``dice_bce`` (Dice of each region over the batch, and binary cross-entropy) or ``bce``.
        entropy_weight: of the cross-entropy beside Dice in ``dice_bce``.
        optimizer: ``adamw``, ``adam`` or ``sgd`` (Nesterov).
        learning_rate: at the start, or after the warm-up.
        weight_decay: of the optimiser.
        momentum: of ``sgd``.
        schedule: ``poly`` (power 0.9) or ``cosine`` to 0 over all steps, ``constant``, or ``plateau``.
        warm_up_steps: during which the learning rate rises from 0; not with ``plateau``.
        plateau_patience: validations without a better loss after which the learning rate falls.
        plateau_factor: by which it falls.
        early_stopping: validations without a better loss after which training ends; 0 for never.
        gradient_clip: largest norm of the gradient; 0 for no limit.
        ema_decay: decay of the averaged weights that are validated and exported; 0 for none.
        precision: number format, one of ``PRECISIONS``; ``auto`` until it is known where the training runs.
        compile: whether ``torch.compile`` is tried.
        validate_every: epochs between validations.
        keep: whether the weights of the ``best`` validation (mean Dice over the regions) or the ``last`` are exported.
        seed: of every random choice.
        initial: model file or name of a model whose weights training starts from; random ones when empty.
        initial_share: part that the initial weights have in the resulting ones, after the training.
    """

    name: str
    network: UNet3DConfig
    augmentation: Augmentation = field(default_factory=Augmentation)
    channels: tuple[str, ...] = SEQUENCES
    regions: tuple[str, ...] = tuple(REGIONS)
    normalisation: str = "zscore-brain"
    resized: bool = False
    single_pass: bool = False
    tta: bool = False
    other_half: bool = False
    guides: tuple[str, ...] = ()
    spacing: float = 1.0
    patch_size: tuple[int, int, int] = (96, 96, 96)
    batch_size: int = 2
    epochs: int = 100
    steps_per_epoch: int = 250
    shares: Mapping[str, float] = field(default_factory=dict)
    donors: tuple[str, ...] = ()
    foreground: float = 0.5
    loss: str = "dice_bce"
    entropy_weight: float = 1.0
    optimizer: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    momentum: float = 0.99
    schedule: str = "cosine"
    warm_up_steps: int = 0
    plateau_patience: int = 10
    plateau_factor: float = 0.5
    early_stopping: int = 0
    gradient_clip: float = 12.0
    ema_decay: float = 0.999
    precision: str = AUTO
    compile: bool = False
    validate_every: int = 1
    keep: str = "best"
    seed: int = 0
    initial: str = ""
    initial_share: float = 0.0

    def __post_init__(self) -> None:
        for name, lowest in _WHOLE.items():
            _check_whole(name, getattr(self, name), lowest)
        _check_whole("seed", self.seed, 0, MAX_SEED)
        for name, (least, greatest) in _NUMBERS.items():
            _check_number(name, getattr(self, name), least, greatest)
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}")
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, got {getattr(self, name)!r}")
        if self.ema_decay == 1:
            raise ValueError("ema_decay must be below 1, with which the averaged weights never learn, got 1")
        _check_patch_size(self.patch_size, self.network)
        _check_texts(self.initial, self.donors)
        _check_channels(self.channels, self.other_half, self.network.in_channels)
        if not are_guides(self.guides, self.channels):
            raise ValueError(f"guides must be different ones of the channels, got {self.guides!r}")
        _check_regions(self.regions, self.network.out_channels)
        if self.resized and self.single_pass:
            raise ValueError("resized and single_pass exclude each other: a stretched brain is not a crop")
        if self.resized and self.shares:
            raise ValueError("resized and [shares] exclude each other: stretched, each case is seen once in every pass")
        if self.tta and not self.augmentation.mirror:
            raise ValueError("tta needs augmentation.mirror above 0: a network is mirrored only as it was trained")
        if self.schedule == "plateau" and self.warm_up_steps:
            raise ValueError("warm_up_steps must be 0 with the schedule plateau")

        for name, share in self.shares.items():
            _check_number(f"shares.{name}", share, 0.0, 1e6)

    def steps(self, cases: int) -> int:
        """Optimiser steps of an epoch with so many training cases."""
        return self.steps_per_epoch or max(1, cases // self.batch_size)


def _check_whole(name: str, value: object, lowest: int, highest: int | None = None) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < lowest or (highest is not None and value > highest):  # type: ignore[operator]
        limits = f"from {lowest}" if highest is None else f"from {lowest} to {highest}"
        raise ValueError(f"{name} must be a whole number {limits}, got {value!r}")


def _check_number(name: str, value: object, lowest: float, highest: float) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not lowest <= value <= highest:
        raise ValueError(f"{name} must be a number from {lowest:g} to {highest:g}, got {value!r}")


def _check_patch_size(size: Any, network: UNet3DConfig) -> None:
    divisor = network.divisor
    whole = isinstance(size, tuple) and len(size) == 3 and all(isinstance(length, int) for length in size)
    if not whole or any(length < 1 or length % divisor for length in size):
        raise ValueError(f"patch_size must be three positive multiples of {divisor}, got {size!r}")
    if set(size) == {divisor} and network.norm in _OVER_VOXELS:
        raise ValueError(
            f"patch_size must be more than {divisor} along an axis, got {size!r}: of the single voxel at the deepest "
            f"level of the network the norm {network.norm!r} has no spread"
        )


def _check_texts(initial: Any, donors: Any) -> None:
    if not isinstance(initial, str):
        raise ValueError(f"initial must be the name or the file of a model in quotes, got {initial!r}")
    if not isinstance(donors, tuple) or not all(isinstance(name, str) for name in donors):
        raise ValueError(f'donors must be a list of data folders such as ["brats2021"], got {donors!r}')


def _check_channels(channels: Sequence[str], other_half: bool, inputs: int) -> None:
    listed = isinstance(channels, tuple) and all(isinstance(name, str) for name in channels)
    if not listed or len(set(channels)) != len(channels) or not set(channels) <= set(SEQUENCES):
        raise ValueError(f"channels must be different ones of {', '.join(SEQUENCES)}, got {channels!r}")
    if input_count(channels, other_half) != inputs:
        doubled = ", each with its difference from the other half" if other_half else ""
        raise ValueError(f"the network takes {inputs} input channels, but {len(channels)} are named{doubled}")


def _check_regions(regions: tuple[str, ...], outputs: int) -> None:
    if regions not in (("WT",), tuple(REGIONS)):
        raise ValueError(f"regions must be [WT] or [{', '.join(REGIONS)}], got {regions!r}")
    if len(regions) != outputs:
        raise ValueError(f"the network makes {outputs} outputs, but {len(regions)} regions are named")
