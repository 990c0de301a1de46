"""Runs the README's training sequence, from data to an exported model, just as it is printed there.

python Testing/demo/training_sequence.py                  # in a new temporary folder, minutes on 2 cores
python Testing/demo/training_sequence.py --folder demo    # in a folder that stays; a stopped sequence goes on
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tumorseg_training.cli import main as tumorseg_train

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "tumorseg-train "


def training_sequence(readme: str) -> list[list[str]]:
    """Arguments of each command of the training sequence; paths of the checkout become absolute.

    Args:
        readme: text of README.md.
    """
    section = readme.split("\n## Training\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith(COMMAND)]
    return [[_located(word) for word in shlex.split(line, comments=True)[1:]] for line in lines]


def run_sequence(commands: Sequence[Sequence[str]], run: Callable[[Sequence[str]], int] = tumorseg_train) -> int:
    """Run commands in the working folder until one fails; the exit code."""
    for words in commands:
        print(f"\n$ {COMMAND}{shlex.join(words)}", flush=True)
        if code := run(words):
            return code
    return 0


def main() -> int:
    """Run everything; the exit code of the first command that fails, or 0."""
    parser = argparse.ArgumentParser(description="Run the README's training sequence.")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="folder that stays (default: a temporary one)")
    folder = parser.parse_args().folder or Path(tempfile.mkdtemp(prefix="training-sequence-"))
    folder.mkdir(parents=True, exist_ok=True)
    commands = training_sequence((ROOT / "README.md").read_text(encoding="utf-8"))
    os.chdir(folder)
    code = run_sequence(commands)
    print(f"\nEverything lies in {folder.resolve()}")
    return code


def _located(word: str) -> str:
    return str(ROOT / word) if "/" in word and (ROOT / word).exists() else word


if __name__ == "__main__":
    sys.exit(main())
