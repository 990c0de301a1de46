"""A validation after the last epoch, however many epochs lie between validations."""

from __future__ import annotations

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback


class LastValidation(Callback):
    """Lightning validates after every n-th epoch alone, and the epochs after the last of these could never be the best.

    Args:
        epochs: of the whole run.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the last epoch be validated."""
        if trainer.current_epoch + 1 == self.epochs:
            trainer.check_val_every_n_epoch = 1
