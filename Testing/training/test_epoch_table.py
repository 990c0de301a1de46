"""A table that another program holds does not end the training."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tumorseg_training.clock import Clock
from tumorseg_training.epoch_table import EpochTable

FIGURES = {"samples_per_second": 1.0, "data_wait_share": 0.0, "seconds": 1.0}


def trainer_after(epoch: int) -> Any:
    return SimpleNamespace(
        callback_metrics={"train_loss": 0.5},
        optimizers=[SimpleNamespace(param_groups=[{"lr": 0.1}])],
        current_epoch=epoch,
        global_step=epoch,
        loggers=[],
        is_global_zero=True,
    )


def end_epoch(table: EpochTable, epoch: int) -> None:
    table.on_train_epoch_end(trainer_after(epoch), cast(Any, None))


def test_a_table_open_in_another_program_is_told_once_and_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, said = tmp_path / "metrics.csv", list[str]()
    table = EpochTable(path, cast(Clock, SimpleNamespace(figures=lambda: FIGURES)), 4, 0, said.append)
    end_epoch(table, 0)

    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(13, "used by another process", str(source), 32, str(target))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        end_epoch(table, 1)
        end_epoch(table, 2)
    assert len(path.read_text().splitlines()) == 2
    table.on_train_end(trainer_after(2), cast(Any, None))
    assert len(path.read_text().splitlines()) == 4
    end_epoch(table, 3)
    assert [line.split(",")[0] for line in path.read_text().splitlines()] == ["epoch", "0", "1", "2", "3"]
    assert [line for line in said if not line.startswith("epoch ")] == [
        f"{path} cannot be replaced (used by another process), perhaps because another program shows it; the training "
        "goes on, and its rows are written after a later epoch."
    ]
