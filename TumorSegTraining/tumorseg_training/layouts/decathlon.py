"""Task01 of the Medical Segmentation Decathlon: ``imagesTr/BRATS_001.nii.gz`` with four volumes, ``labelsTr/…`` alike.

``dataset.json`` says the order of the volumes and the meaning of the labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from tumorseg.errors import BadInputError
from tumorseg.sequences import ALIASES
from tumorseg_training.conventions import Convention
from tumorseg_training.labelled_case import LabelledCase
from tumorseg_training.layouts.found import Found
from tumorseg_training.listing import Entry
from tumorseg_training.sources import ImageSource, Source

LAYOUT = "Decathlon Task01"
FOLDERS = ("imagestr", "labelstr", "imagests")
_ORDER = ("flair", "t1", "t1ce", "t2")
_MAX_BYTES = 64 << 20


def belongs(entry: Entry) -> bool:
    """Whether a file is in one of the layout's folders."""
    return entry.path.parent.name.lower() in FOLDERS


def find_decathlon_cases(entries: Iterable[Entry]) -> Found:
    """Cases among all files of the data set."""
    files = {entry.path: entry for entry in entries}
    found = Found()
    for path, image in files.items():
        if not path.name.lower().endswith((".nii.gz", ".nii")):
            continue
        name, folder = path.name.split(".nii")[0], path.parent.name.lower()
        if folder == "imagests":
            found.unlabelled[name] = ""
        elif folder == "imagestr":
            _add(found, name, image, files)
        elif folder == "labelstr" and _beside(path, "imagesTr", files) is None:
            message = f"{name} has a label file but no image in imagesTr."
            found.block(name, "missing-file", message, "Download or unpack the set again.")
    return found


def _add(found: Found, name: str, image: Entry, files: Mapping[PurePosixPath, Entry]) -> None:
    segmentation = _beside(image.path, "labelsTr", files)
    if segmentation is None:
        found.unlabelled[name] = ""
        return
    try:
        order, convention = _description(files.get(image.path.parent.parent / "dataset.json"))
    except BadInputError as error:
        found.block(name, "dataset-json", str(error), "Download it again.")
        return
    images: dict[str, Source] = {sequence: ImageSource(image.blob, frame) for frame, sequence in enumerate(order)}
    source = ImageSource(segmentation.blob)
    found.cases.append(LabelledCase(name, images, source, name, layout=LAYOUT, convention=convention))


def _beside(path: PurePosixPath, folder: str, files: Mapping[PurePosixPath, Entry]) -> Entry | None:
    """The file of the same name in the folder beside."""
    return files.get(path.parent.parent / folder / path.name)


def _description(entry: Entry | None) -> tuple[tuple[str, ...], Convention]:
    """Order of the volumes and meaning of the labels; what was published where there is no ``dataset.json``."""
    if entry is None:
        return _ORDER, Convention.DECATHLON
    try:
        document = json.loads(entry.blob.read()[:_MAX_BYTES])
        modality, labels = document.get("modality", {}), document.get("labels", {})
        order = tuple(ALIASES[str(modality[str(number)]).lower()] for number in range(len(modality))) or _ORDER
        return order, _meaning(labels)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise BadInputError(
            f"{entry.blob.location} does not describe the volumes and labels of a brain task."
        ) from error


def _meaning(labels: Mapping[str, Any]) -> Convention:
    """By what the labels are called; edema is 1 in the Decathlon and 2 in BraTS."""
    edema = [number for number, text in labels.items() if "edema" in str(text).lower() or "oedema" in str(text).lower()]
    if edema in ([], ["1"]):
        return Convention.DECATHLON
    if edema == ["2"] and "3" in labels:
        return Convention.BRATS_2023
    raise ValueError(f"edema has the numbers {edema}")
