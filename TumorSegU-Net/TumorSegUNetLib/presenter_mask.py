"""Whose a brain mask is: it is let go when other volumes are chosen than those that it was chosen for."""

from __future__ import annotations

from collections.abc import Mapping

from tumorseg.sequences import REFERENCE_ORDER

from .presenter_findings import Found, Severity
from .presenter_inputs import Chosen
from .translation import _


class MaskKeeper:
    """Knows the volumes that the chosen mask was chosen for.

    A mask that lies elsewhere than the next patient's volumes is refused by the check; one that happens to lie over
    them would be used without a word.
    """

    def __init__(self) -> None:
        self._mask: str | None = None
        self._volumes: dict[str, str | None] = {}

    def fits(self, mask: str | None, volumes: Chosen) -> bool:
        """Take in what is chosen now; False for a mask that was chosen for another T1ce.

        One that was another sequence then is of the same patient: T1 and T1ce were exchanged.
        Without a T1ce, now or then, the first of the other volumes in the order of references tells.

        Args:
            mask: identifier of the mask; None without one.
            volumes: identifier of the volume per sequence.
        """
        chosen: Mapping[str, str] = {name: known for name in REFERENCE_ORDER if (known := volumes.get(name))}
        if mask != self._mask:
            self._mask, self._volumes = mask, {}
        reference = next((name for name in REFERENCE_ORDER if name in chosen and name in self._volumes), None)
        if mask is not None and reference is not None and chosen[reference] not in self._volumes.values():
            return False
        self._volumes.update(chosen)
        return True

    def leave(self, identifier: str) -> bool:
        """A node is about to be removed: no other volume is it, whatever its identifier. Whether it is the mask."""
        self._volumes = {name: None if known == identifier else known for name, known in self._volumes.items()}
        return identifier == self._mask


def letGo(mask: str) -> Found:
    """The finding that says so.

    Args:
        mask: name of the mask.
    """
    message = _('The brain mask "{mask}" is not used any more, as it was chosen for other volumes.').format(mask=mask)
    remedy = _("If these show the skull, choose their own mask under Advanced.")
    return {"code": "mask-let-go", "severity": Severity.NOTE.value, "volumes": (), "message": message, "remedy": remedy}
