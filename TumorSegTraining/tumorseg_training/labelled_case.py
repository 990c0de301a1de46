"""One labelled case, as every layout ends up."""

from __future__ import annotations

from dataclasses import dataclass

from tumorseg_training.conventions import Convention
from tumorseg_training.sources import Source


@dataclass(frozen=True)
class LabelledCase:
    """One time point of one patient for training or evaluation.

    Attributes:
        name: unique among the cases found together, usually the folder's.
        images: where each sequence comes from; partial data lack some.
        segmentation: where the expert's label map comes from.
        patient: what splits group by; time points and re-releases of a patient share it.
        grade: "HGG" or "LGG" where the data say so.
        layout: in which release the case was published, e.g. "BraTS 2020".
        convention: what the layout says about the labels; None when only the data can tell.
        age: in years at the scan.
        survival_days: overall survival; for a patient alive at last contact the days until then.
        alive: whether ``survival_days`` is until the last contact.
    """

    name: str
    images: dict[str, Source]
    segmentation: Source
    patient: str = ""
    grade: str | None = None
    layout: str = "BraTS-like folders"
    convention: Convention | None = None
    age: float | None = None
    survival_days: int | None = None
    alive: bool = False

    def __post_init__(self) -> None:
        if not self.patient:
            object.__setattr__(self, "patient", self.name)
