"""Lightning's trainer as the recipes need it."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    EMAWeightAveraging,
    ModelCheckpoint,
    TQDMProgressBar,
)
from lightning.pytorch.loggers import TensorBoardLogger

from tumorseg_training.best_checkpoint import BestCheckpoint
from tumorseg_training.checkpoint_file import AtomicCheckpointIO
from tumorseg_training.clock import Clock
from tumorseg_training.epoch_table import EpochTable
from tumorseg_training.guards import NanGuard, PlateauSchedule
from tumorseg_training.hardware import Hardware
from tumorseg_training.last_validation import LastValidation
from tumorseg_training.recipe import Recipe
from tumorseg_training.run_folder import METRICS_FILE, TENSORBOARD_FOLDER

_LIGHTNING = {"cuda": "gpu", "mps": "mps", "cpu": "cpu"}


def say(line: str) -> None:
    """Print at once, also into a file or a pipe."""
    print(line, flush=True)


def make_trainer(recipe: Recipe, run: Path, hardware: Hardware, validated: bool) -> Trainer:
    """The trainer of a run.

    Args:
        recipe: of the run.
        run: its folder.
        hardware: resolved.
        validated: whether there are cases to validate on.
    """
    quiet_lightning()
    return Trainer(
        max_epochs=recipe.epochs,
        accelerator=_LIGHTNING[hardware.accelerator],
        devices=hardware.devices,
        num_nodes=hardware.nodes,
        strategy="ddp" if hardware.processes > 1 else "auto",
        sync_batchnorm=hardware.shares_batch_norm,
        use_distributed_sampler=False,  # TrainingData knows which samples are whose
        precision=recipe.precision,  # type: ignore[arg-type]
        default_root_dir=run,
        logger=TensorBoardLogger(run, name="", version=TENSORBOARD_FOLDER),
        plugins=[AtomicCheckpointIO()],
        callbacks=_callbacks(recipe, run, hardware, validated),
        check_val_every_n_epoch=recipe.validate_every,
        limit_val_batches=1.0 if validated else 0,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        gradient_clip_val=recipe.gradient_clip or None,
        enable_model_summary=False,
        enable_progress_bar=sys.stderr.isatty(),
    )


def _callbacks(recipe: Recipe, run: Path, hardware: Hardware, validated: bool) -> list[Callback]:
    clock = Clock(recipe.batch_size)
    table = EpochTable(run / METRICS_FILE, clock, recipe.epochs, hardware.workers or 0, say)
    callbacks: list[Callback] = [NanGuard(), clock, table]
    if sys.stderr.isatty():
        callbacks.append(TQDMProgressBar(leave=False))
    if recipe.ema_decay:
        callbacks.insert(0, EMAWeightAveraging(decay=recipe.ema_decay))
    if validated and recipe.schedule == "plateau":
        callbacks.append(PlateauSchedule(recipe))
    if validated and recipe.early_stopping:
        callbacks.append(
            EarlyStopping("validation_loss", patience=recipe.early_stopping, check_on_train_epoch_end=False)
        )
    if validated:
        callbacks += [LastValidation(recipe.epochs), BestCheckpoint(run)]
    # The last one, so that it holds what the others know of the epoch.
    callbacks.append(ModelCheckpoint(run, "last", enable_version_counter=False, save_on_train_epoch_end=True))
    return callbacks


def quiet_lightning() -> None:
    """Leave out Lightning's advertisements and its warnings of what is meant to be.

    The run folder exists already; loading with few or no workers is measured and reported by our own clock.
    """
    for name in ("utilities.rank_zero", "accelerators.cuda", "strategies.launchers.subprocess_script"):
        logging.getLogger(f"lightning.pytorch.{name}").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    for message in (
        ".*exists and is not empty.*",
        ".*isinstance.treespec, LeafSpec.*",
        ".*does not have many workers.*",
        ".*recommended to use `self.log.*sync_dist=True.*",  # what is logged is the same on every process
        ".*overridden `transfer_batch_to_device`.*",
    ):
        warnings.filterwarnings("ignore", message=message)
