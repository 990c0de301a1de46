"""The checkpoint of the best validation, also of a run whose folder was moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint


class BestCheckpoint(ModelCheckpoint):
    """Lightning's, which forgets the best validation when its folder has another name: then a worse one counts as best.

    Args:
        run: folder of the run.
    """

    def __init__(self, run: Path) -> None:
        super().__init__(run, "best", monitor="dice_mean", mode="max", enable_version_counter=False)

    @property
    def state_key(self) -> str:
        """That of Lightning's, under which runs of older versions keep it."""
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__, 1)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what a checkpoint knows, for the folder in which the run lies now."""
        here = {
            "dirpath": self.dirpath,
            "best_k_models": {self._here(path): score for path, score in state_dict["best_k_models"].items()},
            **{name: self._here(state_dict[name]) for name in ("best_model_path", "kth_best_model_path")},
        }
        super().load_state_dict({**state_dict, **here})

    def _here(self, path: str) -> str:
        return str(Path(self.dirpath or "") / Path(path).name) if path else path
