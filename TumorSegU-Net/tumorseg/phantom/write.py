"""Patients as files in the layout and geometry of BraTS 2020."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from tumorseg.images import write_image

from .patient import Patient
from .spec import SEQUENCES

# Middle of the BraTS field of view in ITK (LPS) coordinates (x, y, z) mm: 240x240x155 voxels of 1 mm around it
# start at the BraTS origin (0, -239, 0).
_BRATS_CENTRE = (119.5, -119.5, 77.0)
_ENHANCING_2020 = 4  # BraTS 2017-2022 number enhancing tumour 4 and leave 3 unused


def write_patient(patient: Patient, folder: Path, name: str) -> Path:
    """Write ``folder/name/name_{t1,t1ce,t2,flair,seg}.nii.gz`` and return ``folder/name``.

    Images are int16, labels uint8 in BraTS 2020 numbering (enhancing = 4). Each file appears complete or not at all.
    ``OSError`` if the folder cannot be made, ``BadInputError`` if a file cannot be written.
    """
    case = Path(folder) / name
    case.mkdir(parents=True, exist_ok=True)
    for sequence in SEQUENCES:
        values = np.rint(patient.images[sequence])
        _write(np.clip(values, 0, np.iinfo(np.int16).max).astype(np.int16), patient, case_file(case, sequence))
    labels = np.where(patient.labels == 3, _ENHANCING_2020, patient.labels).astype(np.uint8)
    _write(labels, patient, case_file(case, "seg"))
    return case


def write_missing(folder: Path, name: str, make: Callable[[], Patient]) -> str:
    """Make and write a patient unless ``folder/name`` is complete; returns which of both, in words.

    Raises what ``write_patient`` raises.
    """
    case = Path(folder) / name
    if all(case_file(case, kind).is_file() for kind in (*SEQUENCES, "seg")):
        return "kept, it is already complete"
    patient = make()
    write_patient(patient, folder, name)
    return f"written (seed {patient.spec.seed})"


def case_file(case: Path, kind: str) -> Path:
    """The file of ``kind`` (a sequence or "seg") in the case folder ``case``."""
    return case / f"{case.name}_{kind}.nii.gz"


def _write(array: npt.NDArray[np.int16] | npt.NDArray[np.uint8], patient: Patient, target: Path) -> None:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(patient.spacing)
    sizes = image.GetSize()
    image.SetOrigin([c - 0.5 * (n - 1) * s for c, n, s in zip(_BRATS_CENTRE, sizes, patient.spacing, strict=True)])
    write_image(image, target)
