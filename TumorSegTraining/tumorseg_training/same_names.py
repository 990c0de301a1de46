"""Cases of one name in several folders of a data set: one that is there twice, or others that were numbered alike."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, count
from pathlib import Path

from tumorseg.errors import BadInputError
from tumorseg_training.labelled_case import LabelledCase
from tumorseg_training.layouts.found import FOUND_TWICE, Found
from tumorseg_training.releases import FOLDERS

_SUBJECT = re.compile(r"sub-[a-z0-9]+(?=_|$)", re.IGNORECASE)
"""Start of what BIDS calls the folder, or the files, of one patient."""

_Parts = tuple[str, ...]


def told_apart(cases: Sequence[LabelledCase], root: Path, found: Found) -> list[LabelledCase]:
    """Each case once, with a name of its own, and with the patient that its folders name.

    A case that is there twice, as unpacked beside its archive, is read once. Of other cases of one name all but the
    first get as many folders in front of it as tell them apart. Those of one folder, with and without their name in
    front of the files, are numbered, and of one patient.

    Args:
        cases: of a data set.
        root: its folder or archive.
        found: is told what is read once.
    """
    groups: dict[str, list[LabelledCase]] = defaultdict(list)
    for case in sorted(cases, key=_unpacked_first):
        same = next((first for first in groups[case.name] if _are_same(first, case)), None)
        if same is None:
            groups[case.name].append(case)
        else:
            message = f"{case.name} is also in {case.segmentation.location}; {same.segmentation.location} is read."
            found.warn(case.name, FOUND_TWICE, message, "Keep one of them.")
    taken = set(groups)
    named = [case for group in groups.values() for case in _renamed(group, taken)]
    return _with_subjects(named, len(root.absolute().parts))


def same_files(first: LabelledCase, second: LabelledCase) -> bool:
    """Whether two cases have the same sequences and labels, byte for byte."""
    if first.images.keys() != second.images.keys():
        return False
    # The segmentation is the smallest, so different cases are told apart soon.
    sources = [(first.segmentation, second.segmentation), *((first.images[k], second.images[k]) for k in first.images)]
    return all(one.sha256() == other.sha256() for one, other in sources)


def _are_same(first: LabelledCase, case: LabelledCase) -> bool:
    """Published names are of one case, also in another format; other names may be of anything."""
    if FOLDERS not in (first.layout, case.layout) and first.patient == case.patient:
        return True
    try:
        return same_files(first, case)
    except (OSError, BadInputError):  # told when it is read
        return False


def _renamed(group: Sequence[LabelledCase], taken: set[str]) -> list[LabelledCase]:
    """Cases of one name, the first of them unchanged; a patient that was called like the case is called so again.

    Cases of one path are numbered after the first of them, and share its patient.

    Args:
        group: the cases.
        taken: names that no case may get; the new ones are added.
    """
    paths = [_path(case)[1:] for case in group]  # without the root, which no name can hold
    ends = _ends(set(paths))
    named, first_at = [group[0]], {paths[0]: group[0]}
    for case, path in zip(group[1:], paths[1:], strict=True):
        first = first_at.get(path)
        names = _numbered(first.name) if first else chain(_telling(path, ends), _numbered(case.name))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        patient = first.patient if first else name
        named.append(replace(case, name=name, patient=patient if case.patient == case.name else case.patient))
        first_at.setdefault(path, named[-1])
    return named


def _numbered(name: str) -> Iterator[str]:
    return (f"{name}-{number}" for number in count(2))


def _with_subjects(cases: Sequence[LabelledCase], depth: int) -> list[LabelledCase]:
    """The cases with the patients whose folders or files are named as in BIDS, where nothing else names them.

    Cases that share the patient of such a case get the same.
    """
    unnamed = {case.name: _subject(_path(case), depth) for case in cases if case.patient == case.name}
    subjects = {name: subject for name, subject in unnamed.items() if subject}
    ends = _ends(set(subjects.values()))
    patients = {name: next(_telling(subject, ends)) for name, subject in subjects.items()}
    return [replace(case, patient=patients.get(case.patient, case.patient)) for case in cases]


def _subject(path: _Parts, depth: int) -> _Parts:
    """The folders down to that of the patient, which lies below ``depth`` others; empty where there is none."""
    for place in range(depth, len(path)):
        if match := _SUBJECT.match(path[place]):
            return (*path[:place], match[0])
    return ()


def _path(case: LabelledCase) -> _Parts:
    """The folders above a case, and its own, or its name where it shares a folder."""
    parts = Path(case.segmentation.location).parent.absolute().parts
    return parts if parts[-1] == case.name else (*parts, case.name)


def _ends(paths: Iterable[_Parts]) -> Counter[_Parts]:
    """How many of the paths end with the same parts."""
    return Counter(path[-length:] for path in paths for length in range(1, len(path) + 1))


def _telling(path: _Parts, ends: Counter[_Parts]) -> Iterator[str]:
    """Names from the last parts of a path, as few as no other path ends with, then from more of them."""
    return ("-".join(path[-length:]) for length in range(1, len(path) + 1) if ends[path[-length:]] == 1)


def _unpacked_first(case: LabelledCase) -> tuple[bool, str]:
    return not Path(case.segmentation.location).is_file(), case.segmentation.location
