"""A batch in several processes: each has its part, and together they give what one process gives."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.cases import small_case, write_case
from support.models import saved, threshold_model
from tumorseg.cli import main
from tumorseg.errors import BadInputError
from tumorseg.shares import Share, this_share


def test_every_item_belongs_to_one_process() -> None:
    parts = [Share(rank, 3).of(range(8)) for rank in range(3)]
    assert parts == [[0, 3, 6], [1, 4, 7], [2, 5]]


def test_without_torchrun_one_process_has_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    share = this_share()
    share.join()
    assert (share, share.gather("ab"), share.device("auto")) == (Share(0, 1, 0), ["a", "b"], "auto")


def test_torchruns_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RANK", "5"), ("WORLD_SIZE", "8"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    assert this_share() == Share(5, 8, 1)
    monkeypatch.setenv("RANK", "8")
    with pytest.raises(BadInputError, match="RANK 8, WORLD_SIZE 8 and LOCAL_RANK 1 do not fit together"):
        this_share()


def test_each_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    devices = [Share(rank, 4, rank).device("auto") for rank in range(4)]
    assert devices == ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]
    assert Share(1, 4, 1).device("cpu") == "cpu"
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert Share(1, 4, 1).device("auto") == "auto"


def test_two_processes_give_what_one_gives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, name in enumerate("ABC"):
        write_case(small_case(seed=number), tmp_path / "in" / name)
    (tmp_path / "in" / "B" / "Case_t1.nii.gz").write_bytes(b"not an image")
    model = str(saved(threshold_model(), tmp_path))
    common = ["segment", "--batch", str(tmp_path / "in"), "--model", model, "--device", "cpu", "--output"]
    assert main([*common, str(tmp_path / "one")]) == 2
    alone = capsys.readouterr().out
    (first, first_error), (second, second_error) = in_processes([*common, str(tmp_path / "two")], 2)
    assert second == ""
    assert [line.split()[:2] for line in first.splitlines()] == [line.split()[:2] for line in alone.splitlines()]
    assert "tumorseg: B: " in second_error
    assert "tumorseg: B: " not in first_error
    names = [path.name for path in sorted((tmp_path / "one").glob("*.nii.gz"))]
    assert names == ["A.nii.gz", "C.nii.gz"]
    for name in names:
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def in_processes(arguments: list[str], count: int) -> list[tuple[str, str]]:
    """Run a batch as torchrun would; output and messages of each process, each of which must end with code 2."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    together = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tumorseg", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **together, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            text=True,
        )
        for rank in range(count)
    ]
    said = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [2] * count, said
    return said
