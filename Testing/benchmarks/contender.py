"""One measurement of one contender, in a process of its own: ``contender.py SETTINGS RESULT``."""

from __future__ import annotations

import importlib
import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from measure import measured
from settings import Settings


def main() -> None:
    """Measure, and write the result and the environment as JSON."""
    settings = Settings.from_json(sys.argv[1])
    torch.set_num_threads(1 if settings.workers else settings.threads)
    contender = importlib.import_module(f"contender_{settings.contender}")
    result = measured(contender.batches(settings), settings)
    versions = {name: version(name) for name in contender.PACKAGES}
    Path(sys.argv[2]).write_text(json.dumps({**result, "python": platform.python_version(), "versions": versions}))


if __name__ == "__main__":
    main()
