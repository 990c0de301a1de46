"""Wall time, CPU time of a process with all its children, and how long a GPU waits."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import torch
from settings import Settings
from torch import Tensor

Batches = Iterator[tuple[Tensor, Tensor]]
Work = Callable[[Tensor, Tensor], None]


def measured(batches: Batches, settings: Settings) -> dict[str, Any]:
    """Take the batches of the warm-up, then measure the others.

    Returns:
        ``samples``, ``wall`` and ``cpu`` in seconds (``cpu`` of all processes, null where it cannot be had), ``shape``
        of a batch, and on a GPU ``idle``, the share of the time in which it waited.
    """
    work = _training_step(settings) if settings.task == "training" else _nothing
    for images, labels in islice(batches, settings.warm_up):
        work(images, labels)
    events: list[tuple[Any, Any]] = []
    wall, cpu = _now(settings.device), cpu_seconds()
    for images, labels in islice(batches, settings.batches):
        with _BusyTime(settings.device, events):
            work(images, labels)
    wall = _now(settings.device) - wall
    cpu = None if cpu is None else cpu_seconds() - cpu
    return {
        "samples": settings.batches * settings.batch,
        "wall": wall,
        "cpu": cpu,
        "shape": list(images.shape),
        "idle": _idle_share(events),
    }


def _training_step(settings: Settings) -> Work:
    """Forward, loss, backward and update of our network, the same for every contender."""
    from tumorseg.network import UNet3D
    from tumorseg.network_config import UNet3DConfig
    from tumorseg.regions import REGIONS
    from tumorseg_training.loss import supervised_loss

    torch.manual_seed(0)
    network = UNet3D(UNet3DConfig(features=settings.features)).to(settings.device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    known = torch.ones((settings.batch, len(REGIONS)), device=settings.device)
    half = torch.autocast(settings.device, torch.bfloat16, enabled=settings.device == "cuda")

    def step(images: Tensor, labels: Tensor) -> None:
        regions = [sum(labels == value for value in values) for values in REGIONS.values()]
        with half:
            heads = network(images)
        loss = supervised_loss([head.float() for head in heads], torch.stack(regions, 1).float(), known, "dice_bce")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def _nothing(images: Tensor, labels: Tensor) -> None:
    """Loading alone."""


def _now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


class _BusyTime:
    """Events around the work of a batch in the GPU's queue; the GPU is idle between the end of one and the next."""

    def __init__(self, device: str, events: list[tuple[Any, Any]]) -> None:
        self.device, self.events = device, events

    def __enter__(self) -> None:
        if self.device == "cuda":
            self.events.append((torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)))
            self.events[-1][0].record()

    def __exit__(self, *error: object) -> None:
        if self.device == "cuda":
            self.events[-1][1].record()


def _idle_share(events: list[tuple[Any, Any]]) -> float | None:
    if not events:
        return None
    waited = sum(end.elapsed_time(start) for (_, end), (start, _) in pairwise(events))
    return waited / events[0][0].elapsed_time(events[-1][1])


def cpu_seconds() -> float | None:
    """CPU time so far of this process, its threads and its running children; None without Linux's ``/proc``."""
    if not sys.platform.startswith("linux"):
        return None
    parents, spent = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        # Fields 4, 14 and 15 of proc(5), counted after the name.
        parents[int(folder.name)] = int(fields[1])
        spent[int(folder.name)] = int(fields[11]) + int(fields[12])
    ticks = sum(spent[process] for process in spent if _descends(process, os.getpid(), parents))
    return ticks / os.sysconf("SC_CLK_TCK")


def _descends(process: int, ancestor: int, parents: dict[int, int]) -> bool:
    while process and process != ancestor:
        process = parents.get(process, 0)
    return process == ancestor
