"""Where the network will run and why: the line that answers "why am I on the CPU?"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .translation import _


@dataclass(frozen=True)
class DeviceState:
    """The sentence, and whether installing PyTorch is offered."""

    sentence: str
    mayInstall: bool


def deviceState(torchInstalled: bool, facts: Mapping[str, Any] | None) -> DeviceState:
    """What is known about the device.

    Args:
        torchInstalled: whether PyTorch is there at all.
        facts: the worker's answer to ``status`` (reason) or ``selfcheck`` (ok, sentence); None until it has come.
    """
    if not torchInstalled:
        return DeviceState(_("PyTorch, which runs the network, is not installed yet."), True)
    if facts is None:
        return DeviceState("", False)
    return DeviceState(str(facts.get("sentence") or facts.get("reason") or ""), False)
