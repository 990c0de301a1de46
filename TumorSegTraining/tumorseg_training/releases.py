"""The releases of BraTS, known by how they name their cases: layout, label convention and patient."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tumorseg_training.conventions import Convention

FOLDERS = "BraTS-like folders"
"""Layout of cases with other names."""


@dataclass(frozen=True)
class Release:
    """What a case's name says.

    Attributes:
        layout: name of the release.
        convention: of its labels; None where the data must tell.
        patient: shared by the time points of a patient, and by the releases that keep its number.
    """

    layout: str
    convention: Convention | None
    patient: str


_EARLY = re.compile(r"brats(17|18|19)_(.+)", re.IGNORECASE)  # Brats18_TCIA01_131_1: the same number in all three
_2020 = re.compile(r"(brats20_training_\d+)", re.IGNORECASE)
_2021 = re.compile(r"(brats2021_\d+)", re.IGNORECASE)
_SINCE_2023 = re.compile(r"(brats-([a-z]+)-\d+)-(\d{3})", re.IGNORECASE)
_OTHER_TUMORS = {"PED": "tumors of children", "MEN": "meningiomas", "MET": "metastases"}
_POST_TREATMENT = 100
"""Time points of BraTS 2024 GLI are numbered from here; those of 2023 from 0."""


def release_of(name: str) -> Release:
    """The release of a case, from its name."""
    if found := _EARLY.fullmatch(name):
        return Release(f"BraTS 20{found[1]}", Convention.BRATS_2020, found[2])
    if found := _2020.fullmatch(name):
        return Release("BraTS 2020", Convention.BRATS_2020, found[1])
    if found := _2021.fullmatch(name):
        return Release("BraTS 2021", Convention.BRATS_2020, found[1])
    if found := _SINCE_2023.fullmatch(name):
        return _since_2023(found[1], found[2].upper(), int(found[3]))
    return Release(FOLDERS, None, name)


def other_tumor(name: str) -> str | None:
    """What a case of BraTS shows when that is no glioma of an adult, whose labels mean other things; from its name."""
    found = _SINCE_2023.fullmatch(name)
    return _OTHER_TUMORS.get(found[2].upper()) if found else None


def _since_2023(patient: str, challenge: str, time_point: int) -> Release:
    if challenge == "GLI" and time_point >= _POST_TREATMENT:
        return Release("BraTS 2024 GLI", Convention.BRATS_2024, patient)
    convention = Convention.BRATS_2023 if challenge in ("GLI", "SSA") else None
    return Release(f"BraTS 2023 {challenge}", convention, patient)
