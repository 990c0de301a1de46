"""The Lightning module: network, region loss with deep supervision, AdamW with a one-cycle schedule."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import LightningModule
from monai.losses import DiceLoss
from torch import Tensor, nn

from tumorseg.network import UNet3D
from tumorseg_training.recipe import Recipe


class SegmentationModule(LightningModule):
    """Trains a ``UNet3D`` on patches of nested regions."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = UNet3D(recipe.network)
        # The smoothing term of 1 keeps a useful gradient in patches without the region.
        self.dice = DiceLoss(sigmoid=True, batch=True, smooth_nr=1.0, smooth_dr=1.0)
        self.bce = nn.BCEWithLogitsLoss()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Loss of a batch (patches (batch, channel, z, y, x), masks (batch, region, z, y, x))."""
        patches, masks = batch
        outputs = self.network(patches)
        loss = self.supervised_loss(outputs if isinstance(outputs, list) else [outputs], masks)
        self.log("loss", loss, prog_bar=True)
        return loss

    def supervised_loss(self, outputs: list[Tensor], masks: Tensor) -> Tensor:
        """Dice + BCE over all heads, weights 1, 1/2, 1/4 … normalised (nnU-Net's deep supervision)."""
        weights = [0.5**level for level in range(len(outputs))]
        loss = torch.zeros((), device=masks.device)
        for level, (weight, logits) in enumerate(zip(weights, outputs, strict=True)):
            target = nn.functional.max_pool3d(masks, 2**level) if level else masks
            loss = loss + weight * (self.dice(logits.float(), target) + self.bce(logits.float(), target))
        return loss / sum(weights)

    def configure_optimizers(self) -> Any:
        """AdamW and a one-cycle schedule over the recipe's steps."""
        optimizer = torch.optim.AdamW(
            self.parameters(), lr=self.recipe.learning_rate, weight_decay=self.recipe.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self.recipe.learning_rate, total_steps=self.recipe.steps, pct_start=0.1
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
