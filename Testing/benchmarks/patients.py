"""Synthetic patients to benchmark with where no data are given."""

from __future__ import annotations

from pathlib import Path

from tumorseg.phantom import make_patient, write_patient
from tumorseg.phantom.space import FIELD_OF_VIEW_MM


def synthetic_patients(folder: Path, count: int) -> Path:
    """Make patients with the size of BraTS cases; those that are there already are kept."""
    for seed in range(count):
        name = f"Synthetic_{seed:04d}"
        if not (folder / name / f"{name}_seg.nii.gz").exists():
            write_patient(make_patient(seed, tuple(map(round, FIELD_OF_VIEW_MM)), 1.0), folder, name)
    return folder
