"""Where the time of an epoch goes: samples per second, and the share spent on waiting for data."""

from __future__ import annotations

import time
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

HIGH_WAIT = 0.2
"""Share of an epoch spent on waiting for data above which the user is told what to do."""

SHORT_EPOCH_SECONDS = 5.0
"""Shorter epochs say nothing about the loading of data."""


class Clock(Callback):
    """Measures the training steps of an epoch; validation does not count.

    Args:
        batch_size: patches per step, over all processes.
    """

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Ask the module to tell when a batch has come out of the loader."""
        pl_module.when_data_arrives = self.data_arrived  # type: ignore[assignment]

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start anew."""
        self.started = self.mark = time.perf_counter()
        self.waited = self.worked = 0.0
        self.steps = 0

    def data_arrived(self) -> None:
        """The next batch is there; what follows is work."""
        self.waited += self._lap()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """The step is done; what follows is waiting."""
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize(pl_module.device)
        self.worked += self._lap()
        self.steps += 1

    def figures(self) -> dict[str, float]:
        """``samples_per_second`` and ``data_wait_share`` of the steps, ``seconds`` of the epoch with validation."""
        busy = max(self.waited + self.worked, 1e-9)
        return {
            "samples_per_second": self.steps * self.batch_size / busy,
            "data_wait_share": self.waited / busy,
            "seconds": time.perf_counter() - self.started,
        }

    def _lap(self) -> float:
        now = time.perf_counter()
        lap, self.mark = now - self.mark, now
        return lap


def diagnosis(wait_share: float, seconds: float, workers: int) -> str | None:
    """One line on what to do about waiting for data; None when there is nothing to do."""
    if wait_share < HIGH_WAIT or seconds < SHORT_EPOCH_SECONDS:
        return None
    more = f"--workers {max(2, 2 * workers)}"
    return (
        f"{100 * wait_share:.0f} % of the time went into waiting for data: try {more}, or put the prepared folder on a "
        "faster disk."
    )
