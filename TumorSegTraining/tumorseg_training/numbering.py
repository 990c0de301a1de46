"""What the numbers of predictions mean: stated by the user, or told by the whole folder and the cases it is for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from pathlib import Path
from statistics import median

import numpy as np

from tumorseg.errors import BadInputError
from tumorseg.regions import ET, LabelConvention, from_convention
from tumorseg.volume import LabelArray
from tumorseg_training.conventions import CAVITY, CLEAR_SHELL, Convention, to_engine


class Numbering(str, Enum):
    """What the numbers of predictions mean; the values are those of ``--labels``."""

    BRATS_2024 = "2024"
    BRATS_2023 = "2023"
    BRATS_2020 = "2020"
    DECATHLON = "decathlon"

    @property
    def called(self) -> str:
        """What the results call it."""
        return Convention.DECATHLON.value if self is Numbering.DECATHLON else f"BraTS {self.value}"

    def to_engine(self, labels: LabelArray) -> LabelArray:
        """Renumber labels of a file for the engine.

        Raises:
            ValueError: a label that the numbering does not have.
        """
        if self is Numbering.DECATHLON:
            return to_engine(labels, Convention.DECATHLON)
        if self is Numbering.BRATS_2024:  # not as in truths, so that undivided tumors may be predicted too
            tumor = np.where(labels == CAVITY, 0, labels).astype(np.uint8)
            return from_convention(tumor, LabelConvention.BRATS_2023)
        return from_convention(labels, LabelConvention(self.value))


LIKE_2024 = {Convention.BRATS_2024, Convention.BRATS_2023, Convention.WHOLE_TUMOR}
"""Conventions of truths beside which predictions can all be numbered as in BraTS 2024."""


def identify(
    folder: Path, values: Collection[int], shells: Sequence[float], truths: Collection[Convention]
) -> Numbering:
    """Tell the numbering of a folder of predictions.

    That of BraTS 2024 where the truths are of it; otherwise a 4 without any 3 in the whole folder is BraTS 2017-2022;
    without both, the years of BraTS agree.

    Args:
        folder: of the predictions, for the messages.
        values: all numbers that occur in it.
        shells: how much more 2 than 1 is the outer shell, of each file that shows both.
        truths: conventions of the cases' own labels.

    Raises:
        BadInputError: 4 may be tumor or cavity, or 1 is clearly edema. A bad network may get that wrong in single
            cases, not in most.
    """
    of_2024 = Convention.BRATS_2024 in truths
    if CAVITY in values and (not LIKE_2024.issuperset(truths) if of_2024 else ET in values):
        why = "4, and the cases are of BraTS 2024 and of earlier years" if of_2024 else "both 3 and 4"
        raise BadInputError(
            f"The predictions in {folder} hold {why}, so their numbering cannot be identified; state it with "
            "--labels 2024 (enhancing tumor is 3, and 4 a resection cavity) or --labels 2020 (it is 4); --labels 2023 "
            "refuses those that hold a 4."
        )
    without = Numbering.BRATS_2020 if CAVITY in values else Numbering.BRATS_2023
    found = Numbering.BRATS_2024 if of_2024 else without
    if shells and median(shells) < -CLEAR_SHELL:
        raise BadInputError(
            f"In most predictions in {folder} label 1 lies outside label 2, so 1 is probably edema, as in the "
            "Decathlon; state their numbering with --labels decathlon (1 is edema) or "
            f"--labels {found.value} (1 is core)."
        )
    return found


def doubt(numbering: Numbering, values: Collection[int]) -> str:
    """A sentence where an identified numbering may be another; empty otherwise."""
    if numbering is not Numbering.BRATS_2024 or CAVITY not in values or ET in values:
        return ""
    return " No prediction holds a 3, and 4 counts as resection cavity; if it is enhancing tumor, give --labels 2020."
