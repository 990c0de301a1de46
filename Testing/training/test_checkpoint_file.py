"""Checkpoints: whole or not there, the one before kept, and nothing in them is run."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from tumorseg.errors import BadInputError
from tumorseg_training.checkpoint_file import AtomicCheckpointIO, newest_checkpoint, read_checkpoint
from tumorseg_training.run_folder import LAST_CHECKPOINT, PREVIOUS_CHECKPOINT


def _checkpoint(epoch: int) -> dict[str, Any]:
    return {"epoch": epoch, "global_step": 10 * epoch, "state_dict": {"network.a": torch.ones(3)}}


def _saved(run: Path, *epochs: int) -> Path:
    for epoch in epochs:
        AtomicCheckpointIO().save_checkpoint(_checkpoint(epoch), run / LAST_CHECKPOINT)
    return run


def test_the_one_before_is_kept(tmp_path: Path) -> None:
    _saved(tmp_path, 1, 2, 3)
    assert read_checkpoint(tmp_path / LAST_CHECKPOINT)["epoch"] == 3
    assert read_checkpoint(tmp_path / PREVIOUS_CHECKPOINT)["epoch"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [LAST_CHECKPOINT, PREVIOUS_CHECKPOINT]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _saved(tmp_path, 1)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        _saved(tmp_path, 2)
    assert read_checkpoint(tmp_path / LAST_CHECKPOINT)["epoch"] == 1
    assert [path.name for path in tmp_path.iterdir()] == [LAST_CHECKPOINT]


def test_a_kill_between_the_two_renames_loses_one_epoch_only(tmp_path: Path) -> None:
    _saved(tmp_path, 1)
    (tmp_path / LAST_CHECKPOINT).rename(tmp_path / PREVIOUS_CHECKPOINT)
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert (found[0].name, found[1]["epoch"]) == (PREVIOUS_CHECKPOINT, 1)


def test_a_new_run_has_none(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path) is None


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint", None])
def test_a_damaged_checkpoint_is_a_sentence_and_the_one_before_is_used(tmp_path: Path, damage: bytes | None) -> None:
    last = tmp_path / LAST_CHECKPOINT
    _saved(tmp_path, 1, 2)
    last.write_bytes(last.read_bytes()[:-40] if damage is None else damage)
    with pytest.warns(UserWarning, match=r"last\.ckpt is damaged; the run goes on from the one before"):
        found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found[1]["epoch"] == 1
    (tmp_path / PREVIOUS_CHECKPOINT).unlink()
    with pytest.raises(BadInputError, match=r"The checkpoint .*last\.ckpt is damaged; restore it, or delete it"):
        newest_checkpoint(tmp_path)


class _Code:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch was_run",)


def test_code_in_a_checkpoint_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({**_checkpoint(1), "extra": _Code()}, tmp_path / LAST_CHECKPOINT)
    with pytest.raises(BadInputError, match="is damaged"):
        AtomicCheckpointIO().load_checkpoint(tmp_path / LAST_CHECKPOINT, weights_only=False)
    assert not (tmp_path / "was_run").exists()
