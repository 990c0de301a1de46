"""Who takes part in the inference benchmark, and the command that segments one case with each."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tumorseg.modelfile import ModelCard, ModelSpec, save_model
from tumorseg.network_config import UNet3DConfig
from tumorseg.runtimes import RUNTIME_VARIABLE

HERE = Path(__file__).resolve().parent

OURS, NNUNET, OUR_WEIGHTS, PEER_WEIGHTS = "ours", "nnunet", "same", "own"

WITHOUT_OPENVINO = f"{OURS}-torch"

PEER_NETWORK = UNet3DConfig(features=(32, 64, 128, 256), deep_supervision=0)
"""What MONAI's and nnU-Net's users run on four sequences at 1 mm: 5.6 M parameters, instance norm."""

PEER_WINDOW = (128, 128, 128)

ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**34),
    "MALLOC_TOP_PAD_": str(2**28),
}
"""Makes glibc keep freed memory; few users know of it."""


@dataclass(frozen=True)
class Contender:
    """A program with a network.

    Attributes:
        software: ``ours``, ``monai`` or ``nnunet``.
        weights: ``same`` (those of our model file) or ``own`` (random weights of ``PEER_NETWORK``).
        tuned: whether the allocator is told to keep memory.
        torch_alone: whether OpenVINO is kept out.
    """

    software: str
    weights: str = OUR_WEIGHTS
    tuned: bool = False
    torch_alone: bool = False

    @property
    def name(self) -> str:
        """As the command line names it."""
        weights = "-own" if self.weights == PEER_WEIGHTS else ""
        return f"{self.software}{weights}{'-tuned' if self.tuned else ''}{'-torch' if self.torch_alone else ''}"

    @property
    def variables(self) -> Mapping[str, str]:
        """Environment of its own."""
        return (ALLOCATOR if self.tuned else {}) | ({RUNTIME_VARIABLE: "torch"} if self.torch_alone else {})


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender(OURS),
        Contender(OURS, torch_alone=True),
        Contender("monai"),
        Contender(NNUNET),
        Contender("monai", PEER_WEIGHTS),
        Contender(NNUNET, PEER_WEIGHTS),
        Contender("monai", PEER_WEIGHTS, tuned=True),
    )
}

PACKAGES = {
    OURS: ("torch", "openvino", "numpy", "SimpleITK"),
    "monai": ("torch", "monai", "nibabel", "numpy"),
    NNUNET: ("torch", "nnunetv2", "SimpleITK", "numpy"),
}
"""Whose versions matter."""


def our_arguments(files: Mapping[str, Path], model: Path, output: Path, device: str) -> list[str]:
    """Arguments of ``tumorseg`` for a case."""
    volumes = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    return ["segment", *volumes, "--output", str(output), "--model", str(model), "--device", device]


def peer_arguments(
    files: Mapping[str, Path], model: Path, folder: Path, window: tuple[int, ...], device: str
) -> list[str]:
    """Arguments of ``peer_monai.py`` and ``peer_nnunet.py``; files in the model's channel order."""
    volumes = [str(path) for path in files.values()]
    size = map(str, window)
    return ["--model", str(model), "--output", str(folder), "--device", device, "--window", *size, "--", *volumes]


def command(contender: Contender, peers_python: Path | None) -> list[str]:
    """The program, without arguments."""
    if contender.software == OURS:
        return [sys.executable, "-m", "tumorseg"]
    return [str(peers_python), str(HERE / f"peer_{contender.software}.py")]


def write_peer_model(path: Path) -> Path:
    """A model file with ``PEER_NETWORK`` and random weights; kept when it is there."""
    import torch

    from tumorseg.network import UNet3D

    if not path.exists():
        torch.manual_seed(0)
        card = ModelCard("Random weights, to measure costs only")
        sequences = ("t1", "t1ce", "t2", "flair")
        spec = ModelSpec("random", "1", PEER_NETWORK.to_dict(), sequences, card, patch_size=PEER_WINDOW)
        save_model(path, spec, UNet3D(PEER_NETWORK).state_dict())
    return path
