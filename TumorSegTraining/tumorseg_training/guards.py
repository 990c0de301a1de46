"""Callbacks that act on the loss: a stop in words when it is no number, a lower learning rate when it rests."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch.optim.lr_scheduler import ReduceLROnPlateau

from tumorseg.errors import BadInputError
from tumorseg_training.recipe import Recipe

STEPS_BETWEEN_LOOKS = 20
"""A look at the loss waits for the GPU, so it is taken now and then, and always before a checkpoint."""


class NanGuard(Callback):
    """Ends a training whose loss is not a number any more, before a checkpoint of it is written."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Nothing is wrong yet."""
        self.finite = torch.ones((), dtype=torch.bool, device=pl_module.device)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Remember a bad loss, and look now and then."""
        self.finite &= torch.isfinite(outputs["loss"].detach())
        if batch_idx % STEPS_BETWEEN_LOOKS == 0 or pl_module.device.type == "cpu":
            self._look(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look before the checkpoint."""
        self._look(trainer)

    def _look(self, trainer: Trainer) -> None:
        if not self.finite:
            raise BadInputError(
                f"The loss became infinite or not a number around step {trainer.global_step}; train with a lower "
                "learning_rate, or with precision 32-true."
            )


class PlateauSchedule(Callback):
    """Lowers the learning rate when the validation loss does not get better, and remembers that over a restart.

    (Lightning steps such a schedule after the epoch's checkpoint, so that a run that goes on would miss a step.)
    """

    def __init__(self, recipe: Recipe) -> None:
        self.patience, self.factor = recipe.plateau_patience, recipe.plateau_factor
        self.state: dict[str, Any] | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Watch the optimiser."""
        self.schedule = ReduceLROnPlateau(trainer.optimizers[0], factor=self.factor, patience=self.patience, eps=0.0)
        if self.state is not None:
            self.schedule.load_state_dict(self.state)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """One step with the new loss."""
        self.schedule.step(float(trainer.callback_metrics["validation_loss"]))

    def state_dict(self) -> dict[str, Any]:
        """Best loss and how long ago it was."""
        return self.schedule.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Taken over when training starts."""
        self.state = state_dict
