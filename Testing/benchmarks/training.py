"""How fast training data is loaded, changed and trained on: ours, MONAI's usual pipeline and nnU-Net's.

    python Testing/benchmarks/training.py --peers-python PEERS/bin/python --output RESULTS

``Testing/benchmarks/make_peers_venv.sh PEERS`` makes the peers' environment. The contenders take turns, each
measurement in a process of its own with the same number of threads or processes; see ``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import report
import torch
from environment import environment
from patients import synthetic_patients
from settings import Settings

from tumorseg_training.preparation import Settings as PrepareSettings
from tumorseg_training.preparation import prepare_folder

HERE = Path(__file__).resolve().parent
OURS, PEERS = "ours", ("monai", "nnunet")
TASKS = ("loading", "training")
NETWORKS = {"default": (16, 32, 64, 96, 128), "tiny": (8, 16, 32, 64)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and write them where wanted."""
    options = _parser().parse_args(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    prepared = options.prepared or _prepared(options)
    result: dict[str, Any] = {"environment": environment(), "options": _plain(options), "records": []}
    for task, number, contender in _turns(options):
        measurement = _measure(task, number, contender, prepared, options)
        result["records"].append({"task": task, "round": number, "contender": contender, **measurement})
        _write(result, options.output)  # what is measured so far; a run takes long
    print(report.markdown(result))
    return 0


def _turns(options: argparse.Namespace) -> list[tuple[str, int, str]]:
    """Task, round and contender of every measurement, the contenders in turn."""
    contenders = (OURS, *PEERS) if options.peers_python else (OURS,)
    turns = [(task, number) for task in options.tasks for number in range(_rounds(task, options))]
    return [(*turn, contender) for turn in turns for contender in contenders]


def _write(result: dict[str, Any], folder: Path | None) -> None:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "training.json").write_text(json.dumps(result, indent=1))
        (folder / "training.md").write_text(report.markdown(result) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    work = Path(tempfile.gettempdir()) / "tumorseg-benchmark"
    parser.add_argument("--peers-python", type=Path, metavar="PYTHON", help="of the peers; without it ours alone")
    parser.add_argument("--data", type=Path, metavar="DIR", help="labelled cases (default: synthetic patients)")
    parser.add_argument("--prepared", type=Path, metavar="PREPARED", help="an already prepared folder")
    parser.add_argument(
        "--work", type=Path, default=work, help="keeps synthetic and prepared cases (default %(default)s)"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="for training.json and training.md")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--network", choices=NETWORKS, default="default", help="of the training steps")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", choices=("cpu", "cuda"), default=device, help="default %(default)s")
    for name, default, meaning in (
        ("cases", 4, "synthetic patients"),
        ("patch", 128, "edge of a patch in voxels"),
        ("step-patch", 0, "the same for the training steps, 0 for the same size"),
        ("batch", 2, "patches per batch"),
        ("threads", 2, "threads or processes of a contender"),
        ("rounds", 5, "measurements of loading per contender"),
        ("samples", 40, "patches per measurement of loading"),
        ("step-rounds", 3, "measurements of training steps per contender"),
        ("steps", 3 if device == "cpu" else 50, "training steps per measurement"),
        ("warm-up", 6, "batches before a measurement of loading; one step before one of training"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"{meaning} (default {default})")
    return parser


def _prepared(options: argparse.Namespace) -> Path:
    """The data in our cache; what is there from the last time is kept."""
    data = options.data or synthetic_patients(options.work / "patients", options.cases)
    output = options.work / f"prepared-{data.resolve().name}"
    prepare_folder([data], output, PrepareSettings(folds=2, test=0.0, workers=1))
    return output


def _rounds(task: str, options: argparse.Namespace) -> int:
    return options.rounds if task == "loading" else options.step_rounds


def _measure(task: str, number: int, contender: str, prepared: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One measurement in a process of its own, which may take no more cores than its share."""
    settings = Settings(
        contender=contender,
        task=task,
        prepared=str(prepared.resolve()),
        work=str(options.work.resolve()),
        patch=(options.step_patch or options.patch) if task == "training" else options.patch,
        batch=options.batch,
        threads=options.threads,
        batches=options.steps if task == "training" else max(1, options.samples // options.batch),
        warm_up=1 if task == "training" else options.warm_up,
        features=NETWORKS[options.network],
        device=options.device if task == "training" else "cpu",
        seed=number,
    )
    print(f"{task}, round {number + 1} of {_rounds(task, options)}: {contender} ...", file=sys.stderr, flush=True)
    python = sys.executable if contender == OURS else str(options.peers_python)
    threads = str(1 if settings.workers else settings.threads)
    source = os.pathsep.join(str(HERE.parents[1] / package) for package in ("TumorSegU-Net", "TumorSegTraining"))
    variables = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "PYTHONPATH": source}
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [python, str(HERE / "contender.py"), settings.to_json(), str(result)]
        done = subprocess.run(command, env=variables, capture_output=True, text=True)
        if done.returncode or not result.exists():
            raise SystemExit(f"{contender} could not be measured:\n{done.stdout}{done.stderr}")
        return {**json.loads(result.read_text()), "load": os.getloadavg()[0]}


def _plain(options: argparse.Namespace) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()}


if __name__ == "__main__":
    sys.exit(main())
