"""How many threads compute: one per physical core, fewer where other work must stay fluent."""

from __future__ import annotations

import math
import os
import platform
import sys
from pathlib import Path

from tumorseg.torch_import import loaded_torch

THREADS_VARIABLE = "TUMORSEG_THREADS"
"""Environment variable: number of threads."""

SPARE_VARIABLE = "TUMORSEG_SPARE_CORES"
"""Environment variable: physical cores left alone when the number of threads is not given; 3D Slicer leaves one."""

BLAS_VARIABLE = "OPENBLAS_NUM_THREADS"
"""Environment variable of numpy's OpenBLAS. The engine's matrices are small: a second thread waits, busily."""

_DIGITS = 4
"""Of a number of threads or cores; more is a slip, at which torch would fail."""

_TOPOLOGY = Path("/sys/devices/system/cpu")

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Of the control group (version 2) that a container sees as its root: microseconds of CPU time per period."""


def thread_count() -> int:
    """Threads for a network: ``TUMORSEG_THREADS``, or ``OMP_NUM_THREADS``, or the physical cores but the spare ones."""
    for variable in (THREADS_VARIABLE, "OMP_NUM_THREADS"):
        if number := _number(variable):
            return number
    return max(1, physical_cores() - _number(SPARE_VARIABLE))


def current_threads() -> int:
    """``thread_count``, unless torch is loaded and was told otherwise, as in the processes of a training."""
    torch = loaded_torch()
    if torch is None or os.environ.get(THREADS_VARIABLE) or os.environ.get(SPARE_VARIABLE):
        return thread_count()
    return int(torch.get_num_threads())


def limit_torch() -> None:
    """Let torch, where it is loaded, compute with ``thread_count`` threads."""
    if torch := loaded_torch():
        torch.set_num_threads(thread_count())


def physical_cores(topology: Path = _TOPOLOGY, quota: Path = _QUOTA) -> int:
    """Physical cores that this process may use; a guess where the system does not say.

    Args:
        topology: Linux's folder of processors (``Documentation/admin-guide/cputopology.rst``).
        quota: Linux's file with what a container may use (``Documentation/admin-guide/cgroup-v2.rst``).
    """
    if sys.platform.startswith("linux"):
        usable = os.sched_getaffinity(0)
        siblings = {_siblings(topology / f"cpu{cpu}" / "topology" / "thread_siblings_list", cpu) for cpu in usable}
        return max(1, min(len(siblings), _allowed_cores(quota)))
    logical = os.cpu_count() or 1
    two_each = platform.machine().lower() in ("amd64", "x86_64")
    return max(1, logical // 2 if two_each else logical)


def _allowed_cores(quota: Path) -> int:
    """Cores' worth of CPU time; more threads than that are only put to sleep. A large number where all are allowed."""
    try:
        most, period = quota.read_text().split()
        return math.ceil(int(most) / int(period))
    except (OSError, ValueError):  # no such file, or "max"
        return sys.maxsize


def _siblings(path: Path, cpu: int) -> str:
    """The processors that share a core with this one; itself where that is not told."""
    try:
        return path.read_text().strip()
    except OSError:
        return str(cpu)


def _number(variable: str) -> int:
    """A positive whole number from the environment; 0 where there is none, or one of more than four digits."""
    text = os.environ.get(variable, "")
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else 0
