"""Cases as one file per sequence and one for the segmentation: all years of BraTS but the slice version of Kaggle."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tumorseg.case_files import sequence_of
from tumorseg.images import READABLE, extension_of
from tumorseg.sequences import DISPLAY_NAMES, SEQUENCES
from tumorseg_training.conventions import Convention
from tumorseg_training.labelled_case import LabelledCase
from tumorseg_training.layouts.found import OTHER_TUMOR, SEVERAL_FILES, Found
from tumorseg_training.listing import Entry
from tumorseg_training.releases import FOLDERS, other_tumor, release_of
from tumorseg_training.sources import ImageSource
from tumorseg_training.tables import grade_of

_SEGMENTATION = re.compile(r"(?:^|.*[-_.])seg(?:m|mentation)?(_wt)?", re.IGNORECASE)
"""Stem of an expert's segmentation: ``x_seg``, ``x-seg``, ``W39_1998.09.19_Segm`` (case 355 of Kaggle's BraTS 2020),
``x_seg_wt`` (whole tumor only). ``x-algseg``, made by a program, is none."""

_KAGGLE_2020 = "BraTS 2020 (Kaggle)"
"""The same cases as in the official release, but not compressed."""


@dataclass
class _Files:
    """The files of one case."""

    name: str
    folder: PurePosixPath
    images: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    segmentations: list[Entry] = field(default_factory=list)
    others: list[Entry] = field(default_factory=list)


def find_folder_cases(entries: Iterable[Entry]) -> Found:
    """Cases among image files, folder by folder."""
    folders: dict[PurePosixPath, list[Entry]] = defaultdict(list)
    for entry in entries:
        if extension_of(Path(entry.path.name), READABLE):
            folders[entry.path.parent].append(entry)
    found = Found()
    for folder, files in folders.items():
        for case in _cases_in(folder, files):
            _add(found, case)
    return found


def _cases_in(folder: PurePosixPath, entries: list[Entry]) -> Iterator[_Files]:
    """One case, or one per name in front of the sequence when several have the same sequence."""
    whole = _sorted_in(_Files(folder.name, folder), entries)
    stems = {_case_stem(entry) for files in whole.images.values() for entry in files}
    if len(stems) < 2 or all(len(files) == 1 for files in whole.images.values()):
        if whole.images or len(whole.segmentations) == 1:
            yield whole
        return
    for stem in sorted(stems):
        yield _sorted_in(_Files(stem or folder.name, folder), [entry for entry in entries if _case_stem(entry) == stem])


def _sorted_in(case: _Files, entries: Iterable[Entry]) -> _Files:
    for entry in entries:
        if sequence := sequence_of(Path(entry.path.name)):
            case.images[sequence].append(entry)
        elif _SEGMENTATION.fullmatch(_stem(entry)):
            case.segmentations.append(entry)
        else:
            case.others.append(entry)
    return case


def _add(found: Found, case: _Files) -> None:
    if not case.segmentations:
        found.unlabelled[case.name] = _listed(case.others)
        return
    if tumor := other_tumor(case.name):
        message = f"{case.name} shows {tumor}, whose labels mean other things."
        found.block(case.name, OTHER_TUMOR, message, "Leave it out.")
        return
    several = [*_several(case)]
    for message in several:
        found.block(case.name, SEVERAL_FILES, message, "keep one.")
    _note_missing(found, case)
    if case.images and not several:
        found.cases.append(_labelled(case))


def _several(case: _Files) -> Iterator[str]:
    groups = [("segmentations", case.segmentations)]
    groups += [(f"{DISPLAY_NAMES[sequence]} volumes", files) for sequence, files in sorted(case.images.items())]
    for what, files in groups:
        if len(files) > 1:
            yield f"{Path(files[0].blob.location).parent} has {len(files)} {what} ({_listed(files)});"


def _note_missing(found: Found, case: _Files) -> None:
    missing = [DISPLAY_NAMES[sequence] for sequence in SEQUENCES if sequence not in case.images]
    strange = f"; {_listed(case.others)} is not understood" if case.others else ""
    message = f"{case.name} has no {' and no '.join(missing)}{strange}."
    if not case.images:
        found.block(case.name, "missing-sequence", message, "Check the file names.")
    elif missing:
        remedy = "Only networks that do without can use it; check the file names."
        found.warn(case.name, "missing-sequence", message, remedy)


def _listed(entries: Iterable[Entry]) -> str:
    return ", ".join(entry.path.name for entry in entries)


def _labelled(case: _Files) -> LabelledCase:
    (segmentation,) = case.segmentations
    release = release_of(case.name)
    if release.layout == FOLDERS:  # a renamed folder
        stems = {_case_stem(files[0]) for files in case.images.values()}
        release = max((release_of(stem) for stem in stems), key=lambda named: named.layout != FOLDERS)
    match = _SEGMENTATION.fullmatch(_stem(segmentation))
    whole = bool(match and match[1])
    uncompressed = all(files[0].path.suffix.lower() == ".nii" for files in case.images.values())
    return LabelledCase(
        name=case.name,
        images={name: ImageSource(case.images[name][0].blob) for name in SEQUENCES if name in case.images},
        segmentation=ImageSource(segmentation.blob),
        patient=release.patient if release.layout != FOLDERS else case.name,
        grade=grade_of(case.folder.parts),
        layout=_KAGGLE_2020 if uncompressed and release.layout == "BraTS 2020" else release.layout,
        convention=Convention.WHOLE_TUMOR if whole else release.convention,
    )


def _case_stem(entry: Entry) -> str:
    """What stands in front of the sequence or of ``seg``: the name of a case among others in one folder."""
    return re.sub(r"(^|[-_])(seg(m|mentation)?(_wt)?|[^-_]+)$", "", _stem(entry), flags=re.IGNORECASE)


def _stem(entry: Entry) -> str:
    extension = extension_of(Path(entry.path.name), READABLE) or ""
    return entry.path.name[: len(entry.path.name) - len(extension)]
