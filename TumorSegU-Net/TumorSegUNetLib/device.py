"""Where the network may run, as the user chooses it."""

from __future__ import annotations

from enum import Enum

from .translation import _


class Device(Enum):
    """The value is the engine's name of the device; the scene keeps the member's name."""

    AUTO = "auto"
    GPU = "cuda"
    MPS = "mps"
    CPU = "cpu"

    def label(self) -> str:
        """What the list shows."""
        return {
            Device.AUTO: _("Automatic"),
            Device.GPU: _("NVIDIA GPU"),
            Device.MPS: _("Apple GPU"),
            Device.CPU: _("CPU"),
        }[self]
