"""Which volume is taken for which sequence, and who decided it: the recognition or the user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tumorseg.finding import listed
from tumorseg.sequences import DISPLAY_NAMES, SEQUENCES

from .presenter_findings import Found, Severity
from .translation import _


@dataclass(frozen=True)
class Recognized:
    """A volume that was recognized as a sequence: its identifier in the scene, its name, 0-1 confidence and why."""

    identifier: str
    name: str
    confidence: float
    reason: str


@dataclass(frozen=True)
class RowState:
    """What stands beside the selector of one sequence.

    Attributes:
        confidence: how sure the recognition is, or that the user has chosen; empty for an empty selector.
        toolTip: why.
        canSuggest: whether the button that takes the recognized volume is shown.
        suggestToolTip: what that button does.
    """

    confidence: str
    toolTip: str
    canSuggest: bool
    suggestToolTip: str


Chosen = Mapping[str, "str | None"]
"""Identifier of the volume per sequence; None where none is chosen."""


class InputsPresenter:
    """Keeps apart what the user has chosen and what was recognized; only the latter is guessed anew.

    Args:
        fixed: sequences that the user has chosen before, e.g. those of a saved scene; without a volume they are free
            again, as it was removed since.
        current: the volumes chosen now.
    """

    def __init__(self, fixed: Iterable[str] = (), current: Chosen | None = None) -> None:
        self._known: dict[str, str | None] = dict(current or {})
        self.fixed = {name for name in fixed if name in SEQUENCES and self._known.get(name)}
        self._guesses: Mapping[str, Recognized] = {}
        self._free: Mapping[str, Recognized] = {}

    def noticed(self, current: Chosen) -> bool:
        """Compare the selectors with what was set last; what differs, the user has changed. Returns whether any did.

        An emptied selector is free again: a volume that is loaded later may fill it.
        """
        changed = [name for name in SEQUENCES if current.get(name) != self._known.get(name)]
        for name in changed:
            if current.get(name):
                self.fixed.add(name)
            else:
                self.fixed.discard(name)
            self._known[name] = current.get(name)
        return bool(changed)

    def fill(self, guesses: Mapping[str, Recognized], free: Mapping[str, Recognized]) -> dict[str, str | None]:
        """Take in what was recognized and tell what to set.

        Args:
            guesses: per sequence, given what the user has fixed.
            free: as if the user had fixed nothing; offered where the user chose otherwise.

        Returns:
            Identifier (None: empty) for every selector that has to change; never one that the user has set, nor one
            whose volume has merely got a rival, such as a copy of it without skull.
        """
        if self._same(guesses):
            taken = {guess.identifier for guess in guesses.values()} | {self._known.get(name) for name in self.fixed}
            kept = {name: guess for name, guess in self._guesses.items() if guess.identifier not in taken}
            guesses = {**kept, **guesses}
        self._guesses, self._free = guesses, free
        wanted = {name: guesses[name].identifier if name in guesses else None for name in SEQUENCES}
        changes = {
            name: identifier
            for name, identifier in wanted.items()
            if name not in self.fixed and identifier != self._known.get(name)
        }
        self._known.update(changes)
        return changes

    def _same(self, guesses: Mapping[str, Recognized]) -> bool:
        """Whether guesses are of the examination before: none contradicts it, and one confirms it if there is any."""
        known = [(self._known.get(name), guess.identifier) for name, guess in guesses.items()]
        agree = [before == now for before, now in known if before is not None]
        return all(agree) and bool(agree or not guesses)

    def leave(self, identifier: str) -> dict[str, str | None]:
        """A volume is about to be removed: its selectors are free again; returns what to set.

        Otherwise they would take the next volume of their lists, which nobody has chosen.
        """
        changes: dict[str, str | None] = {name: None for name, known in self._known.items() if known == identifier}
        self._known.update(changes)
        self._guesses = {name: guess for name, guess in self._guesses.items() if guess.identifier != identifier}
        self.fixed.difference_update(changes)
        return changes

    def release(self, names: Iterable[str] = SEQUENCES) -> None:
        """Give sequences back to the recognition; the next ``fill`` sets them."""
        self.fixed.difference_update(names)

    def swap(self, first: str, second: str) -> dict[str, str | None]:
        """Exchange two volumes as the user's choice; returns what to set."""
        changes = {first: self._known.get(second), second: self._known.get(first)}
        self._known.update(changes)
        self.fixed.update((first, second))
        return changes

    def row(self, name: str) -> RowState:
        """What stands beside a selector."""
        free, current = self._free.get(name), self._known.get(name)
        offered = free is not None and name in self.fixed and free.identifier != current
        confidence, toolTip = self._confidence(name)
        return RowState(confidence, toolTip, offered, _offer(name, free) if offered and free else "")

    def _confidence(self, name: str) -> tuple[str, str]:
        guess, current = self._guesses.get(name), self._known.get(name)
        if current is None:
            return "", _("No loaded volume is recognized as {sequence}, or several are; choose it.").format(
                sequence=DISPLAY_NAMES[name]
            )
        if name in self.fixed:
            return _("your choice"), _("You have chosen this volume; it stays when other volumes are loaded.")
        if guess is None:
            return "", ""
        return _("{percent} % sure").format(percent=round(100 * guess.confidence)), guess.reason


def sampleHintVisible(volumeCount: int) -> bool:
    """Whether the panel explains how to load volumes: as long as there is none."""
    return volumeCount == 0


def leftOutFinding(name: str, missing: Iterable[str]) -> Found:
    """The finding on an examination that was loaded and not taken.

    Args:
        name: of the examination.
        missing: sequences that were not recognized in it.
    """
    titles = [DISPLAY_NAMES[sequence] for sequence in missing]
    one = _('"{name}" was loaded too, but its {sequences} is not recognized; choose one of its volumes.')
    several = _('"{name}" was loaded too, but its {sequences} are not recognized; choose one of its volumes.')
    message = (several if len(titles) > 1 else one).format(name=name, sequences=listed(titles))
    return {"code": "left-out", "severity": Severity.NOTE.value, "volumes": (), "message": message, "remedy": ""}


def _offer(name: str, guess: Recognized) -> str:
    sentence = _("Take {volume} as {sequence}: {percent} % sure. {reason}")
    return sentence.format(
        volume=guess.name, sequence=DISPLAY_NAMES[name], percent=round(100 * guess.confidence), reason=guess.reason
    ).strip()
