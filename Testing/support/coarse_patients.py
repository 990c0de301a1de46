"""Synthetic patients that are small and quick: their 4 mm voxels are declared to be 1 mm."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tumorseg.phantom import make_patient, write_patient

SHAPE = (39, 60, 60)
SPACING_MM = 4.0


def write_coarse_patients(folder: Path, seeds: Iterable[int]) -> Path:
    """Write a case per seed, named as the command phantom names them."""
    for seed in seeds:
        patient = make_patient(seed, SHAPE, SPACING_MM)
        small = type(patient)(patient.images, patient.labels, patient.tissues, (1.0, 1.0, 1.0), patient.spec)
        write_patient(small, folder, f"Synthetic_{seed:04d}")
    return folder
