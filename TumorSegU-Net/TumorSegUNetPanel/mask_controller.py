"""The brain mask: belongs to the volumes that it was chosen for, and leaves with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from TumorSegUNetLib.presenter_findings import Found
from TumorSegUNetLib.presenter_inputs import Chosen
from TumorSegUNetLib.presenter_mask import MaskKeeper, letGo


class MaskController:
    """Empties the selector when the mask's volumes are not chosen any more.

    Args:
        volumes: tells the identifier of the chosen volume per sequence.
    """

    def __init__(self, volumes: Callable[[], Chosen]) -> None:
        self._volumes = volumes
        self._parameters: Any = None
        self._keeper = MaskKeeper()
        self._told: Chosen = {}
        self.findings: tuple[Found, ...] = ()

    def setParameters(self, parameters: Any) -> None:
        """Work on another parameter node, or on none; its mask was chosen for its volumes."""
        self._parameters = parameters
        self._keeper = MaskKeeper()
        self.findings = ()
        if parameters is not None:
            self.parametersChanged()

    @property
    def node(self) -> Any:
        """The chosen mask; None without one."""
        return self._parameters.brainMask

    @property
    def identifier(self) -> str | None:
        """Of the chosen mask in the scene."""
        return self.node.GetID() if self.node is not None else None

    def parametersChanged(self) -> None:
        """Let a mask go that was chosen for other volumes; what is said of it goes with those that took their place."""
        volumes = {name: known for name, known in self._volumes().items() if known}
        if not self._keeper.fits(self.identifier, volumes):
            self._told = volumes
            self.findings = (letGo(self.node.GetName()),)
            self._parameters.brainMask = None
        elif self.node is not None or any(volumes.get(name) != known for name, known in self._told.items()):
            self.findings = ()
        self._told = {**self._told, **volumes} if self.findings else {}

    def nodeLeaves(self, identifier: str) -> None:
        """A node is about to be removed; called before the selector notices, which would take the next of its list."""
        if self._keeper.leave(identifier) and self._parameters is not None:
            self._parameters.brainMask = None
