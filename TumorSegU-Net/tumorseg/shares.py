"""Several processes that share the cases of a batch, as ``torchrun`` starts them: one per GPU, on one or more machines.

Each process takes every n-th case, so that all results are the same however many processes there are.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from tumorseg.errors import BadInputError

Item = TypeVar("Item")

LONGEST_WAIT = timedelta(days=7)
"""For the slowest process at the end."""


@dataclass(frozen=True)
class Share:
    """The part of one process.

    Attributes:
        rank: number of the process, from 0.
        count: of processes.
        local_rank: number of the process on its machine.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0

    def of(self, items: Sequence[Item]) -> list[Item]:
        """The items of this process."""
        return list(items[self.rank :: self.count])

    def device(self, wanted: str) -> str:
        """The GPU of this process where ``auto`` or ``cuda`` is wanted and there are GPUs; otherwise what is wanted."""
        if self.count == 1 or wanted not in ("auto", "cuda"):
            return wanted
        import torch

        gpus = torch.cuda.device_count()
        return f"cuda:{self.local_rank % gpus}" if gpus else wanted

    def join(self) -> None:
        """Meet the other processes, so that they can exchange what they did.

        Raises:
            BadInputError: they cannot be reached.
        """
        if self.count == 1:
            return
        from torch import distributed

        try:
            distributed.init_process_group("gloo", timeout=LONGEST_WAIT)
        except (ValueError, RuntimeError) as error:
            raise BadInputError(
                f"The processes of the batch cannot reach each other ({error}); start them with torchrun."
            ) from error

    def gather(self, items: Sequence[Item]) -> list[Item]:
        """The items of all processes, known to each; waits until the slowest one is there."""
        if self.count == 1:
            return list(items)
        from torch import distributed

        gathered: list[Any] = [None] * self.count
        distributed.all_gather_object(gathered, list(items))
        return [item for part in gathered for item in part]


def this_share() -> Share:
    """What ``torchrun`` says in ``RANK``, ``WORLD_SIZE`` and ``LOCAL_RANK``; everything where it says nothing.

    Raises:
        BadInputError: the variables do not fit together.
    """
    texts = [os.environ.get(name, default) for name, default in (("RANK", "0"), ("WORLD_SIZE", "1"))]
    texts.append(os.environ.get("LOCAL_RANK", texts[0]))
    if all(text.isdecimal() for text in texts):
        share = Share(*map(int, texts))
        if share.rank < share.count:
            return share
    raise BadInputError(
        f"RANK {texts[0]}, WORLD_SIZE {texts[1]} and LOCAL_RANK {texts[2]} do not fit together; "
        "start the processes with torchrun, or remove these variables."
    )
