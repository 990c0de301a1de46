"""Many cases: the next ones are read and prepared while the network runs, and the last ones finished and written.

The network never waits for files as long as reading and writing a case take less time than its own work on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tumorseg.case_files import find_case, read_case
from tumorseg.errors import CancelledError, ModelError, OutOfMemoryError, TumorSegError
from tumorseg.modelfile import Model, ModelSpec
from tumorseg.pipeline import Inferred, Options, Prepared, Result, finish, infer, prepare
from tumorseg.progress import Report

AHEAD = 2
"""Cases that are being read, or are ready, while the network works on another one."""

BEHIND = 2
"""Cases that are being finished and written meanwhile. Both bound the memory."""


@dataclass(frozen=True)
class Batch:
    """What to do with each case.

    Attributes:
        spec: of the model.
        model: waits for the model until it is loaded.
        options: device and variants.
        write: keeps the result of a case; called from a thread.
        report: told the name of a case and the progress of its network.
    """

    spec: ModelSpec
    model: Callable[[], Model]
    options: Options
    write: Callable[[str, Result], None]
    report: Callable[[str], Report]


@dataclass(frozen=True)
class Outcome:
    """What came of a case: its result, or the problems, one sentence each."""

    name: str
    result: Result | None
    problems: tuple[str, ...] = ()


def run_batch(folders: Mapping[str, Path], batch: Batch) -> Iterator[Outcome]:
    """Segment cases; one that cannot be used does not stop the others.

    Args:
        folders: of the cases by name.
        batch: what to do.

    Yields:
        The outcome of each case, in order.

    Raises:
        CancelledError: from ``report``.
        ModelError: the model cannot be used; no other case could be segmented either.
    """
    behind: deque[tuple[str, Future[Result]]] = deque()
    with _threads(AHEAD) as readers, _threads(BEHIND) as writers:
        for name, reading in _read_ahead(folders, batch, readers):
            behind.append((name, _after_reading(name, reading, batch, writers)))
            if len(behind) > BEHIND:
                yield _outcome(*behind.popleft())
        yield from (_outcome(*case) for case in behind)


def _read_ahead(
    folders: Mapping[str, Path], batch: Batch, readers: ThreadPoolExecutor
) -> Iterator[tuple[str, Future[Prepared]]]:
    """The cases in order, ``AHEAD`` more of which are begun when one is handed out."""
    ahead: deque[tuple[str, Future[Prepared]]] = deque()
    for name, folder in folders.items():
        ahead.append((name, readers.submit(_prepared, folder, batch)))
        if len(ahead) > AHEAD:
            yield ahead.popleft()
    yield from ahead


def _prepared(folder: Path, batch: Batch) -> Prepared:
    return prepare(read_case(find_case(folder, batch.spec.channels)), batch.spec, batch.options)


def _after_reading(name: str, reading: Future[Prepared], batch: Batch, writers: ThreadPoolExecutor) -> Future[Result]:
    """Run the network in this thread and hand on what follows it."""
    model = batch.model()
    failed: Future[Result] = Future()
    try:
        prepared = reading.result()
        inferred = infer(prepared, model, batch.options, batch.report(name))
    except (CancelledError, ModelError):
        raise
    except Exception as error:  # told by ``_outcome``, whatever it is: the other cases must not suffer
        failed.set_exception(error)
        return failed
    return writers.submit(_finished, name, prepared, inferred, batch)


def _finished(name: str, prepared: Prepared, inferred: Inferred, batch: Batch) -> Result:
    result = finish(prepared, batch.spec, inferred)
    batch.write(name, result)
    return result


def _outcome(name: str, future: Future[Result]) -> Outcome:
    try:
        return Outcome(name, future.result())
    except TumorSegError as error:
        return Outcome(name, None, error.problems)
    except MemoryError:
        return Outcome(name, None, OutOfMemoryError().problems)
    except Exception as error:
        problem = (
            f"The segmentation stopped with an unexpected error ({type(error).__name__}: {error}); "
            "segment this case by itself for the details, and report them."
        )
        return Outcome(name, None, (problem,))


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that drop what has not been begun when they are left early."""
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
