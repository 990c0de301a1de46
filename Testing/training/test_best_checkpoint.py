"""The best validation of a run: also where Dice ties, and known again wherever its folder lies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.demos.boring_classes import BoringModel

from tumorseg_training.best_checkpoint import BestCheckpoint


class Scored(BoringModel):
    """Validates with the Dice that it is told, and with the loss, one per epoch."""

    def __init__(self, dice: list[float], losses: list[float]) -> None:
        super().__init__()
        self.dice, self.losses = dice, losses

    def on_validation_epoch_end(self) -> None:
        self.log("dice_mean", self.dice[self.current_epoch])
        self.log("validation_loss", self.losses[self.current_epoch])


def train(run: Path, dice: list[float], goes_on: bool = False, losses: list[float] | None = None) -> None:
    last = ModelCheckpoint(run, "last", enable_version_counter=False, save_on_train_epoch_end=True)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=len(dice),
        limit_train_batches=1,
        limit_val_batches=1,
        num_sanity_val_steps=0,
        callbacks=[BestCheckpoint(run), last],
        default_root_dir=run,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    path = str(run / "last.ckpt") if goes_on else None
    trainer.fit(Scored(dice, losses or [1.0] * len(dice)), ckpt_path=path, weights_only=True)


def best_epoch(run: Path) -> int:
    return int(torch.load(run / "best.ckpt", weights_only=True)["epoch"])


@pytest.mark.filterwarnings("ignore")
def test_a_run_that_was_moved_keeps_its_best_validation(tmp_path: Path) -> None:
    train(tmp_path / "run", [0.9, 0.1])
    shutil.move(tmp_path / "run", tmp_path / "moved")
    train(tmp_path / "moved", [0.9, 0.1, 0.2, 0.3], goes_on=True)
    assert best_epoch(tmp_path / "moved") == 0
    train(tmp_path / "moved", [0.9, 0.1, 0.2, 0.3, 0.95], goes_on=True)
    assert best_epoch(tmp_path / "moved") == 4
    assert not (tmp_path / "run").exists()


@pytest.mark.filterwarnings("ignore")
def test_of_equal_dice_the_lower_loss_is_best(tmp_path: Path) -> None:
    train(tmp_path, [0.0, 0.0, 0.0], losses=[0.9, 0.5, 0.7])
    assert best_epoch(tmp_path) == 1
    train(tmp_path, [0.0] * 4, goes_on=True, losses=[0.9, 0.5, 0.7, 0.6])
    assert best_epoch(tmp_path) == 1
    train(tmp_path, [0.0] * 5, goes_on=True, losses=[0.9, 0.5, 0.7, 0.6, 0.4])
    assert best_epoch(tmp_path) == 4
    train(tmp_path, [0.0] * 5 + [0.1, 0.1], goes_on=True, losses=[0.9, 0.5, 0.7, 0.6, 0.4, 0.8, 0.9])
    assert best_epoch(tmp_path) == 5


def test_runs_of_older_versions_are_understood(tmp_path: Path) -> None:
    older = ModelCheckpoint(tmp_path, "best", monitor="dice_mean", mode="max", enable_version_counter=False)
    assert BestCheckpoint(tmp_path).state_key == older.state_key
