"""Checkpoints that are either whole or not there, and loaded without running what is in them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.utilities import rank_zero_warn

from tumorseg.atomic import atomic_path
from tumorseg.errors import BadInputError
from tumorseg_training.run_folder import BEST_CHECKPOINT, LAST_CHECKPOINT, PREVIOUS_CHECKPOINT


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's checkpoints, written beside their place, flushed to the disk and renamed.

    The last one but one is kept as ``previous.ckpt``: a disk can lose what it has confirmed.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint; a full disk is an ``OSError``, and leaves what was there."""
        # torch.save straight to a full disk raises a RuntimeError without a reason.
        memory = io.BytesIO()
        torch.save(checkpoint, memory)
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(target) as temporary:
            with temporary.open("wb") as stream:
                stream.write(memory.getbuffer())
                stream.flush()
                os.fsync(stream.fileno())
            if target.name == LAST_CHECKPOINT and target.exists():
                os.replace(target, target.with_name(PREVIOUS_CHECKPOINT))

    def load_checkpoint(
        self, path: Any, map_location: Callable[..., Any] | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint; only plain values and tensors, whatever is asked for."""
        return read_checkpoint(Path(path))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint with its tensors on the CPU.

    Raises:
        BadInputError: a file that cannot be read.
    """
    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        checkpoint["epoch"], checkpoint["global_step"], checkpoint["state_dict"]
    except (RuntimeError, UnpicklingError, EOFError, KeyError, TypeError, ValueError) as error:
        instead = "keep the last weights" if path.name == BEST_CHECKPOINT else "start from the one before or anew"
        raise BadInputError(f"The checkpoint {path} is damaged; restore it, or delete it to {instead}.") from error
    return checkpoint


def newest_checkpoint(run: Path) -> tuple[Path, dict[str, Any]] | None:
    """The last checkpoint of a run, or the one before where the last is missing or damaged (said in words).

    Raises:
        BadInputError: the last one is damaged and there is none before.
    """
    last, previous = run / LAST_CHECKPOINT, run / PREVIOUS_CHECKPOINT
    if last.exists():
        try:
            return last, read_checkpoint(last)
        except BadInputError:
            if not previous.exists():
                raise
            rank_zero_warn(f"The checkpoint {last} is damaged; the run goes on from the one before.")
    return (previous, read_checkpoint(previous)) if previous.exists() else None
