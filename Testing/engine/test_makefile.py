"""``make demo`` in a small copy of the checkout: set up once, and anew where the set-up no longer works."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).resolve().parents[2] / "Makefile"
PACKAGES = ("TumorSegU-Net/tumorseg", "TumorSegTraining/tumorseg_training")
FILES = {
    "constraints.txt": "",
    "requirements-dev.txt": "",
    "TumorSegU-Net/pyproject.toml": "",
    "TumorSegTraining/pyproject.toml": "",
    **{f"{package}/__init__.py": "" for package in PACKAGES},
    "Testing/demo/run_demo.py": "import tumorseg_training\nprint('demo of', tumorseg_training.__file__)\n",
}

PIP = """
import os, sysconfig
from pathlib import Path
lines = (os.path.abspath(folder) for folder in ("TumorSegU-Net", "TumorSegTraining"))
Path(sysconfig.get_path("purelib"), "editable.pth").write_text("\\n".join(lines))
"""
"""Stands for pip: installs both packages as editable, nothing else."""

SETTING_UP = "Setting up .venv"
ANEW = "does not work here"

Make = Callable[[Path], str]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout without a set-up, in a folder whose name has a blank."""
    folder = tmp_path / "a checkout"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    shutil.copy(MAKEFILE, folder)
    return folder


@pytest.fixture
def demo(tmp_path: Path) -> Make:
    """Runs ``make demo`` in a folder, with a Python whose environments have the stand-in for pip; what it prints."""
    python, pip = tmp_path / "python", tmp_path / "pip.py"
    pip.write_text(PIP)
    python.write_text(
        f"""#!/bin/sh -e
        [ "$2" != venv ] || set -- "$@" --without-pip
        {shlex.quote(sys.executable)} "$@"
        [ "$2" != venv ] || cp {shlex.quote(str(pip))} .venv/lib/python3*/site-packages/
        """
    )
    python.chmod(0o755)
    # Not the settings of a make that runs the tests, nor packages from elsewhere.
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTHON"))}

    def run(folder: Path) -> str:
        done = subprocess.run(
            ["make", "demo", f"PYTHON={python}"], cwd=folder, env=outside, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"demo of {folder}" in done.stdout
        return done.stdout

    return run


def test_it_is_set_up_once_and_says_what_that_takes(checkout: Path, demo: Make) -> None:
    first = demo(checkout)
    assert SETTING_UP in first
    assert "GB" in first
    assert ANEW not in first
    assert SETTING_UP not in demo(checkout)


def test_a_moved_checkout_is_set_up_anew(checkout: Path, demo: Make) -> None:
    demo(checkout)
    moved = checkout.rename(checkout.with_name("moved"))
    assert ANEW in demo(moved)
    assert ANEW not in demo(moved)


def test_a_copied_checkout_does_not_use_the_first_ones_code(checkout: Path, demo: Make) -> None:
    demo(checkout)
    copied = checkout.with_name("copied")
    shutil.copytree(checkout, copied, symlinks=True)
    assert ANEW in demo(copied)


@pytest.mark.parametrize("finished", [True, False])
def test_a_python_that_is_gone_is_replaced(checkout: Path, demo: Make, finished: bool) -> None:
    demo(checkout)
    for link in (checkout / ".venv" / "bin").glob("python*"):
        link.unlink()
        link.symlink_to("/nowhere/python3")
    if not finished:
        (checkout / ".venv" / ".installed").unlink()
    assert (ANEW in demo(checkout)) == finished


def test_other_requirements_are_set_up(checkout: Path, demo: Make) -> None:
    demo(checkout)
    later = (checkout / ".venv" / ".installed").stat().st_mtime + 10
    os.utime(checkout / "constraints.txt", (later, later))
    text = demo(checkout)
    assert SETTING_UP in text
    assert ANEW not in text
