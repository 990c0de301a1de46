"""Memory that a run may take: of the host with the limits set for this process, and of a GPU."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

KIB = 1024

MAC_SHARE = 0.5
"""macOS counts caches as used and compresses memory; half of what is built in is what a program can have quietly."""


def free_bytes(device: str) -> int | None:
    """Bytes that can still be taken on a device (``cpu``, ``cuda``, ``cuda:N`` or ``mps``); None where unknown."""
    if device.startswith("cuda"):
        return _gpu_bytes(device)
    return host_bytes()


def host_bytes(root: Path = Path("/")) -> int | None:
    """The smallest of what the system, the control groups and the process's limits leave; None where unknown.

    Args:
        root: where ``proc`` and ``sys`` are mounted.
    """
    if sys.platform.startswith("linux"):
        return min((*_system(root), *_control_groups(root), *_process_limits(root)), default=None)
    if sys.platform == "win32":
        return _windows_bytes()
    return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * MAC_SHARE)


def _gpu_bytes(device: str) -> int:
    import torch

    free, _ = torch.cuda.mem_get_info(device)
    # What torch keeps for later is free for us, too.
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(free + kept)


def _system(root: Path) -> Iterator[int]:
    available = _kib_fields(root / "proc/meminfo").get("MemAvailable")
    if available is not None:
        yield available


def _control_groups(root: Path) -> Iterator[int]:
    """What the groups of this process, versions 1 and 2, leave; caches of files count as free."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, kinds, path = line.split(":", 2)
        if kinds == "":
            folder, limit, used = root / "sys/fs/cgroup", "memory.max", "memory.current"
        elif "memory" in kinds.split(","):
            folder, limit, used = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        group = folder / path.lstrip("/")
        for place in (group, *group.parents):
            most, taken = _text(place / limit).strip(), _text(place / used).strip()
            if most.isdigit() and taken.isdigit():
                yield max(0, int(most) - int(taken) + _cached(place / "memory.stat"))
            if place == folder:
                break


def _cached(statistics: Path) -> int:
    fields = dict(line.split(" ", 1) for line in _text(statistics).splitlines())
    return int(fields.get("total_inactive_file") or fields.get("inactive_file") or 0)


def _process_limits(root: Path) -> Iterator[int]:
    """What ``ulimit -v`` and ``ulimit -d`` leave."""
    import resource

    taken = _kib_fields(root / "proc/self/status")
    for limit, field in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        most = resource.getrlimit(limit)[0]
        if most != resource.RLIM_INFINITY:
            yield max(0, most - taken.get(field, 0))


def _kib_fields(path: Path) -> dict[str, int]:
    """Fields of a file of ``name:  number kB`` lines, in bytes."""
    parts = [line.split() for line in _text(path).splitlines() if line.endswith("kB")]
    return {words[0].rstrip(":"): int(words[1]) * KIB for words in parts}


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


class _MemoryStatus(ctypes.Structure):
    """``MEMORYSTATUSEX`` of the Windows API."""

    _fields_ = (
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        *((name, ctypes.c_uint64) for name in ("total", "free", "page_total", "page_free")),
        *((name, ctypes.c_uint64) for name in ("virtual_total", "virtual_free", "extended_free")),
    )


def _windows_bytes() -> int | None:
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    known = vars(ctypes)["windll"].kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
    return int(status.free) if known else None
