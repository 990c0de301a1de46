"""Labelled cases on disk, in any layout in which BraTS and its relatives are published."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tumorseg.errors import BadInputError
from tumorseg.sequences import DISPLAY_NAMES
from tumorseg.volume import FloatArray, Geometry, LabelArray, Volume
from tumorseg_training.conventions import Convention, identify_convention, to_engine
from tumorseg_training.labelled_case import LabelledCase
from tumorseg_training.layouts.decathlon import belongs, find_decathlon_cases
from tumorseg_training.layouts.folders import find_folder_cases
from tumorseg_training.layouts.found import FOUND_TWICE, OTHER_TUMOR, SEVERAL_FILES, Found
from tumorseg_training.layouts.slices import find_slice_cases, official_name
from tumorseg_training.listing import Entry, list_files
from tumorseg_training.same_names import told_apart
from tumorseg_training.sources import Source
from tumorseg_training.tables import read_tables

__all__ = [
    "LabelledCase",
    "cases_and_notes",
    "check_names",
    "discover",
    "find_labelled_cases",
    "read_labelled",
    "read_truth",
]

_NNUNET = re.compile(r".+_000\d\.nii(\.gz)?", re.IGNORECASE)

_POST_TREATMENT_SHAPE = (182, 218, 182)
"""(z, y, x) of BraTS 2024 GLI, in the space of MNI152; the other years have 155 x 240 x 240."""

WHOLE_OR_CORE = (
    "If it is the whole tumor, let the names of the segmentations end in _seg_wt; if it is core, name the cases as "
    "BraTS does."
)
"""What to do where 1 is the only label."""


def find_labelled_cases(path: Path) -> list[LabelledCase]:
    """All cases with an expert's segmentation below a folder or in a .zip or .tar archive, sorted by name.

    Args:
        path: what was downloaded, unpacked or not: BraTS 2017-2024, the versions of Kaggle, the Decathlon's Task01.

    Raises:
        BadInputError: no case is there, files of a case are given twice, or nothing says what 1 means.
    """
    return cases_and_notes(path)[0]


def cases_and_notes(path: Path) -> tuple[list[LabelledCase], list[str]]:
    """As ``find_labelled_cases``, and sentences on what the user should know about the choice of the cases.

    Raises:
        BadInputError: as ``find_labelled_cases``.
    """
    found, refused = discover(path)
    findings = [finding for of_case in found.findings.values() for finding in of_case]
    if several := [finding.sentence for finding in findings if finding.code == SEVERAL_FILES]:
        raise BadInputError(several)
    if others := [name for name, notes in found.findings.items() if any(note.code == OTHER_TUMOR for note in notes)]:
        raise BadInputError(_other_tumors(path, others))
    if not found.cases:
        raise BadInputError([_nothing_found(path, found), *refused, *(finding.sentence for finding in findings)])
    _check_several_labels(path, found.cases)
    twice = [finding.sentence for finding in findings if finding.code == FOUND_TWICE]
    more = f" ({len(twice) - 1} more like it in {path})" if len(twice) > 1 else ""
    return found.cases, [f"{sentence}{more}" for sentence in twice[:1]]


def discover(path: Path) -> tuple[Found, list[str]]:
    """All cases, what is wrong with the files of others, and sentences on files that cannot be looked into.

    Raises:
        BadInputError: ``path`` is neither a folder nor an archive, or in the layout of nnU-Net.
    """
    listing = list_files(path)
    decathlon = [entry for entry in listing.entries if belongs(entry) or entry.path.name == "dataset.json"]
    found = find_folder_cases(entry for entry in listing.entries if not belongs(entry))
    found.add(find_decathlon_cases(decathlon))
    found.add(find_slice_cases(listing.entries))
    tables = read_tables(listing.entries, [case.name for case in found.cases])
    completed = [tables.complete(case, official_name(case)) for case in found.cases]
    found.cases = sorted(told_apart(completed, path, found), key=lambda case: case.name)
    if not found.cases:
        _refuse_nnunet(listing.entries)
    return found, listing.refused


def check_names(names: Collection[str], cases: Iterable[LabelledCase]) -> None:
    """Refuse names that no case has: a typing error must not let a case slip through.

    Raises:
        BadInputError: naming them.
    """
    if unknown := set(names) - {case.name for case in cases}:
        raise BadInputError(f"There is no case {', '.join(sorted(unknown))} in the data folders; check the names.")


def read_labelled(case: LabelledCase, channels: Iterable[str]) -> tuple[dict[str, Volume], LabelArray, Geometry]:
    """The volumes of the named sequences, the expert's labels (z, y, x) and the grid on which all of them lie.

    Raises:
        BadInputError: sequences that the case lacks, files that cannot be read, or a volume on another grid than the
            labels.
    """
    wanted = tuple(channels)
    if missing := [DISPLAY_NAMES.get(name, name) for name in wanted if name not in case.images]:
        raise BadInputError(f"{case.name} has no {' and no '.join(missing)}; leave the case out.")
    volumes = _read_volumes({name: case.images[name] for name in wanted})
    truth, geometry = read_truth(case)
    for volume in volumes.values():
        if difference := geometry.differences(volume.geometry):
            raise BadInputError(f"{volume.name} does not fit the segmentation of {case.name}: {', '.join(difference)}.")
    return volumes, truth, geometry


def read_truth(case: LabelledCase) -> tuple[LabelArray, Geometry]:
    """The expert's labels in the engine's convention, array (z, y, x), and their grid.

    Raises:
        BadInputError: the file cannot be read, or its numbers cannot be understood.
    """
    labels, geometry = case.segmentation.read_labels()
    return to_engine(labels, convention_of(case, labels)), geometry


def convention_of(case: LabelledCase, labels: LabelArray, t1ce: FloatArray | None = None) -> Convention:
    """The convention of a case's labels.

    Args:
        case: the case.
        labels: as they are in its file.
        t1ce: the volume if it has been read already.

    Raises:
        BadInputError: the data do not tell, or contradict the layout.
    """
    declared = case.convention
    if declared is None and labels.shape == _POST_TREATMENT_SHAPE:
        declared = Convention.BRATS_2024

    def read_t1ce() -> FloatArray | None:
        if t1ce is not None or "t1ce" not in case.images:
            return t1ce
        return case.images["t1ce"].read_volume().array

    try:
        return identify_convention(labels, declared, read_t1ce)
    except ValueError as error:
        raise BadInputError(f"The labels in {case.segmentation.location} cannot be used: {error}.") from error


def _read_volumes(sources: dict[str, Source]) -> dict[str, Volume]:
    """All at the same time; every problem is said."""
    with ThreadPoolExecutor(max_workers=max(1, len(sources))) as pool:
        reading = {name: pool.submit(source.read_volume) for name, source in sources.items()}
    problems: list[str] = []
    for future in reading.values():
        error = future.exception()
        if isinstance(error, BadInputError):
            problems.extend(error.problems)
    if problems:
        raise BadInputError(problems)
    return {name: future.result() for name, future in reading.items()}


def _check_several_labels(path: Path, cases: Sequence[LabelledCase]) -> None:
    """Refuse cases whose layout says nothing where 1 is the only label of all data: such are masks of whole tumors.

    Labels are read until one tells.
    """
    unknown = [case for case in cases if case.convention is None]
    others = [case for case in cases if case.convention not in (None, Convention.WHOLE_TUMOR)]
    doubtful = []
    for case in (*unknown, *others) if unknown else ():
        numbers = _numbers(case)
        if numbers - {0, 1}:
            return
        if 1 in numbers and case.convention is None:
            doubtful.append(case.name)
    if doubtful:
        raise BadInputError(
            f"1 is the only label of all cases in {path} (such as {doubtful[0]}), and nothing says what it means. "
            f"{WHOLE_OR_CORE}"
        )


def _numbers(case: LabelledCase) -> set[int]:
    """Of its labels; files that cannot be read are told when their turn comes."""
    try:
        return set(np.unique(case.segmentation.read_labels()[0]).tolist())
    except BadInputError:
        return set()


def _other_tumors(path: Path, names: Sequence[str]) -> str:
    return (
        f"{path} holds {len(names)} case(s) that show no glioma of an adult (such as {names[0]}), whose labels mean "
        "other things; give a folder without them, e.g. BraTS-GLI or BraTS-SSA."
    )


def _refuse_nnunet(entries: Iterable[Entry]) -> None:
    numbered = next((entry.path.name for entry in entries if _NNUNET.fullmatch(entry.path.name)), None)
    if numbered:
        raise BadInputError(
            f"Files like {numbered} are in the layout of nnU-Net, whose numbers do not say what is T1, T1ce, T2 and "
            "FLAIR; give the data they were made from, or rename them (Case_t1.nii.gz) and the labels "
            "(Case_seg.nii.gz)."
        )


def _nothing_found(path: Path, found: Found) -> str:
    if found.unlabelled:
        some = ", ".join(list(found.unlabelled)[:3])
        return (
            f"{path} holds only cases without an expert's segmentation (named like Case_seg.nii.gz), such as {some}; "
            "give a training set."
        )
    return (
        f"The folder {path} holds no case; each needs four sequences and a segmentation named like "
        "Case_t1.nii.gz, Case_t1ce.nii.gz, Case_t2.nii.gz, Case_flair.nii.gz and Case_seg.nii.gz in one folder."
    )
