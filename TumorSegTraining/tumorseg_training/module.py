"""The Lightning module: what one training step and one validation case do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from tumorseg.network import UNet3D
from tumorseg.network_config import UNet3DConfig
from tumorseg.regions import REGIONS
from tumorseg_training.compiled import compiled_or_eager
from tumorseg_training.loss import supervised_loss
from tumorseg_training.patches import Patch, RawPatch
from tumorseg_training.recipe import Recipe
from tumorseg_training.schedule import make_optimizer, rate_factor
from tumorseg_training.training_case import TrainingCase
from tumorseg_training.validation import CaseRow, all_rows, summary, validate


class SegmentationModule(LightningModule):
    """Trains a ``UNet3D`` on patches of nested regions.

    Args:
        recipe: of the run.
        steps: optimiser steps of the whole run.
    """

    def __init__(self, recipe: Recipe, steps: int) -> None:
        super().__init__()
        self.recipe = recipe
        self.total_steps = steps
        self.network = UNet3D(recipe.network)
        self.network.to(memory_format=memory_format(recipe.network))  # type: ignore[call-overload]
        self.rows: list[CaseRow] = []
        self.when_data_arrives: Callable[[], None] = _nothing
        self._forward: list[Any] = []  # a list, so that the compiled network is not registered a second time

    def on_fit_start(self) -> None:
        """Compile the network where the recipe asks for it."""
        compiled = self.recipe.compile
        self._forward = [compiled_or_eager(self.network, self.recipe, self.device) if compiled else self.network]

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Move raw patches as they are (float16, uint8) and shape and change them on the device."""
        if self.trainer.training:
            self.when_data_arrives()
        if batch and isinstance(batch[0], RawPatch):
            return [raw.to(device).finish(self.recipe.patch_size) for raw in batch]
        return batch

    def training_step(self, batch: list[Patch], batch_idx: int) -> Tensor:
        """Loss of the global batch, from this process's patches."""
        images, masks, known = collate(batch, self.recipe.regions)
        outputs = self._forward[0](images.contiguous(memory_format=memory_format(self.recipe.network)))
        heads = outputs if isinstance(outputs, list) else [outputs]
        loss = supervised_loss(heads, masks, known, self.recipe.loss, self.recipe.entropy_weight)
        self.log("train_loss", loss, prog_bar=True, on_step=False, on_epoch=True, batch_size=len(batch))
        return loss

    def validation_step(self, batch: list[TrainingCase], batch_idx: int) -> None:
        """Run the engine's predictor on a case and keep its row; a process may have none left."""
        self.rows.extend(validate(case, self.network, self.recipe, self.device) for case in batch)

    def on_validation_epoch_end(self) -> None:
        """Gather the rows of all processes and log their means, on every process the same."""
        rows, self.rows = all_rows(self.rows), []
        for name, value in summary(rows).items():
            self.log(name, value, prog_bar=name == "dice_mean")

    def configure_optimizers(self) -> Any:
        """The recipe's optimiser, and its schedule by step (a plateau is watched by ``PlateauSchedule``)."""
        optimizer = make_optimizer(self.recipe, self.network.parameters())
        if self.recipe.schedule == "plateau":
            return optimizer
        schedule = LambdaLR(optimizer, rate_factor(self.recipe, self.total_steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def memory_format(config: UNet3DConfig) -> torch.memory_format:
    """Channels last, in which a CPU trains with group norm in 3/4 of the time; torch's instance norm is slow in it."""
    return torch.contiguous_format if config.norm == "instance" else torch.channels_last_3d


def _nothing() -> None:
    """Nobody measures."""


def collate(batch: Sequence[Patch], regions: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
    """One batch of patches.

    Returns:
        Intensities (batch, channel, z, y, x), truth (batch, region, z, y, x) float32 with 0 and 1, and whether each
        region is known (batch, region) float32.
    """
    images = torch.stack([patch.images for patch in batch])
    labels = torch.stack([patch.labels for patch in batch])
    masks = torch.stack([region_truth(labels, region) for region in regions], dim=1)
    known = [[not patch.undivided or region == "WT" for region in regions] for patch in batch]
    return images, masks, torch.tensor(known, dtype=torch.float32, device=images.device)


def region_truth(labels: Tensor, region: str) -> Tensor:
    """Truth of a region, float32 with 0 and 1, from engine labels of any shape."""
    inside = torch.zeros(256, dtype=torch.float32, device=labels.device)
    inside[list(REGIONS[region])] = 1
    return inside[labels.long()]
