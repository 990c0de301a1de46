"""What it costs to segment a case, and how good the result is: ours, MONAI's usual recipe and nnU-Net's predictor.

    python Testing/benchmarks/inference.py --data CASES --peers PEERS --output RESULTS

Every measurement is a command of its own from four .nii.gz to one label .nii.gz; the contenders take turns. Both peers
run twice: with our weights, and with the network that their users run; see ``docs/benchmarks.md``. PEERS is a folder
for the peers' environment, made when it is not there.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import inference_report
from environment import environment, versions_of
from inference_contenders import (
    CONTENDERS,
    HERE,
    NNUNET,
    OUR_WEIGHTS,
    OURS,
    PACKAGES,
    PEER_WEIGHTS,
    Contender,
    command,
    our_arguments,
    peer_arguments,
    write_peer_model,
)
from patients import synthetic_patients
from peers import peers_python

from tumorseg.images import read_labels
from tumorseg.modelfile import ModelSpec, file_sha256, read_spec
from tumorseg.modelstore import find_model
from tumorseg.threads import BLAS_VARIABLE
from tumorseg_training.cases import LabelledCase, check_names, find_labelled_cases, read_truth
from tumorseg_training.metrics.overlap import region_dice

NAME = "inference"
"""Of the files with the results."""


@dataclass(frozen=True)
class Network:
    """A model file and the size (z, y, x) of the window in which the peers run it."""

    path: Path
    spec: ModelSpec
    window: tuple[int, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and write them where wanted."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if not options.peers and any(contender.software != OURS for contender in _contenders(options)):
        parser.error("give --peers as well, the folder of the peers' environment")
    options.command = shlex.join(["python", f"Testing/benchmarks/{Path(__file__).name}", *(arguments or sys.argv[1:])])
    if options.peers and _compares_halves(options):
        print(f"Without {NNUNET}, whose predictor cannot compare both halves of the brain.", file=sys.stderr)
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    result = with_parts(options)
    for record in _measurements(options):
        result["records"].append({**record, "environment": len(result["environments"]) - 1})
        _write(result, options.output)  # what is measured so far; a run takes long
    _write(result, options.output)
    print(inference_report.markdown(result))
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    work = Path(tempfile.gettempdir()) / "tumorseg-benchmark"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser.add_argument("--data", type=Path, metavar="DIR", help="labelled cases (default: synthetic patients)")
    parser.add_argument("--cases", nargs="+", metavar="NAME", help="of these only (default: the first)")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="environment of the peers; without it ours alone")
    parser.add_argument("--contenders", nargs="*", choices=CONTENDERS, help="default: all, or ours alone")
    parser.add_argument("--model", help="name of our model, or a .safetensors file")
    parser.add_argument(
        "--window",
        type=int,
        nargs=3,
        metavar=("Z", "Y", "X"),
        help="of the peers with our weights, in voxels (default: the patch that the network was trained with)",
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default %(default)s")
    parser.add_argument("--work", type=Path, default=work, help="keeps synthetic cases (default %(default)s)")
    parser.add_argument("--output", type=Path, metavar="DIR", help="for inference.json and inference.md")
    parser.add_argument("--part", type=Path, action="append", default=[], metavar="JSON", help="add an earlier result")
    parser.add_argument("--stages", action=argparse.BooleanOptionalAction, default=True, help="stages of our command")
    for name, default, meaning in (
        ("count", 3, "cases"),
        ("rounds", 3, "measurements per case and contender"),
        ("own-count", 1, "cases for the peers with their own network"),
        ("own-rounds", 1, "measurements per case of the peers with their own network"),
        ("threads", cores, "threads of every contender"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"{meaning} (default {default})")
    return parser


def with_parts(options: argparse.Namespace) -> dict[str, Any]:
    """The result so far: what earlier runs measured of contenders that are not measured now."""
    now = {contender.name for contender in _contenders(options)}
    result: dict[str, Any] = {"environments": [], "options": [], "records": []}
    for path in options.part:
        part = json.loads(path.read_text())
        offset = len(result["environments"])
        result["environments"] += part["environments"]
        result["options"] += part["options"]
        result["records"] += [
            {**record, "environment": record["environment"] + offset}
            for record in part["records"]
            if record["contender"] not in now
        ]
    if now:
        result["environments"].append(environment())
        result["options"].append({name: _plain(value) for name, value in vars(options).items()})
    return result


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _write(result: dict[str, Any], folder: Path | None) -> None:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{NAME}.json").write_text(json.dumps(result, indent=1))
        (folder / f"{NAME}.md").write_text(inference_report.markdown(result) + "\n")


def _contenders(options: argparse.Namespace) -> list[Contender]:
    default = list(CONTENDERS) if options.peers else [OURS]
    names = default if options.contenders is None else options.contenders
    return [CONTENDERS[name] for name in names if name != NNUNET or not _compares_halves(options)]


def _compares_halves(options: argparse.Namespace) -> bool:
    """Whether our model compares both halves of the brain, for which nnU-Net's predictor has no place."""
    return read_spec(find_model(options.model)).other_half


