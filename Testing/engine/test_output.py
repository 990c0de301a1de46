"""Where the output goes: a disk that is full, a reader that went away, streams that are closed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.cases import small_case, write_case
from support.models import saved, threshold_model
from tumorseg.images import read_labels

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a shell and /dev/full")

FULL = "tumorseg: The output or a file cannot be used (No space left on device); free space or choose another place.\n"

MUCH = "print('x' * 100_000)"
"""More than is kept back until the end."""

LITTLE = "print('x')"


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which ``tumorseg`` is the command."""
    start = f'set -o pipefail; tumorseg() {{ "{sys.executable}" -m tumorseg "$@"; }}; '
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(["bash", "-c", start + line], env=environment, capture_output=True, text=True, check=False)


def program(work: str, code: int, redirection: str) -> subprocess.CompletedProcess[str]:
    """A program that says something and ends with a code."""
    script = (
        "import sys; from tumorseg.program import leave, run_program; from tumorseg.errors import *; "
        f"leave(run_program('tumorseg', lambda: {work} or {code}, ''))"
    )
    return shell(f'"{sys.executable}" -c "{script}" {redirection}')


def test_a_disk_that_is_full_is_told() -> None:
    done = shell("tumorseg models list > /dev/full")
    assert (done.returncode, done.stderr) == (2, FULL)


@pytest.mark.parametrize("work", [LITTLE, MUCH])
def test_a_full_disk_is_told_however_much_was_said(work: str) -> None:
    done = program(work, 0, "> /dev/full")
    assert (done.returncode, done.stderr) == (2, FULL)


def test_a_program_that_python_ends_tells_it_once_too() -> None:
    """As ``tumorseg-train``, which does not leave."""
    script = (
        f"import sys; from tumorseg.program import run_program; sys.exit(run_program('t', lambda: {LITTLE} or 0, ''))"
    )
    done = shell(f'"{sys.executable}" -c "{script}" > /dev/full')
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_a_full_disk_for_errors_changes_no_exit_code() -> None:
    assert shell("tumorseg models show none 2> /dev/full").returncode == 3


def test_a_reader_that_goes_away_changes_no_exit_code() -> None:
    done = program(f"__import__('time').sleep(1) or {LITTLE}", 7, "| true")
    assert (done.returncode, done.stderr) == (7, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_cost_no_result(tmp_path: Path, closed: str) -> None:
    model, output = saved(threshold_model(), tmp_path), tmp_path / "out.nii.gz"
    write_case(small_case(), tmp_path / "Case")
    done = shell(f"tumorseg segment --case {tmp_path / 'Case'} --model {model} --output {output} {closed}")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert read_labels(output)[0].any()


def test_what_is_said_on_a_closed_stream_appears_nowhere_else() -> None:
    done = shell("tumorseg models show none 2>&-")
    assert (done.returncode, done.stdout) == (3, "")


def test_the_worker_needs_no_stream_for_what_libraries_print() -> None:
    done = shell(f"""echo '{{"request": "shutdown"}}' | "{sys.executable}" -m tumorseg.worker 2>&-""")
    assert (done.returncode, done.stdout) == (0, "\n")
