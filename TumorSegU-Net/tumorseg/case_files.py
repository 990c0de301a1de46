"""The four volumes of a patient: found in a folder by file name, and read together."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tumorseg.errors import BadInputError
from tumorseg.images import READABLE, extension_of, read_volume
from tumorseg.sequences import ALIASES, DISPLAY_NAMES, SEQUENCES
from tumorseg.volume import Volume

_REGISTERED = {"to", "onto", "on", "in", "reg", "coreg", "registered", "space"}
"""Words before the sequence that a volume was registered to."""

_NOT_AN_MR_VOLUME = {"seg", "segmentation", "label", "labels", "mask", "brainmask"}


def sequence_of(path: Path) -> str | None:
    """The sequence that a file name says, by what follows the last ``_`` or ``-``; None for any other file.

    Hidden files (``._case_t1.nii``), and masks and segmentations of a sequence (``brainmask_t1.nii``), are none.
    """
    extension = extension_of(path, READABLE)
    if extension is None or path.name.startswith("."):
        return None
    words = re.split("[_-]", path.name[: -len(extension)].lower())
    return None if _NOT_AN_MR_VOLUME.intersection(words) else _named_at_end(words)


def _named_at_end(words: list[str]) -> str | None:
    """The sequence of the last word; of ``flair_to_t1ce``, which was registered to the T1ce, the FLAIR."""
    *before, last = words
    if before and before[-1] in _REGISTERED:
        while before and before[-1] in _REGISTERED:
            before.pop()
        if before and before[-1] in ALIASES:
            return ALIASES[before[-1]]
    return ALIASES.get(last)


def find_case(folder: Path, required: Sequence[str] = SEQUENCES) -> dict[str, Path]:
    """Find the sequences of one patient, e.g. ``x_t1ce.nii.gz`` (BraTS 2018-2021), ``x-t1c.nii.gz`` (2023).

    Args:
        folder: where the files lie.
        required: the sequences to find; others do not matter.

    Returns:
        One file per sequence, in the order of ``required``.

    Raises:
        BadInputError: one sentence per sequence that has no file or several.
    """
    if not folder.is_dir():
        raise BadInputError(f"{folder} is not a folder; give the folder that holds the four volumes of a patient.")
    found: dict[str, list[Path]] = {sequence: [] for sequence in required}
    for path in sorted(folder.iterdir()):
        sequence = sequence_of(path)
        if sequence in found and path.is_file():
            found[sequence].append(path)
    problems = [_problem(folder, sequence, paths) for sequence, paths in found.items() if len(paths) != 1]
    if problems:
        raise BadInputError(problems)
    return {sequence: paths[0] for sequence, paths in found.items()}


def find_case_folders(folder: Path) -> list[Path]:
    """All folders below ``folder`` that hold a volume named after a sequence, sorted.

    Raises:
        BadInputError: there is none.
    """
    if not folder.is_dir():
        raise BadInputError(f"The folder {folder} does not exist; check the path.")
    holding = [
        Path(found) for found, _, names in os.walk(folder, followlinks=True) if any(sequence_of(Path(n)) for n in names)
    ]
    if not holding:
        raise BadInputError(f"The folder {folder} holds no volumes named like Case_t1ce.nii.gz; check the path.")
    # Links may lead to a folder more than once, even in circles: the shortest way counts.
    shortest_last = sorted(holding, key=lambda path: len(path.parts), reverse=True)
    return sorted({path.resolve(): path for path in shortest_last}.values())


def case_folders_by_name(folder: Path) -> dict[str, Path]:
    """The folders of ``find_case_folders`` by the names of their results: the folders on the way, joined with ``_``.

    Raises:
        BadInputError: there is none, or two would have the same name.
    """
    named: dict[str, Path] = {}
    for found in find_case_folders(folder):
        name = "_".join(found.relative_to(folder).parts) or folder.resolve().name
        if name in named:
            raise BadInputError(
                f"The results of {named[name]} and {found} would both be called {name}; rename one of the folders."
            )
        named[name] = found
    return named


def read_case(files: Mapping[str, Path]) -> dict[str, Volume]:
    """Read one file per sequence, all at the same time.

    Raises:
        BadInputError: every file that cannot be used, one sentence each.
    """
    with ThreadPoolExecutor(max_workers=min(len(files), os.cpu_count() or 1) or 1) as pool:
        reading = {sequence: pool.submit(read_volume, path) for sequence, path in files.items()}
    problems = [problem for future in reading.values() for problem in _problems(future)]
    if problems:
        raise BadInputError(problems)
    return {sequence: future.result() for sequence, future in reading.items()}


def _problem(folder: Path, sequence: str, paths: list[Path]) -> str:
    name = DISPLAY_NAMES[sequence]
    if paths:
        listing = ", ".join(path.name for path in paths)
        return f"{folder} has {len(paths)} {name} volumes ({listing}); keep one, or name the four files one by one."
    endings = " or ".join(f"_{alias}" for alias, meaning in ALIASES.items() if meaning == sequence)
    return f"{folder} has no {name} volume; expected an image whose name ends in {endings} (or - for _)."


def _problems(future: Future[Volume]) -> tuple[str, ...]:
    error = future.exception()
    if isinstance(error, BadInputError):
        return error.problems
    if error is not None:
        raise error
    return ()
