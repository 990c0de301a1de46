"""Cache many cases: in parallel, with a progress bar, and with an eye on the disk."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tqdm import tqdm

from tumorseg.errors import BadInputError
from tumorseg_training.cache import CACHED, Entry, cache_case
from tumorseg_training.cases import LabelledCase
from tumorseg_training.processes import Refused, in_processes

_LEFTOVER_SECONDS = 3600
"""A temporary file this old belongs to a run that was killed."""


@dataclass(frozen=True)
class CachedCases:
    """What came of the cases.

    Attributes:
        entries: of the usable cases, by name.
        problems: sentences on each of the others, by name.
    """

    entries: dict[str, Entry]
    problems: dict[str, tuple[str, ...]]


def cache_cases(
    cases: Sequence[LabelledCase],
    folder: Path,
    channels: Sequence[str],
    workers: int,
    spacing: float = 1.0,
    normalisation: str = CACHED[0],
) -> CachedCases:
    """Bring all cases into the cache; complete entries are kept.

    Args:
        cases: with different names.
        folder: of the cache; exists.
        channels: sequence of each channel.
        workers: number of processes.
        spacing: voxel size of the cache along each axis, mm.
        normalisation: one of ``cache.CACHED``.

    Raises:
        BadInputError: the disk is too small, which is known after the first case.
        OutOfMemoryError, RuntimeError: a process failed; what is done is kept.
    """
    _remove_leftovers(folder)
    done = CachedCases({}, {})
    work = partial(cache_case, folder=folder, channels=tuple(channels), spacing=spacing, normalisation=normalisation)
    results = in_processes(work, cases, workers, lambda case: case.name)
    with _full_disk_in_words(folder), tqdm(total=len(cases), desc="Caching", unit="case", disable=None) as bar:
        for case, result in results:
            bar.update()
            if isinstance(result, Refused):
                done.problems[case.name] = result.problems
                continue
            done.entries[case.name] = result
            if result.fresh:
                _check_space(folder, done.entries.values(), len(cases) - len(done.entries) - len(done.problems))
    return done


def _check_space(folder: Path, entries: Collection[Entry], left: int) -> None:
    """Refuse to go on when the rest, as large as the cases so far on average, does not fit."""
    needed = left * sum(entry.size for entry in entries) / len(entries)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise BadInputError(
            f"The other {left} cases need about {needed / 1e9:.2g} GB in {folder}, and {free / 1e9:.2g} GB are free; "
            "free space or choose another --output. What is done is kept."
        )


@contextmanager
def _full_disk_in_words(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise BadInputError(
            f"There is no space left for {folder}; free some and give the same command, which goes on."
        ) from error


def _remove_leftovers(folder: Path) -> None:
    """What a killed run was writing; a run that goes on beside this one is left alone."""
    oldest = time.time() - _LEFTOVER_SECONDS
    for path in folder.glob(".tmp-*"):
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
