"""The best validation of a run is known again wherever its folder lies."""

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
    """Validates with the Dice that it is told, one per epoch."""

    def __init__(self, dice: list[float]) -> None:
        super().__init__()
        self.dice = dice

    def on_validation_epoch_end(self) -> None:
        self.log("dice_mean", self.dice[self.current_epoch])


def train(run: Path, dice: list[float], goes_on: bool = False) -> None:
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
    trainer.fit(Scored(dice), ckpt_path=path, weights_only=True)


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


def test_runs_of_older_versions_are_understood(tmp_path: Path) -> None:
    older = ModelCheckpoint(tmp_path, "best", monitor="dice_mean", mode="max", enable_version_counter=False)
    assert BestCheckpoint(tmp_path).state_key == older.state_key
