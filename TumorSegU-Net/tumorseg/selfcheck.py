"""Can this machine run a network at all? Answered in one sentence, before the first run."""

from __future__ import annotations

from dataclasses import dataclass

from tumorseg.errors import TumorSegError
from tumorseg.torch_import import require_torch

TOLERANCE = 1e-3
"""Largest difference of the test convolution from its known result; TF32 on GPUs rounds to 10 bits."""


@dataclass(frozen=True)
class SelfCheck:
    """Whether a network can run, one sentence for the user, and where it would run (None: nowhere)."""

    ok: bool
    sentence: str
    device: str | None = None


@dataclass(frozen=True)
class DeviceFacts:
    """What the user may ask about the device.

    Attributes:
        device: where a network would run; None where it cannot.
        reason: one sentence, e.g. why it is the CPU.
        torch: version of PyTorch; None when it cannot be loaded.
        cuda: whether PyTorch finds a CUDA device.
    """

    device: str | None
    reason: str
    torch: str | None = None
    cuda: bool = False


def device_facts(wanted: str = "auto") -> DeviceFacts:
    """Facts about the device that a run would get; problems are told in ``reason``."""
    try:
        require_torch()
        import torch

        from tumorseg.devices import choose_device

        version, cuda = str(torch.__version__), torch.cuda.is_available()
    except TumorSegError as error:
        return DeviceFacts(None, " ".join(error.problems))
    try:
        device = choose_device(wanted)
    except TumorSegError as error:
        return DeviceFacts(None, " ".join(error.problems), version, cuda)
    return DeviceFacts(device.name, device.reason, version, cuda)


def self_check(wanted: str = "auto") -> SelfCheck:
    """Import torch, choose the device (GPU architecture included) and compute one known 3-D convolution on it.

    Args:
        wanted: as ``choose_device`` takes it.

    Returns:
        Never raises for a PyTorch or a device that does not work: that is the answer.
    """
    facts = device_facts(wanted)
    if facts.device is None:
        return SelfCheck(False, facts.reason)
    try:
        exact = _convolves(facts.device)
    except RuntimeError as error:  # what torch raises for drivers, memory and kernels
        reason = str(error).strip().partition("\n")[0]
        return SelfCheck(
            False, f"A test computation on {facts.device} failed ({reason}); choose the CPU.", facts.device
        )
    if not exact:
        sentence = f"A test computation on {facts.device} gave wrong numbers; update the driver or choose the CPU."
        return SelfCheck(False, sentence, facts.device)
    return SelfCheck(True, f"PyTorch {facts.torch} works. {facts.reason}", facts.device)


def _convolves(device: str) -> bool:
    """Whether a convolution with ones counts the voxels of each 3 x 3 x 3 neighborhood."""
    import torch

    ones = torch.ones((1, 1, 5, 5, 5), device=device)
    counted = torch.nn.functional.conv3d(ones, torch.ones((1, 1, 3, 3, 3), device=device), padding=1).cpu()
    line = torch.tensor([2.0, 3.0, 3.0, 3.0, 2.0])
    expected = line[:, None, None] * line[:, None] * line
    return bool(torch.allclose(counted[0, 0], expected, atol=TOLERANCE))
