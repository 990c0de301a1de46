"""Where the network runs: the GPU when there is a usable one, otherwise the CPU, and why."""

from __future__ import annotations

import ctypes
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from tumorseg.errors import BadInputError
from tumorseg.torch_import import loaded_torch, require_torch

_DEVICE_NAME = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


@dataclass(frozen=True)
class Device:
    """A device and one sentence that tells the user why it was chosen."""

    name: str
    reason: str


def choose_device(wanted: str = "auto") -> Device:
    """Resolve ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:N``.

    Raises:
        BadInputError: a name that does not exist, or a device that this machine does not have.
    """
    if not _DEVICE_NAME.fullmatch(wanted):
        raise BadInputError(f"There is no device {wanted}; use auto, cpu, cuda, cuda:N or mps.")
    if wanted == "cpu":
        return Device("cpu", "The CPU was asked for.")
    if wanted == "auto":
        return _best_device()
    problem = _cuda_problem(wanted) if wanted.startswith("cuda") else _mps_problem()
    if problem:
        raise BadInputError(f"The device {wanted} cannot be used: {problem}; use auto or cpu.")
    return Device(wanted, f"The device {wanted} was asked for.")


def _best_device() -> Device:
    if not loaded_torch() and not _may_have_gpu():
        return Device("cpu", "The CPU is used because this machine has no driver of a GPU.")
    problem = _cuda_problem("cuda")
    if not problem:
        import torch

        return Device("cuda", f"The GPU {torch.cuda.get_device_name(0)} is used.")
    if not _mps_problem():
        return Device("mps", "The Apple GPU is used.")
    return Device("cpu", f"The CPU is used because {problem}.")


def _cuda_problem(name: str) -> str | None:
    """Why a CUDA device cannot be used, in words; None when it can."""
    require_torch()
    import torch

    if not torch.cuda.is_available():
        return "this PyTorch has no CUDA" if torch.version.cuda is None else "PyTorch finds no NVIDIA GPU"
    index = int(name.partition(":")[2] or 0)
    if index >= torch.cuda.device_count():
        return f"this machine has only {torch.cuda.device_count()} GPU(s)"
    name, known = _amd_architecture(index) if torch.version.hip else _nvidia_architecture(index)
    return _fault(f"cuda:{index}") if known else f"this PyTorch was not built for the GPU's architecture {name}"


def _fault(device: str) -> str | None:
    """Why a GPU does not compute, e.g. as another program has it alone, or since the computer slept."""
    import torch

    try:
        torch.zeros(1, device=device).cpu()
    except torch.cuda.OutOfMemoryError:  # the memory ladder knows what to do
        return None
    except RuntimeError as error:
        return f"the GPU does not answer ({str(error).strip().partition(chr(10))[0]})"
    return None


def _nvidia_architecture(index: int) -> tuple[str, bool]:
    """Of a GPU, and whether this PyTorch was built for it. Binaries run on later devices of the same major version."""
    import torch

    major, minor = torch.cuda.get_device_capability(index)
    supported = [int(arch.split("_")[1].rstrip("af")) for arch in torch.cuda.get_arch_list() if arch.startswith("sm_")]
    return f"sm_{major}{minor}", any(arch // 10 == major and arch % 10 <= minor for arch in supported)


def _amd_architecture(index: int) -> tuple[str, bool]:
    """The same of AMD's GPUs, which PyTorch calls CUDA devices, too. What follows a colon are features."""
    import torch

    name = torch.cuda.get_device_properties(index).gcnArchName.partition(":")[0]
    return name, name in [arch.partition(":")[0] for arch in torch.cuda.get_arch_list()]


def _mps_problem() -> str | None:
    require_torch()
    import torch

    return None if torch.backends.mps.is_available() else "this machine has no Apple GPU that PyTorch can use"


def _may_have_gpu() -> bool:
    """Whether it is worth importing torch to ask: Apple's processors, a loadable CUDA driver, or AMD's device file."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return Path("/dev/kfd").exists()
    return True
