"""The training benchmark runs, and counts and compares as it says; how fast anything is depends on the machine."""

import json
import subprocess
import sys
from pathlib import Path

from support.benchmarks import BENCHMARKS, benchmark_module
from support.prepared import prepared_folder

report = benchmark_module("report")


def _record(contender: str, number: int, wall: float, cpu: float | None, task: str = "loading") -> dict:
    return {
        **{"task": task, "round": number, "contender": contender, "samples": 10, "wall": wall, "cpu": cpu},
        **{"shape": [2, 4, 8, 8, 8], "idle": None, "load": 1.0, "python": "3.11", "versions": {"torch": "2"}},
    }


def test_a_tiny_run_writes_both_tables(tmp_path: Path) -> None:
    prepared_folder(tmp_path / "prepared")
    sizes = "--patch 24 --step-patch 16 --rounds 1 --samples 4 --warm-up 1 --step-rounds 1 --steps 1"
    command = [sys.executable, str(BENCHMARKS / "training.py"), "--prepared", str(tmp_path / "prepared")]
    command += [
        "--work",
        str(tmp_path / "work"),
        "--output",
        str(tmp_path / "out"),
        *sizes.split(),
        "--network",
        "tiny",
        "--device",
        "cpu",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out" / "training.json").read_text())
    tasks = [(record["task"], record["contender"], record["samples"]) for record in result["records"]]
    assert tasks == [("loading", "ours", 4), ("training", "ours", 2)]
    for record, patch in zip(result["records"], (24, 16), strict=True):
        assert record["shape"] == [2, 4, patch, patch, patch]
        assert record["wall"] > 0
        assert record["versions"]["torch"]
    table = (tmp_path / "out" / "training.md").read_text()
    assert "Data loading and augmentation (batches of 2 patches of 24 x 24 x 24 voxels and 4 channels" in table
    assert "Full training steps" in table
    assert table.strip() in done.stdout


def test_ratios_are_of_the_same_round() -> None:
    rows = [
        _record("ours", 0, 1, 1),
        _record("monai", 0, 2, 3),
        _record("ours", 1, 10, 10),
        _record("monai", 1, 40, 50),
    ]
    assert report.ratios(rows, "monai", lambda row: row["wall"]) == "3.00 (2.00 to 4.00)"
    assert report.ratios(rows, "monai", lambda row: row["cpu"]) == "4.00 (3.00 to 5.00)"


def test_the_goal_is_against_the_faster_peer() -> None:
    records = [_record("ours", 0, 1, 1), _record("monai", 0, 4, 3), _record("nnunet", 0, 2, 2.5)]
    where = {"processor": "p", "cores": 2, "instructions": "i", "memory_gb": 1, "gpu": None, "system": "s", "date": "d"}
    text = report.markdown({"environment": where, "options": {"threads": 2}, "records": records})
    assert "Measured, in CPU time: 2.50 times" in text
    assert "| nnU-Net | 5.00 | 0.250 | 2.00 (2.00 to 2.00) | 2.50 (2.50 to 2.50) |" in text


def test_an_unknown_cpu_time_is_said() -> None:
    rows = [_record("ours", 0, 1, None), _record("monai", 0, 2, None)]
    assert report.ratios(rows, "monai", lambda row: row["cpu"]) == "unknown"
