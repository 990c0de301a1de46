"""``metrics.csv``: one row per epoch, one file however often a run was interrupted."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from tumorseg.atomic import atomic_path
from tumorseg_training.clock import Clock, diagnosis
from tumorseg_training.paper_metrics import PAPER_METRICS

VALIDATED = (
    "validation_loss",
    "dice_WT",
    "dice_TC",
    "dice_ET",
    "dice_mean",
    *PAPER_METRICS,
    "nothing_dice_mean",
)
"""Columns of a validation; empty in the epochs without one."""

COLUMNS = (
    "epoch",
    "step",
    "train_loss",
    *VALIDATED,
    "learning_rate",
    "samples_per_second",
    "data_wait_share",
    "seconds",
)

Row = dict[str, float]


class EpochTable(Callback):
    """Collects the rows, writes the file after each epoch and says a line.

    The rows are part of the checkpoint: a run that goes on continues the table from there, without the epochs that were
    lost.

    Args:
        path: of the file.
        clock: that measures the epochs.
        epochs: of the whole run.
        workers: that load data.
        say: prints a line.
    """

    def __init__(self, path: Path, clock: Clock, epochs: int, workers: int, say: Callable[[str], None]) -> None:
        self.path, self.clock, self.epochs, self.workers, self.say = path, clock, epochs, workers, say
        self.rows: list[Row] = []
        self.validated = False
        self.advised = False
        self.warned = False

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note that this epoch has a validation."""
        self.validated = True

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the row of the epoch and write the file."""
        figures = self.clock.figures()
        wanted = ("train_loss", *(VALIDATED if self.validated else ()))
        logged = {name: float(trainer.callback_metrics[name]) for name in wanted if name in trainer.callback_metrics}
        rate = float(trainer.optimizers[0].param_groups[0]["lr"])
        epoch = trainer.current_epoch
        self.rows.append({"epoch": epoch, "step": trainer.global_step, **logged, "learning_rate": rate, **figures})
        self.validated = False
        for logger in trainer.loggers:
            logger.log_metrics({"learning_rate": rate, **figures}, step=trainer.global_step)
        if trainer.is_global_zero:
            self._write_or_warn()
            self._tell(self.rows[-1])

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write what the last epochs could not."""
        if trainer.is_global_zero and self.warned:
            self._write_or_warn()

    def state_dict(self) -> dict[str, Any]:
        """The rows."""
        return {"rows": [dict(row) for row in self.rows]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the rows of a checkpoint."""
        self.rows = list(state_dict["rows"])

    def _write_or_warn(self) -> None:
        """Go on without a file that Windows does not replace while Excel shows it; the rows are kept."""
        try:
            self._write()
        except PermissionError as error:
            if not self.warned:
                self.say(
                    f"{self.path} cannot be replaced ({error.strerror}), perhaps because another program shows it; "
                    "the training goes on, and its rows are written after a later epoch."
                )
            self.warned = True

    def _write(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: f"{value:.7g}" for name, value in row.items()} for row in self.rows)
        with atomic_path(self.path) as temporary:
            temporary.write_text(text.getvalue())

    def _tell(self, row: Row) -> None:
        self.say(epoch_line(row, self.epochs))
        advice = diagnosis(row["data_wait_share"], row["seconds"], self.workers)
        if advice and not self.advised:
            self.say(advice)
            self.advised = True


def nothing_found(rows: Sequence[Row]) -> str:
    """A sentence where no validation scored above predicting nothing; empty otherwise, and without validations."""
    validations = [row for row in rows if "dice_mean" in row]
    if not validations or any(row["dice_mean"] > row["nothing_dice_mean"] for row in validations):
        return ""
    best = max(row["dice_mean"] for row in validations)
    return (
        f"No validation scored above predicting nothing (mean Dice {best:.3f} at best, predicting nothing "
        f"{validations[-1]['nothing_dice_mean']:.3f}): the model has not learned to find tumors. Train longer, or "
        "check the data with tumorseg-train audit."
    )


def epoch_line(row: Row, epochs: int) -> str:
    """What is said of an epoch."""
    parts = [f"epoch {row['epoch'] + 1:.0f}/{epochs}", f"loss {row['train_loss']:.4f}"]
    dice = [f"{region} {row[f'dice_{region}']:.3f}" for region in ("WT", "TC", "ET") if f"dice_{region}" in row]
    if dice:
        parts.append(f"Dice {' '.join(dice)} (predicting nothing: mean {row['nothing_dice_mean']:.3f})")
    parts.append(f"{row['samples_per_second']:.3g} samples/s, {100 * row['data_wait_share']:.0f} % waiting for data")
    return ", ".join(parts)
