"""Work in several processes: every item once, and errors that name the item."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from support.failing_work import square
from tumorseg.errors import OutOfMemoryError
from tumorseg_training.processes import Refused, in_processes


def _all(workers: int, fails: int = -1, how: str = "") -> dict[int, int | Refused]:
    return dict(in_processes(partial(square, fails=fails, how=how), range(5), workers, lambda item: f"item {item}"))


@pytest.mark.parametrize("workers", [1, 2])
def test_every_item_is_done_and_a_refused_one_does_not_stop_the_others(workers: int) -> None:
    results = _all(workers, fails=2, how="refuse")
    assert results == {0: 0, 1: 1, 2: Refused(("one", "two")), 3: 9, 4: 16}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ("bug", RuntimeError, "item 2: ZeroDivisionError: a bug"),
        ("memory", OutOfMemoryError, "not enough memory for item 2; give fewer --workers"),
        ("full", OSError, "No space left"),
    ],
)
def test_other_errors_name_the_item(workers: int, how: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        _all(workers, fails=2, how=how)


def test_the_death_of_a_process_names_what_it_worked_on() -> None:
    with pytest.raises(OutOfMemoryError, match=r"The system ended a process that worked on item 0(, item \d)?, prob"):
        _all(2, fails=0, how="die")


_PARENT = """
import sys
from functools import partial
from pathlib import Path
from support.failing_work import wait_long
from tumorseg_training.processes import in_processes
if __name__ == "__main__":
    list(in_processes(partial(wait_long, folder=Path(sys.argv[1])), [0, 1], 2, str))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_no_process_outlives_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    parent = subprocess.Popen([sys.executable, script, tmp_path], env=environment)
    try:
        _wait_for(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
    finally:
        parent.kill()
        parent.wait()
    workers = [int(path.stem) for path in tmp_path.glob("*.pid")]
    _wait_for(lambda: not any(_runs(worker) for worker in workers))


def _wait_for(condition: Callable[[], bool]) -> None:
    """Until the condition holds; pytest's own time limit ends the test otherwise."""
    while not condition():
        time.sleep(0.05)


def _runs(process: int) -> bool:
    """Whether it is there and not only waits for somebody to ask how it ended."""
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().split(")")[-1].split()[0] != "Z"
    except OSError:
        return False
