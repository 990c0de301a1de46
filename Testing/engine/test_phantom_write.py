"""Files of the synthetic patient and the command that writes them."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tumorseg.phantom import Patient, draw_spec, make_patient, write_patient
from tumorseg.phantom.command import add_arguments, run


@pytest.fixture(scope="module")
def patient() -> Patient:
    spec = replace(draw_spec(2), enhancing=True, tumour_radius=25.0, n_foci=1)
    return make_patient(2, shape=(39, 60, 60), spacing=4.0, spec=spec)


def read(case: Path, kind: str) -> sitk.Image:
    return sitk.ReadImage(str(case / f"{case.name}_{kind}.nii.gz"))


def test_round_trip_keeps_images_as_int16_and_numbers_enhancing_4(patient: Patient, tmp_path: Path) -> None:
    case = write_patient(patient, tmp_path, "Synthetic_0001")
    assert case == tmp_path / "Synthetic_0001"
    for sequence, image in patient.images.items():
        stored = read(case, sequence)
        assert stored.GetPixelID() == sitk.sitkInt16
        np.testing.assert_allclose(sitk.GetArrayFromImage(stored), image, atol=0.5)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(stored) == 0, image == 0)
    labels = sitk.GetArrayFromImage(read(case, "seg"))
    assert set(np.unique(labels)) <= {0, 1, 2, 4}
    np.testing.assert_array_equal(labels == 4, patient.labels == 3)


def test_nothing_but_the_five_files_is_left(patient: Patient, tmp_path: Path) -> None:
    case = write_patient(patient, tmp_path, "A")
    kinds = ("flair", "seg", "t1", "t1ce", "t2")
    assert sorted(f.name for f in case.iterdir()) == [f"A_{kind}.nii.gz" for kind in kinds]


def test_field_of_view_is_centred_as_in_brats(patient: Patient, tmp_path: Path) -> None:
    image = read(write_patient(patient, tmp_path, "A"), "t1")
    assert image.GetSpacing() == (4.0, 4.0, 4.0)
    assert image.GetDirection() == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    centre = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
    np.testing.assert_allclose(centre, (119.5, -119.5, 77.0))


def test_full_grid_has_exactly_the_brats_origin(patient: Patient, tmp_path: Path) -> None:
    empty = np.zeros((155, 240, 240), dtype=np.float32)
    full = replace(
        patient, images=dict.fromkeys(patient.images, empty), labels=empty.astype(np.uint8), spacing=(1.0, 1.0, 1.0)
    )
    assert read(write_patient(full, tmp_path, "A"), "seg").GetOrigin() == (0.0, -239.0, 0.0)


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def test_command_writes_cases_and_keeps_complete_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--output", str(tmp_path), "--count", "2", "--seed", "7", "--spacing", "5")
    assert run(arguments(*words)) == 0
    assert sorted(f.name for f in tmp_path.iterdir()) == ["Synthetic_0007", "Synthetic_0008"]
    first = tmp_path / "Synthetic_0007" / "Synthetic_0007_t1.nii.gz"
    before = first.stat().st_mtime_ns
    (tmp_path / "Synthetic_0008" / "Synthetic_0008_seg.nii.gz").unlink()
    capsys.readouterr()
    assert run(arguments(*words)) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == ["Synthetic_0007: kept, it is already complete", "Synthetic_0008: written (seed 8)"]
    assert first.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--count", "0"), "--count must be at least 1, got 0."),
        (("--seed", "-3"), "--seed must not be negative, got -3."),
        (("--spacing", "0"), "--spacing must lie above 0"),
        (("--spacing", "nan"), "--spacing must lie above 0"),
        (("--spacing", "20"), "not above 8 mm, got 20."),
    ],
)
def test_command_refuses_bad_arguments_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], complaint: str
) -> None:
    assert run(arguments("--output", str(tmp_path / "new"), *words)) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_command_refuses_a_file_as_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert run(arguments("--output", str(tmp_path / "file"))) == 2
    assert "is a file, not a folder" in capsys.readouterr().err
