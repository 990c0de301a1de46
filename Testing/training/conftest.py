"""Small labelled cases for the training tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tumorseg.phantom import make_patient, write_patient

SHAPE = (39, 60, 60)
SPACING_MM = 4.0


@pytest.fixture(scope="session")
def coarse_cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three synthetic patients whose 4 mm voxels are declared to be 1 mm, which makes them small and quick."""
    folder = tmp_path_factory.mktemp("cases")
    for seed in (1, 2, 3):
        patient = make_patient(seed, SHAPE, SPACING_MM)
        small = type(patient)(patient.images, patient.labels, patient.tissues, (1.0, 1.0, 1.0), patient.spec)
        write_patient(small, folder, f"Synthetic_{seed:04d}")
    return folder
