"""The slice version of BraTS 2020 on Kaggle: many ``volume_<i>_slice_<j>.h5`` in one folder."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

from tumorseg.errors import BadInputError
from tumorseg.sequences import SEQUENCES
from tumorseg_training.blobs import Blob
from tumorseg_training.conventions import Convention
from tumorseg_training.labelled_case import LabelledCase
from tumorseg_training.layouts.found import Found
from tumorseg_training.listing import Entry
from tumorseg_training.slice_stacks import SliceSource, SliceStack, identify_order

LAYOUT = "BraTS 2020 (Kaggle slices)"
_NAME = re.compile(r"(volume_(\d+))_slice_(\d+)\.h5", re.IGNORECASE)


def official_name(case: LabelledCase) -> str | None:
    """The name in the official release of a case of this layout, which numbers them alike."""
    return f"BraTS20_Training_{int(case.name.rsplit('_', 1)[1]):03d}" if case.layout == LAYOUT else None


def find_slice_cases(entries: Iterable[Entry]) -> Found:
    """Cases among all files of the data set."""
    folders: dict[PurePosixPath, dict[str, dict[int, Blob]]] = defaultdict(lambda: defaultdict(dict))
    for entry in entries:
        if match := _NAME.fullmatch(entry.path.name):
            folders[entry.path.parent][match[1].lower()][int(match[3])] = entry.blob
    found = Found()
    for volumes in folders.values():
        _add(found, volumes)
    return found


def _add(found: Found, volumes: dict[str, dict[int, Blob]]) -> None:
    stacks = []
    for name, slices in sorted(volumes.items(), key=lambda item: (len(item[0]), item[0])):
        if missing := sorted(set(range(max(slices) + 1)) - slices.keys()):
            message = f"{name} lacks the slices {', '.join(map(str, missing))}."
            found.block(name, "missing-file", message, "Download or unpack the set again.")
        else:
            stacks.append(SliceStack(name, tuple(slices[number] for number in sorted(slices))))
    if not stacks:
        return
    try:
        order = identify_order(stacks)
    except BadInputError as error:
        for stack in stacks:
            found.block(stack.name, "channel-order", str(error), "Use the official release.")
        return
    found.cases += [_labelled(stack, order) for stack in stacks]


def _labelled(stack: SliceStack, order: tuple[str, ...]) -> LabelledCase:
    return LabelledCase(
        stack.name,
        {sequence: SliceSource(stack, order.index(sequence)) for sequence in SEQUENCES},
        SliceSource(stack),
        layout=LAYOUT,
        convention=Convention.BRATS_2023,
    )
