"""Short questions to the worker: where a run would happen, whether PyTorch works, what is wrong with the inputs."""

from __future__ import annotations

from typing import Any

from .conversation import Conversation
from .run_files import RunFiles
from .worker_client import Event


class Inquiry:
    """A question under way; the owner calls ``poll()`` until it has ended.

    Args:
        conversation: the worker, which has been asked.
        files: the folder that the worker reads, if any.
    """

    def __init__(self, conversation: Conversation, files: RunFiles | None = None) -> None:
        self._conversation = conversation
        self._files = files
        self._event: Event = {}
        self.ended = False

    def poll(self) -> bool:
        """Take in what the worker has said; never waits for it. Returns whether the question has ended."""
        for event in [] if self.ended else self._conversation.poll():
            if event["event"] != "progress":
                self._event, self.ended = event, True
                self._removeFiles()
        return self.ended

    def cancel(self) -> None:
        """Want no answer any more."""
        if not self.ended:
            self.ended = True
            self._conversation.cancel(self._removeFiles)

    @property
    def failed(self) -> bool:
        """Whether the worker could not answer."""
        return self._event.get("event") == "error"

    def _removeFiles(self) -> None:
        if self._files is not None:
            self._files.remove()


class Question(Inquiry):
    """About the worker itself."""

    @property
    def answer(self) -> dict[str, Any] | None:
        """The worker's event; None until it has come.

        ``status`` has engine, model, device, reason, torch and cuda; ``selfcheck`` has ok and sentence. A worker that
        failed gives ``ok`` (False), ``sentence`` and ``details``.
        """
        if not self._event:
            return None
        if self.failed:
            sentence = " ".join(self._event.get("problems", ()))
            return {"ok": False, "sentence": sentence, "details": self._event.get("details", "")}
        return dict(self._event)


class CheckRun(Inquiry):
    """About the inputs of a run, which is not started."""

    @property
    def findings(self) -> tuple[dict[str, Any], ...]:
        """All that is wrong, blocking findings first: code, severity, volumes, message, remedy."""
        return tuple(self._event.get("findings", ()))

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the check itself failed, one sentence each; normally empty."""
        return tuple(self._event.get("problems", ())) if self.failed else ()
