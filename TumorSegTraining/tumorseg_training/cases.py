"""Labelled cases on disk: four sequences and an expert's segmentation in one folder, in the layout of BraTS."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorseg.case_files import find_case, read_case
from tumorseg.errors import BadInputError
from tumorseg.images import read_labels
from tumorseg.regions import LabelConvention, from_convention
from tumorseg.volume import Geometry, LabelArray, Volume

_SEGMENTATION_NAME = re.compile(r"[^.].*[-_]seg\.(nii|nii\.gz|nrrd|mha)$", re.IGNORECASE)
"""Not a hidden file: macOS leaves ``._Case_seg.nii.gz`` on foreign disks."""


@dataclass(frozen=True)
class LabelledCase:
    """One patient for training or evaluation.

    Attributes:
        name: folder name.
        images: file of each sequence.
        segmentation: file of the expert's label map.
    """

    name: str
    images: dict[str, Path]
    segmentation: Path


def find_labelled_cases(folder: Path) -> list[LabelledCase]:
    """All cases in the sub-folders of ``folder`` (or ``folder`` itself), sorted by name.

    Raises:
        BadInputError: no case with four sequences and a segmentation is there, or a folder has several of them.
    """
    if not folder.is_dir():
        raise BadInputError(f"The data folder {folder} does not exist; check the path.")
    candidates = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    cases = [case for path in candidates if (case := _labelled_case(path)) is not None]
    if not cases:
        raise BadInputError(
            f"The folder {folder} holds no case; each needs four sequences and a segmentation named like "
            "Case_t1.nii.gz, Case_t1ce.nii.gz, Case_t2.nii.gz, Case_flair.nii.gz and Case_seg.nii.gz in one folder."
        )
    return cases


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
        BadInputError: files that cannot be read, or a volume on another grid than the labels.
    """
    volumes = read_case({name: case.images[name] for name in channels})
    truth, geometry = read_truth(case)
    for volume in volumes.values():
        if difference := geometry.differences(volume.geometry):
            raise BadInputError(f"{volume.name} does not fit the segmentation of {case.name}: {', '.join(difference)}.")
    return volumes, truth, geometry


def read_truth(case: LabelledCase) -> tuple[LabelArray, Geometry]:
    """The expert's labels in the engine's convention, array (z, y, x), and their grid.

    Raises:
        BadInputError: the file cannot be read or mixes conventions.
    """
    labels, geometry = read_labels(case.segmentation)
    try:
        return from_convention(labels, identify_convention(labels)), geometry
    except ValueError as error:
        raise BadInputError(f"The labels in {case.segmentation} cannot be used: {error}.") from error


def identify_convention(labels: LabelArray) -> LabelConvention:
    """Tell the convention from the values: a 4 without a 3 is BraTS 2017-2022; 1 and 2 mean the same in both.

    Raises:
        ValueError: 3 and 4 together (BraTS 2024, where 4 is the resection cavity).
    """
    values = set(np.unique(labels).tolist())
    if {3, 4} <= values:
        raise ValueError("they hold both 3 and 4 (BraTS 2024 with resection cavities), which is not supported")
    return LabelConvention.BRATS_2020 if 4 in values else LabelConvention.BRATS_2023


def _labelled_case(folder: Path) -> LabelledCase | None:
    segmentations = sorted(path for path in folder.iterdir() if path.is_file() and _SEGMENTATION_NAME.match(path.name))
    if not segmentations:
        return None
    if len(segmentations) > 1:
        listing = ", ".join(path.name for path in segmentations)
        raise BadInputError(f"{folder} has {len(segmentations)} segmentations ({listing}); keep one.")
    return LabelledCase(folder.name, find_case(folder), segmentations[0])
