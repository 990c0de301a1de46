"""The problems a user can meet, each with one sentence, a kind for the worker and an exit code for the shell."""

from __future__ import annotations

from collections.abc import Sequence


class TumorSegError(Exception):
    """Base of every problem that is told to the user in words.

    Attributes:
        problems: one sentence per problem; each names the file or volume, what is wrong and what to do.
        kind: the ``kind`` of the worker's ``error`` event.
        exit_code: what the command line returns.
    """

    kind = "internal"
    exit_code = 1

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class BadInputError(TumorSegError):
    """An input, an option or an output path that cannot be used."""

    kind = "bad-input"
    exit_code = 2


class ModelError(TumorSegError):
    """A model that is unknown, damaged or not understood by this version."""

    kind = "model"
    exit_code = 3


class OutOfMemoryError(TumorSegError):
    """Not enough memory: on any device of the ladder, or for what comes before and after the network."""

    kind = "out-of-memory"
    exit_code = 1

    def __init__(
        self, problems: str | Sequence[str] = "There is not enough memory; close other programs and try again."
    ) -> None:
        super().__init__(problems)


class CancelledError(TumorSegError):
    """The user cancelled the run; nothing was written."""

    kind = "cancelled"
    exit_code = 130

    def __init__(self) -> None:
        super().__init__("Cancelled; nothing was written.")
