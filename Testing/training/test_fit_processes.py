"""Two processes train what one does with the same global batch, and score every validation case once."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from support.prepared import SHAPE, TINY, head, prepared_case
from tumorseg.sequences import SEQUENCES
from tumorseg_training.cli import main
from tumorseg_training.prepared import write_prepared
from tumorseg_training.run_folder import LAST_CHECKPOINT, MODEL_FILE
from tumorseg_training.split import write_splits

TOLERANCE = 1e-4
"""Of weights around 0.1-1: two processes add float32 numbers in another order, which Adam's division enlarges."""


def _prepared(folder: Path) -> Path:
    """Three cases to train on, in one of which only the whole tumor is known, and three (odd) to validate on."""
    folder.mkdir()
    names = [f"Head_{number}" for number in range(6)]
    cases = [prepared_case(folder, name, *head(number)) for number, name in enumerate(names[1:], 1)]
    images, labels = head(0, SHAPE)
    undivided = np.where(labels, 5, 0).astype(np.uint8)
    cases.append(prepared_case(folder, names[0], images, undivided, sequences=("t1", "flair"), undivided=True))
    write_splits(folder, [], [names[3:]], names, seed=0)
    write_prepared(folder, SEQUENCES, cases)
    return folder


def test_two_processes_equal_one(tmp_path: Path) -> None:
    prepared = _prepared(tmp_path / "prepared")
    arguments = ["fit", "--prepared", str(prepared), "--recipe", TINY, "--accelerator", "cpu", "--batch-size", "4"]
    assert main([*arguments, "--run", str(tmp_path / "one")]) == 0
    command = [
        sys.executable,
        "-m",
        "tumorseg_training.cli",
        *arguments,
        "--run",
        str(tmp_path / "two"),
        "--devices",
        "2",
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("Written to") == 1
    one, two = (_weights(tmp_path / name) for name in ("one", "two"))
    for name in one:
        torch.testing.assert_close(two[name], one[name], atol=TOLERANCE, rtol=TOLERANCE)
    first, second = (_rows(tmp_path / name) for name in ("one", "two"))
    for column in ("train_loss", "validation_loss", "dice_WT", "dice_TC", "dice_ET", "accuracy", "nothing_dice_mean"):
        # The mean of the three cases: one that was dropped or counted twice would change it.
        assert [float(row[column]) for row in second] == pytest.approx([float(row[column]) for row in first], rel=1e-4)


def _weights(run: Path) -> dict[str, torch.Tensor]:
    assert (run / MODEL_FILE).exists()
    state: dict[str, torch.Tensor] = torch.load(run / LAST_CHECKPOINT, weights_only=True)["state_dict"]
    return state


def _rows(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open() as stream:
        return list(csv.DictReader(stream))
