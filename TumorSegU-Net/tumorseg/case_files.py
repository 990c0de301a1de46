"""The four volumes of a patient: found in a folder by file name, and read together."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tumorseg.errors import BadInputError
from tumorseg.images import READABLE, extension_of, read_volume
from tumorseg.recognise import PLAUSIBLE, UNAMBIGUOUS, SeriesFacts, assign
from tumorseg.sequences import ALIASES, DISPLAY_NAMES, SEQUENCES
from tumorseg.series_words import read_words, without_common_start
from tumorseg.volume import Volume

_REGISTERED = {"to", "onto", "on", "in", "reg", "coreg", "registered", "space"}
"""Words before the sequence that a volume was registered to."""

_NOT_AN_MR_VOLUME = {"seg", "segmentation", "label", "labels", "mask", "brainmask"}


def sequence_of(path: Path) -> str | None:
    """The sequence that a file name says, by what follows the last ``_`` or ``-``; None for any other file.

    Hidden files (``._case_t1.nii``), and masks and segmentations of a sequence (``brainmask_t1.nii``), are none.
    """
    return _named_at_end(_words(path)) if _may_be_mr(path) else None


def _stem(path: Path) -> str:
    """The name without the extension of an image."""
    return path.name[: len(path.name) - len(extension_of(path, READABLE) or "")]


def _words(path: Path) -> list[str]:
    return re.split("[_-]", _stem(path).lower())


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

    Where no name ends so, a volume is taken whose name the recognition knows, e.g. ``5_AX_T1_POST_GD.nii.gz``.

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
    images = [path for path in sorted(folder.iterdir()) if _may_be_mr(path) and path.is_file()]
    found = _found(images)
    taken = {path for paths in found.values() for path in paths}
    passed = [path.name for path in images if path not in taken]
    problems = [
        _problem(folder, sequence, found[sequence], passed) for sequence in required if len(found[sequence]) != 1
    ]
    if problems:
        raise BadInputError(problems)
    return {sequence: found[sequence][0] for sequence in required}


def _may_be_mr(path: Path) -> bool:
    """Whether a file name is that of an image, and neither hidden nor of a mask or segmentation."""
    extension = extension_of(path, READABLE)
    return extension is not None and not path.name.startswith(".") and not _NOT_AN_MR_VOLUME.intersection(_words(path))


def _found(images: Sequence[Path]) -> dict[str, list[Path]]:
    """Per sequence the images of that name, otherwise the one that the recognition takes for it; none or several."""
    found: dict[str, list[Path]] = {sequence: [] for sequence in SEQUENCES}
    for path, name in zip(images, without_common_start([_stem(path) for path in images]), strict=True):
        sequence = sequence_of(path)
        if sequence and not _says_something_else(name, sequence):
            found[sequence].append(path)
    sure = {sequence: paths[0] for sequence, paths in found.items() if len(paths) == 1}
    recognized = assign({path: SeriesFacts(_stem(path)) for path in images}, sure)
    for sequence, suggestion in recognized.items():
        if not found[sequence] and suggestion.key is not None and suggestion.confidence >= PLAUSIBLE:
            found[sequence] = [suggestion.key]
    return found


def _says_something_else(name: str, sequence: str) -> bool:
    """Whether a name whose last word is a sequence is surely of another one (``T1_FLAIR``) or of none (``DCE_T1``)."""
    words = read_words(name)
    if words.other or words.weighting is None or words.certainty < UNAMBIGUOUS:
        return bool(words.other)
    weighting, enhanced = ("t1", sequence == "t1ce") if sequence.startswith("t1") else (sequence, words.contrast)
    return words.weighting != weighting or (words.contrast is not None and words.contrast != enhanced)


def find_case_folders(folder: Path) -> list[Path]:
    """All folders below ``folder`` that hold a volume named after a sequence, or two that are recognized; sorted.

    Raises:
        BadInputError: there is none.
    """
    if not folder.is_dir():
        raise BadInputError(f"The folder {folder} does not exist; check the path.")
    holding = [Path(found) for found, _, names in os.walk(folder, followlinks=True) if _holds_case(names)]
    if not holding:
        raise BadInputError(f"The folder {folder} holds no volumes named like Case_t1ce.nii.gz; check the path.")
    # Links may lead to a folder more than once, even in circles: the shortest way counts.
    shortest_last = sorted(holding, key=lambda path: len(path.parts), reverse=True)
    return sorted({path.resolve(): path for path in shortest_last}.values())


def _holds_case(names: Sequence[str]) -> bool:
    images = [path for path in map(Path, sorted(names)) if _may_be_mr(path)]
    return any(map(sequence_of, images)) or sum(map(bool, _found(images).values())) > 1


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


def _problem(folder: Path, sequence: str, paths: list[Path], passed: Sequence[str]) -> str:
    name = DISPLAY_NAMES[sequence]
    if paths:
        listing = ", ".join(path.name for path in paths)
        return f"{folder} has {len(paths)} {name} volumes ({listing}); keep one, or name the four files one by one."
    endings = " or ".join(f"_{alias}" for alias, meaning in ALIASES.items() if meaning == sequence)
    others = f" Images that were passed over: {', '.join(passed)}." if passed else ""
    return f"{folder} has no {name} volume; expected an image whose name ends in {endings} (or - for _).{others}"


def _problems(future: Future[Volume]) -> tuple[str, ...]:
    error = future.exception()
    if isinstance(error, BadInputError):
        return error.problems
    if error is not None:
        raise error
    return ()
