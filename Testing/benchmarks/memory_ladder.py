"""The memory ladder under real limits: every run ends in the same labels, and says which rung it used.

    python Testing/benchmarks/memory_ladder.py [--limits 8 4 3 2 1.25] [--size 160 240 240]

Each run is a process of its own whose data segment is limited (``RLIMIT_DATA``, which unlike the address space does
not count what torch only reserves). The network is random and small, but has the feature maps of a large one: two
levels, batch norm, whole crops. A GPU is only planned for, with a pretended amount of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

GB = 10**9
FEATURES = (8, 16)


def main() -> None:
    """Run once without a limit, then with each limit, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--limits", type=float, nargs="*", default=[8.0, 4.0, 3.0, 2.0, 1.25], help="GB")
    parser.add_argument("--size", type=int, nargs=3, default=[160, 240, 240], help="crop (z, y, x) in voxels")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _predict(Path(options.child[0]), float(options.child[1]), options.size)
        return
    with tempfile.TemporaryDirectory() as folder:
        model = _saved_model(Path(folder))
        _print_runs(model, options.limits, options.size)
        _print_gpu_plans(model, options.limits, options.size)


def _saved_model(folder: Path) -> Path:
    import torch

    from tumorseg.modelfile import ModelCard, ModelSpec, save_model
    from tumorseg.network import UNet3D
    from tumorseg.network_config import UNet3DConfig

    torch.manual_seed(0)
    config = UNet3DConfig(features=FEATURES, norm="batch", deep_supervision=0)
    card = ModelCard("Random, for the memory ladder")
    channels = ("t1", "t1ce", "t2", "flair")
    spec = ModelSpec("memory-ladder", "1", config.to_dict(), channels, card, single_pass=True)
    path = folder / "model.safetensors"
    save_model(path, spec, UNet3D(config).state_dict())
    return path


def _print_runs(model: Path, limits: list[float], size: list[int]) -> None:
    print("limit (GB) | runtime | rung | peak (GB) | CPU-s | voxels with other labels\n---|---|---|---|---|---")
    for runtime in ("torch", "auto"):
        expected: Any = None
        for limit in (0.0, *limits):
            facts = _run(model, runtime, limit, size)
            labels = np.load(facts["labels"])
            expected = labels if expected is None else expected
            row = [limit or "none", facts["runtime"], facts["rung"], f"{facts['peak'] / GB:.2f}", f"{facts['cpu']:.1f}"]
            print(*row, int(np.count_nonzero(labels != expected)), sep=" | ", flush=True)


def _run(model: Path, runtime: str, limit: float, size: list[int]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--size", *map(str, size), "--child", str(model), str(limit)]
    environment = {**os.environ, "TUMORSEG_RUNTIME": runtime}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True)
    if answer.returncode:
        raise SystemExit(answer.stderr)
    return json.loads(answer.stdout.splitlines()[-1])


def _predict(path: Path, limit: float, size: list[int]) -> None:
    """What a child does: limit itself, predict, print facts."""
    if limit:
        resource.setrlimit(resource.RLIMIT_DATA, (int(limit * GB), int(limit * GB)))
    from tumorseg.devices import Device
    from tumorseg.modelfile import open_model
    from tumorseg.predictor import predict, prepare
    from tumorseg.regions import labels_from_regions

    model = open_model(path)
    prepare(model, "cpu")
    crop = np.random.default_rng(0).standard_normal((4, *size), np.float32)
    prediction = predict(model, crop, Device("cpu", ""))
    labels = path.with_name(f"labels-{os.getpid()}.npy")
    np.save(labels, labels_from_regions(prediction.probabilities, model.spec.regions, (0.5,) * 3))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    facts = {"runtime": prediction.runtime, "rung": str(prediction.rung), "peak": usage.ru_maxrss * 1024}
    print(json.dumps({**facts, "cpu": usage.ru_utime + usage.ru_stime, "labels": str(labels)}))


def _print_gpu_plans(path: Path, limits: list[float], size: list[int]) -> None:
    from tumorseg.memory_ladder import plan
    from tumorseg.modelfile import read_spec

    spec = read_spec(path)
    z, y, x = size
    print("\nGPU memory (GB) | first rung, with mirroring\n---|---")
    for limit in (*limits, 1.0, 0.5):
        free = {"cuda": int(limit * GB), "cpu": 16 * GB}
        rung = plan(spec, (z, y, x), "cuda", 8, free.__getitem__)[0]
        print(limit, f"{rung}, {rung.batch} at once", sep=" | ")


if __name__ == "__main__":
    main()
