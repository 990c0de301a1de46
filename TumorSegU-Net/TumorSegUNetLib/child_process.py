"""Child processes of our own Python code: started apart from the user's files, ended with everything they started."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tumorseg import cache_folder, modelstore
from tumorseg.threads import BLAS_VARIABLE, SPARE_VARIABLE

MODULE_FOLDER = Path(__file__).resolve().parent.parent
"""Holds the engine's package ``tumorseg`` and this one."""


def pythonCommand(module: str) -> list[str]:
    """Command line of a module: with Slicer's Python in the application, with this interpreter elsewhere."""
    return [shutil.which("PythonSlicer") or sys.executable, "-m", module]


def startProcess(command: Sequence[str]) -> subprocess.Popen[str]:
    """Start a process with text pipes (UTF-8).

    Raises:
        OSError: it cannot be started.
    """
    # A numpy.py in the user's folder must not stand in for numpy: Python 3.10 knows no "safe path", hence cwd below.
    environment = dict(os.environ, PYTHONUNBUFFERED="1", PYTHONIOENCODING="utf-8", PYTHONSAFEPATH="1")
    environment.setdefault(SPARE_VARIABLE, "1")  # 3D Slicer must stay fluent
    environment.setdefault(BLAS_VARIABLE, "1")
    paths = [str(MODULE_FOLDER), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    _makeFoldersAbsolute(environment)
    # A group of its own, so that the process can be ended together with its children.
    isolation: dict[str, Any] = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=MODULE_FOLDER,
        encoding="utf-8",
        errors="replace",
        **isolation,
    )


def _makeFoldersAbsolute(environment: dict[str, str]) -> None:
    """A relative folder would mean another one in the child, which starts in the module's."""
    for variable in (modelstore.FOLDER_VARIABLE, cache_folder.FOLDER_VARIABLE):
        if folder := environment.get(variable):
            with contextlib.suppress(RuntimeError):  # in the home of nobody: the child does without, as we do
                environment[variable] = str(Path(folder).expanduser().absolute())


def killTree(process: subprocess.Popen[str]) -> None:
    """End the process and its children; harmless when they have gone already."""
    if sys.platform == "win32":
        command = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(command, capture_output=True, check=False, creationflags=subprocess.CREATE_NO_WINDOW)
        return
    # Errors mean that nobody is left in the group (macOS says "not permitted" for a group of zombies).
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
