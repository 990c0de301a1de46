"""What a user waits for with a worker that starts and one that is warm, and the network against the floor of a GPU.

    python Testing/benchmarks/clicks.py --case CASE [--model MODEL] [--device cuda] [--rounds 5]

A click is a request to the worker process of 3D Slicer, from voxels in files to labels in memory; what Slicer does
around it is told by the self-test TumorSegUNetSpeedTest.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from environment import environment
from floor import counted_operations
from report_parts import bullets, goal_text, machine_text, table
from torch import Tensor, nn

from tumorseg.case_files import find_case, read_case
from tumorseg.memory_ladder import plan
from tumorseg.modelfile import ModelSpec, read_spec
from tumorseg.modelstore import find_model
from tumorseg.network import build_network
from tumorseg.pipeline import prepare
from tumorseg.predictor import wanted_mirrorings
from tumorseg.sequences import Case
from tumorseg.tiles import Size, tiles_of

GPU_OPERATIONS, GPU_BYTES = 800e12, 3e12
"""Per second: what an H100 does at most in half precision, and what it moves."""

HALF_BYTES = 2

FIRST_GOAL, WARM_GOAL, FLOOR_GOAL = 8.0, 1.0, 0.5


def main(arguments: list[str] | None = None) -> int:
    """Click, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", type=Path, required=True, metavar="DIR", help="folder with the four volumes")
    parser.add_argument("--model", help="name of a model, or a .safetensors file")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="clicks with a warm worker (default %(default)s)")
    options = parser.parse_args(arguments)
    model = find_model(options.model)
    spec = read_spec(model)
    case = read_case(find_case(options.case, spec.channels))
    with tempfile.TemporaryDirectory() as folder:
        request = _request(case, Path(folder))
        request |= {"model": str(model), "device": options.device}
        clicks = list(_clicks(request, 1 + options.rounds))
    crop = prepare(case, spec).crop.channels.shape[1:]
    print(report(clicks, floor_seconds(spec, crop)))
    return 0


def report(clicks: list[dict[str, Any]], floor: float) -> str:
    """Markdown of the clicks, the first of which met a worker that was not there yet.

    Args:
        clicks: ``wall`` in seconds, and the worker's ``seconds`` per stage and ``provenance``.
        floor: seconds that an H100 takes at least for the network.
    """
    first, warm = clicks[0], clicks[1:]
    walls = [click["wall"] for click in warm]
    rows = [_row("first click, with the start of the worker", [first["wall"]], FIRST_GOAL)]
    rows.append(_row(f"click with a warm worker, median of {len(warm)}", walls, WARM_GOAL))
    for stage in first["seconds"]:
        rows.append(_row(f"of that {stage}", [click["seconds"][stage] for click in warm]))
    facts = first["provenance"]
    lines = [machine_text(environment(), [os.getloadavg()[0]]), f"{facts['memory_rung']}; {facts['runtime']}"]
    if facts["device"].startswith("cuda"):
        share = floor / median(click["seconds"]["predict"] for click in warm)
        goal = goal_text(f"at least {FLOOR_GOAL:.0%}", share >= FLOOR_GOAL)
        lines.append(f"The floor of an H100 for the network is {1000 * floor:.1f} ms, {share:.0%} of predict. {goal}")
    return f"{bullets(lines)}\n\n{table(['', 'seconds', 'range', 'goal'], rows)}"


def _row(what: str, seconds: list[float], goal: float | None = None) -> list[str]:
    middle = median(seconds)
    told = "" if goal is None else goal_text(f"below {goal:g} s", middle < goal)
    return [what, f"{middle:.2f}", f"{min(seconds):.2f} to {max(seconds):.2f}", told]


def _request(case: Case, folder: Path) -> dict[str, Any]:
    """The request of docs/worker.md; voxels are written before anything is measured."""
    volumes = {}
    for name, volume in case.items():
        np.save(folder / f"{name}.npy", volume.array)
        at = volume.geometry
        entry = {"file": f"{name}.npy", "name": volume.name, "origin": at.origin}
        volumes[name] = {**entry, "spacing": at.spacing, "direction": at.direction}
    return {"request": "segment", "folder": str(folder), "volumes": volumes}


def _clicks(request: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    started = time.perf_counter()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-m", "tumorseg.worker"], **pipes) as worker:
        for number in range(count):
            worker.stdin.write(json.dumps({**request, "id": str(number)}) + "\n")
            worker.stdin.flush()
            events = map(json.loads, filter(str.strip, worker.stdout))
            event = next(event for event in events if event["event"] != "progress")
            if event["event"] != "result":
                raise SystemExit(" ".join(event["problems"]))
            np.load(Path(request["folder"]) / event["labels"])
            yield {"wall": time.perf_counter() - started, **event}
            started = time.perf_counter()
        worker.stdin.close()


def floor_seconds(spec: ModelSpec, crop: Size) -> float:
    """What the network takes at least on an H100 for a crop (z, y, x): its operations, or its bytes."""
    tiling = plan(spec, crop, "cpu", free=lambda _: None)[0].tiling
    z, y, x = (max(pair) for pair in zip(crop, tiling.size, strict=True))
    passes = 1 if tiling.kind == "whole" else len(tiles_of((z, y, x), tiling))
    operations, moved = least_work(spec, tiling.size)
    return passes * len(wanted_mirrorings(spec)) * max(operations / GPU_OPERATIONS, moved / GPU_BYTES)


def least_work(spec: ModelSpec, size: Size) -> tuple[int, int]:
    """Operations of one pass, and the bytes that move in half precision.

    Every convolution reads its input and weights and writes its output; what is between two of them costs nothing.
    """
    network = build_network(spec.network_config, spec.members).to("meta").eval()
    moved = 0

    def count(layer: nn.Conv3d, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal moved
        moved += HALF_BYTES * (inputs[0].numel() + layer.weight.numel() + output.numel())

    for layer in network.modules():
        if isinstance(layer, nn.Conv3d | nn.ConvTranspose3d):
            layer.register_forward_hook(count)
    image = torch.empty((1, spec.inputs, *size), device="meta")
    with torch.inference_mode():
        operations = counted_operations(lambda: network(image))
    return operations, moved


if __name__ == "__main__":
    sys.exit(main())
