"""What a command costs: ``resource_use.py RESULT COMMAND...`` runs it and writes JSON.

In a small process of its own, because a child's peak memory begins with that of the process that started it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

KILO = 1 if sys.platform == "darwin" else 1024
"""Bytes in the unit of ``ru_maxrss``."""


def run(command: list[str]) -> tuple[int, dict[str, Any]]:
    """Exit code, and ``cpu`` and ``wall`` in seconds and ``memory`` in bytes.

    ``cpu`` is the user and system time of the process and of all its children that have ended; ``memory`` the largest
    resident size of any of these processes.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, {
        "cpu": usage.ru_utime + usage.ru_stime,
        "wall": wall,
        "memory": usage.ru_maxrss * KILO,
    }


if __name__ == "__main__":
    code, cost = run(sys.argv[2:])
    Path(sys.argv[1]).write_text(json.dumps(cost))
    sys.exit(code if code >= 0 else 1)
