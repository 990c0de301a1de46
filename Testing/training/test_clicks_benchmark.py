"""The benchmark of clicks runs, counts what a network must do, and judges its goals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from support.benchmarks import benchmark_module
from support.cases import small_case, write_case
from support.models import random_model, saved, threshold_model
from tumorseg.modelfile import ModelSpec
from tumorseg.network import UNet3D
from tumorseg.network_config import UNet3DConfig

clicks = benchmark_module("clicks")


def _spec(single_pass: bool = True) -> ModelSpec:
    config = UNet3DConfig(features=(2, 4), norm="batch", deep_supervision=0)
    spec = random_model((8, 8, 8)).spec
    return replace(spec, architecture=config.to_dict(), single_pass=single_pass)


def test_a_worker_is_clicked_cold_and_warm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_case(small_case(), tmp_path / "Case")
    model = saved(threshold_model(), tmp_path)
    given = ["--case", tmp_path / "Case", "--model", model, "--device", "cpu", "--rounds", "2"]
    assert clicks.main([str(word) for word in given]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {row[1].strip(): row[2:] for line in lines if len(row := line.split("|")) > 4}
    first, warm = (
        float(rows[name][0])
        for name in ("first click, with the start of the worker", "click with a warm worker, median of 2")
    )
    assert 0 < warm < first
    assert float(rows["of that predict"][0]) < warm
    assert any("tiles of 8 x 8 x 8 voxels on cpu; " in line for line in lines)


def test_operations_and_bytes_of_a_pass() -> None:
    spec = _spec()
    operations, moved = clicks.least_work(spec, (8, 8, 8))
    network = UNet3D(spec.network_config).eval()
    assert operations == clicks.counted_operations(lambda: network(torch.zeros(1, 4, 8, 8, 8)))
    # Values read and written at full and half size, and weights: encoder, up, decoder, head.
    full = (4 + 2) + (2 + 2) + 2 + 2 + (4 + 2) + (2 + 2) + (2 + 3)
    half = 4 + (4 + 4) + 4
    weights = 27 * (4 * 2 + 2 * 2 + 2 * 4 + 4 * 4) + 8 * 4 * 2 + 27 * (4 * 2 + 2 * 2) + 2 * 3
    assert moved == 2 * (full * 8**3 + half * 4**3 + weights)


def test_a_network_that_compares_both_halves_reads_twice_the_inputs() -> None:
    plain = _spec()
    architecture = {**plain.architecture, "in_channels": 8}
    operations, moved = clicks.least_work(replace(plain, architecture=architecture, other_half=True), (8, 8, 8))
    fewer, less = clicks.least_work(plain, (8, 8, 8))
    width = plain.network_config.features[0]
    assert operations - fewer == 2 * 27 * 4 * width * 8**3
    assert moved - less == 2 * (4 * 8**3 + 27 * 4 * width)


def test_the_floor_counts_every_tile() -> None:
    one = clicks.floor_seconds(_spec(single_pass=False), (8, 8, 8))
    assert one > 0
    assert clicks.floor_seconds(_spec(single_pass=False), (8, 12, 16)) == pytest.approx(1 * 2 * 3 * one)
    whole = clicks.floor_seconds(_spec(), (8, 16, 16))
    assert one < whole < 6 * one
    mirrored = replace(_spec(), tta=True, mirror_axes="x")
    assert clicks.floor_seconds(mirrored, (8, 16, 16)) == pytest.approx(2 * whole)


def test_goals_are_judged_and_the_floor_is_told_for_a_gpu() -> None:
    facts = {"device": "cuda", "memory_rung": "the whole crop on cuda", "runtime": "PyTorch 2, float16"}
    measured = [
        {"wall": wall, "seconds": {"predict": predict}, "provenance": facts}
        for wall, predict in ((9.0, 2.0), (0.5, 0.01), (0.7, 0.02), (0.9, 0.03))
    ]
    text = clicks.report(measured, 0.012)
    assert "| 9.00 | 9.00 to 9.00 | Goal: below 8 s; not met. |" in text
    assert "| 0.70 | 0.50 to 0.90 | Goal: below 1 s; met. |" in text
    assert "is 12.0 ms, 60% of predict. Goal: at least 50%; met." in text
