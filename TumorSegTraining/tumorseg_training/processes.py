"""Work on many items in several processes; what goes wrong in one of them is told with the item's name."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import connection, get_context, parent_process, resource_tracker
from typing import TypeVar

import SimpleITK as sitk

from tumorseg.errors import BadInputError, OutOfMemoryError, TumorSegError

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Refused:
    """The problems of an item that cannot be used, one sentence each."""

    problems: tuple[str, ...]


def in_processes(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int, name_of: Callable[[Item], str]
) -> Iterator[tuple[Item, Result | Refused]]:
    """Do the work on every item, in this process when one worker is enough.

    Args:
        work: picklable; a ``BadInputError`` refuses the item only.
        items: picklable.
        workers: number of processes.
        name_of: what messages call an item.

    Yields:
        Each item with its result, as they are finished.

    Raises:
        OutOfMemoryError: in words, with the items that were worked on.
        OSError: of the system, e.g. no space left.
        RuntimeError: any other error of the work, with the item's name and the worker's traceback.
    """
    workers = min(workers, len(items))
    if workers <= 1:
        for item in items:
            with _telling(name_of(item)):
                result = _attempt(work, item)
            yield item, result
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _start_worker) as pool:
        try:
            yield from _supervise(pool, work, items, workers, name_of)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _supervise(
    pool: ProcessPoolExecutor,
    work: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    name_of: Callable[[Item], str],
) -> Iterator[tuple[Item, Result | Refused]]:
    """Only as many items are handed out as are worked on, so that it is known whose worker died."""
    waiting = iter(items)
    running: dict[Future[Result | Refused], Item] = {}
    suspects = ""
    while True:
        for item in islice(waiting, workers - len(running)):
            with _telling(name_of(item), suspects), _interrupts_held_back():
                running[pool.submit(_attempt, work, item)] = item
        if not running:
            return
        finished = wait(running, return_when=FIRST_COMPLETED).done
        suspects = ", ".join(sorted(name_of(item) for item in running.values()))
        for future in finished:
            item = running.pop(future)
            with _telling(name_of(item), suspects):
                result = future.result()
            yield item, result


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Ctrl-C goes to all processes of a terminal, but only this one shall act on it: a process that is started here
    inherits that it is blocked. On Windows, where that cannot be, it ignores it once it is up.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # multiprocessing's helper: starting it later would let interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _telling(name: str, suspects: str = "") -> Iterator[None]:
    """Say in errors which item was worked on, or which ones when a process died."""
    try:
        yield
    except BrokenProcessPool as error:
        message = f"The system ended a process that worked on {suspects}, probably for want of memory"
        raise OutOfMemoryError(f"{message}; give fewer --workers.") from error
    except MemoryError as error:
        raise OutOfMemoryError(f"There is not enough memory for {name}; give fewer --workers.") from error
    except (OSError, TumorSegError):
        raise
    except Exception as error:
        raise RuntimeError(f"{name}: {type(error).__name__}: {error}") from error


def _attempt(work: Callable[[Item], Result], item: Item) -> Result | Refused:
    try:
        return work(item)
    except BadInputError as error:
        return Refused(error.problems)


def _start_worker() -> None:
    """One thread, since every core has a process; Ctrl-C is the parent's business; no worker outlives its parent."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if (parent := parent_process()) is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
