"""Where the network may run, as the user chooses it."""

from __future__ import annotations

import sys
from enum import Enum

from .translation import _


class Device(Enum):
    """The value is the engine's name of the device; the scene keeps the member's name."""

    AUTO = "auto"
    GPU = "cuda"
    MPS = "mps"
    CPU = "cpu"

    def fitsPlatform(self, platform: str = sys.platform) -> bool:
        """Whether such a device can exist: Apple's GPU is in Macs only, and PyTorch has no CUDA for them."""
        return self is not (Device.GPU if platform == "darwin" else Device.MPS)

    def label(self) -> str:
        """What the list shows."""
        return {
            Device.AUTO: _("Automatic"),
            Device.GPU: _("NVIDIA GPU"),
            Device.MPS: _("Apple GPU"),
            Device.CPU: _("CPU"),
        }[self]
