"""Work in several processes: every item once, and errors that name the item."""

from functools import partial

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