def _measurements(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Every measurement as a record of the result."""
    contenders = _contenders(options)
    if not contenders:
        return
    bench = Bench(options)
    versions = {software: bench.versions(software) for software in {contender.software for contender in contenders}}
    cases = chosen_cases(options)
    if CONTENDERS[OURS] in contenders:
        # The first run compiles the network and keeps it on disk.
        yield {"kind": "first", "round": 0, **bench.measure(CONTENDERS[OURS], cases[0]), **versions[OURS]}
    for number, case, contender in turns(options, contenders, cases):
        print(f"round {number + 1}, {case.name}: {contender.name} ...", file=sys.stderr, flush=True)
        yield {"kind": "run", "round": number, **bench.measure(contender, case), **versions[contender.software]}
    if CONTENDERS[OURS] in contenders and options.stages:
        for case in cases:
            print(f"stages, {case.name} ...", file=sys.stderr, flush=True)
            yield {"kind": "stages", "round": 0, **bench.stages(case), **versions[OURS]}


def turns(
    options: argparse.Namespace, contenders: Sequence[Contender], cases: Sequence[LabelledCase]
) -> Iterator[tuple[int, LabelledCase, Contender]]:
    """Round, case and contender of every measurement, the contenders in turn."""
    for number in range(max(options.rounds, options.own_rounds)):
        for position, case in enumerate(cases):
            for contender in contenders:
                ours = contender.weights == OUR_WEIGHTS
                rounds, count = (options.rounds, len(cases)) if ours else (options.own_rounds, options.own_count)
                if number < rounds and position < count:
                    yield number, case, contender


def chosen_cases(options: argparse.Namespace) -> list[LabelledCase]:
    data = options.data or synthetic_patients(options.work / "patients", options.count)
    found = find_labelled_cases(data)
    if not options.cases:
        return found[: options.count]
    check_names(options.cases, found)
    return [case for name in options.cases for case in found if case.name == name]


class Bench:
    """Runs commands under equal conditions."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.peers = peers_python(options.peers) if options.peers else None
        self.networks = {OUR_WEIGHTS: _network(find_model(options.model).resolve(), options.window)}
        if any(contender.weights == PEER_WEIGHTS for contender in _contenders(options)):
            self.networks[PEER_WEIGHTS] = _network(write_peer_model(options.work / "random.safetensors"))
        self._cache = tempfile.TemporaryDirectory(prefix="cache-", dir=options.work)

    def versions(self, software: str) -> dict[str, Any]:
        """``python`` and ``versions`` of a contender's environment."""
        python = sys.executable if software == OURS else str(self.peers)
        return versions_of(python, PACKAGES[software])

    def measure(self, contender: Contender, case: LabelledCase) -> dict[str, Any]:
        """Cost and Dice of one command."""
        network = self.networks[contender.weights]
        with tempfile.TemporaryDirectory(dir=self.options.work) as folder:
            output = Path(folder) / "output"
            output.mkdir()
            words = [*command(contender, self.peers), *self._arguments(contender, case, network, output)]
            cost = self._run(words, contender.variables, Path(folder) / "cost.json")
            (file,) = output.glob("*.nii.gz")
            return {
                "contender": contender.name,
                "case": case.name,
                "model": {"name": network.spec.name, "sha256": file_sha256(network.path)},
                **cost,
                "dice": _dice(file, case),
            }

    def stages(self, case: LabelledCase) -> dict[str, Any]:
        """Cost of each stage of our command."""
        contender, network = CONTENDERS[OURS], self.networks[OUR_WEIGHTS]
        with tempfile.TemporaryDirectory(dir=self.options.work) as folder:
            result = Path(folder) / "stages.json"
            arguments = self._arguments(contender, case, network, Path(folder))
            words = [sys.executable, str(HERE / "stages.py"), str(result), *arguments]
            self._run(words, {BLAS_VARIABLE: "1"}, Path(folder) / "cost.json")
            return {"contender": OURS, "case": case.name, "load": os.getloadavg()[0], **json.loads(result.read_text())}

    def _arguments(self, contender: Contender, case: LabelledCase, network: Network, folder: Path) -> list[str]:
        files = {name: Path(case.images[name].location).resolve() for name in network.spec.channels}
        device = self.options.device
        if contender.software == OURS:
            return our_arguments(files, network.path, folder / "labels.nii.gz", device)
        return peer_arguments(files, network.path, folder, network.window, device)

    def _run(self, words: Sequence[str], variables: Mapping[str, str], cost: Path) -> dict[str, Any]:
        threads = str(self.options.threads)
        source = HERE.parents[1] / "TumorSegU-Net"
        own = {
            **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "nnUNet_def_n_proc"), threads),
            "PYTHONPATH": str(source),
            "TUMORSEG_CACHE": self._cache.name,  # empty at first
        }
        done = subprocess.run(
            [sys.executable, str(HERE / "resource_use.py"), str(cost), *words],
            env={**os.environ, **own, **variables},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(words)}\ncould not be measured:\n{done.stdout}{done.stderr}")
        return {**json.loads(cost.read_text()), "load": os.getloadavg()[0]}


def _network(path: Path, window: Sequence[int] | None = None) -> Network:
    spec = read_spec(path)
    return Network(path, spec, tuple(window or spec.patch_size))


def _dice(file: Path, case: LabelledCase) -> dict[str, float]:
    labels, geometry = read_labels(file)
    truth, expected = read_truth(case)
    if difference := expected.differences(geometry):
        raise SystemExit(f"The result of {case.name} is not on the grid of the case: {', '.join(difference)}.")
    return region_dice(labels, truth)


if __name__ == "__main__":
    sys.exit(main())
