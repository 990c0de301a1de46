"""The checkpoint of the best validation, also where Dice ties, and of a run whose folder was moved."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor


class BestCheckpoint(ModelCheckpoint):
    """The highest mean Dice, and of those that are equal (as 0 is, at first) that with the lowest validation loss.

    Lightning's keeps the first of them, and forgets the best validation when its folder has another name: then a worse
    one counts as best.

    Args:
        run: folder of the run.
    """

    def __init__(self, run: Path) -> None:
        super().__init__(run, "best", monitor="dice_mean", mode="max", enable_version_counter=False)
        self.best_loss = math.inf

    @property
    def state_key(self) -> str:
        """That of Lightning's, under which runs of older versions keep it."""
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__, 1)

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        """Whether a validation is the best so far, the same on every process; Lightning saves those that are."""
        best = super().check_monitor_top_k(trainer, current)
        loss = float(trainer.callback_metrics.get("validation_loss", math.inf))
        if not best and current is not None and current == self.best_k_models[self.kth_best_model_path]:
            best = loss < self.best_loss
        if best:
            self.best_loss = loss
        return best

    def state_dict(self) -> dict[str, Any]:
        """Lightning's, and the loss."""
        return {**super().state_dict(), "best_loss": self.best_loss}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what a checkpoint knows, for the folder in which the run lies now."""
        here = {
            "dirpath": self.dirpath,
            "best_k_models": {self._here(path): score for path, score in state_dict["best_k_models"].items()},
            **{name: self._here(state_dict[name]) for name in ("best_model_path", "kth_best_model_path")},
        }
        super().load_state_dict({**state_dict, **here})
        self.best_loss = state_dict.get("best_loss", math.inf)  # unknown to runs of older versions

    def _here(self, path: str) -> str:
        return str(Path(self.dirpath or "") / Path(path).name) if path else path
