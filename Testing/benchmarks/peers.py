"""The environment in which the peers run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def peers_python(folder: Path) -> Path:
    """Python of the peers' environment in a folder; the environment is made when it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"The peers' environment is made in {folder} ...", file=sys.stderr, flush=True)
        subprocess.run(["bash", str(HERE / "make_peers_venv.sh"), str(folder), sys.executable], check=True)
    return python.absolute()
