"""Whether registered volumes fit: one patient's do, another patient's are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tumorseg.alignment import find_motions, on_one_grid
from tumorseg.case_files import find_case, read_case
from tumorseg.guard import check_case
from tumorseg.guard_likeness import LEAST_FIT, fit_of
from tumorseg.images import geometry_of, to_image
from tumorseg.progress import silent
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import Volume

Case = dict[str, Volume]


@pytest.fixture(scope="module")
def patients(data_folder: Path) -> list[Case]:
    return [read_case(find_case(data_folder / "brats2021" / f"BraTS2021_{n:05}")) for n in (1479, 1483)]


def thick(volume: Volume) -> Volume:
    """The volume in slices of 5 mm."""
    image = sitk.BinShrink(to_image(volume.array, volume.geometry), [1, 1, 5])
    return replace(volume, array=sitk.GetArrayFromImage(image), geometry=geometry_of(image))


def registered(case: Case, flair: Volume) -> Case:
    """The case with a FLAIR in thick slices, on the grid of the T1ce, and with names that say nothing."""
    mixed = {s: replace(v, name=f"{s}.nii.gz") for s, v in {**case, "flair": thick(flair)}.items()}
    return on_one_grid(mixed, case["t1ce"].geometry, find_motions(mixed, "t1ce", True, silent))


def codes(case: Case) -> list[str]:
    return [finding.code for finding in check_case(case, SEQUENCES, registered=["flair"])]


def test_a_registered_volume_of_the_patient_fits(patients: list[Case]) -> None:
    for case in patients:
        assert "poor-fit" not in codes(registered(case, case["flair"]))


def test_a_registered_volume_of_another_patient_is_told(patients: list[Case]) -> None:
    one, other = patients
    for case, flair in ((one, other["flair"]), (other, one["flair"])):
        mixed = registered(case, flair)
        (finding,) = (f for f in check_case(mixed, SEQUENCES, registered=["flair"]) if f.code == "poor-fit")
        assert (finding.severity, finding.volumes) == ("warning", ("t1ce", "flair"))
        assert finding.sentence == (
            "FLAIR (flair.nii.gz) fits T1ce (t1ce.nii.gz) hardly better where registered than 8 mm beside it. "
            "Check that all are of one patient, and look whether they lie on each other."
        )


def test_volumes_that_were_not_registered_are_not_judged(patients: list[Case]) -> None:
    mixed = registered(patients[0], patients[1]["flair"])
    assert "poor-fit" not in [finding.code for finding in check_case(mixed, SEQUENCES)]


def test_the_wrong_place_fits_less_and_pieces_are_not_judged(patients: list[Case]) -> None:
    first, second = patients[0]["t1ce"], patients[0]["t2"]
    beside = replace(second, array=np.roll(second.array, 8, 1))
    fits = [fit_of(first, second), fit_of(first, beside)]
    assert fits[0] is not None
    assert fits[1] is not None
    assert fits[0] > LEAST_FIT > fits[1]
    piece = np.where(np.arange(155)[:, None, None] < 60, second.array, np.float32(0))
    assert fit_of(first, replace(second, array=piece)) is None


def test_the_fit_around_the_brain_is_that_on_the_whole_grid(
    patients: list[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    t1ce, t2 = patients[1]["t1ce"], patients[1]["t2"]
    around = fit_of(t1ce, t2)
    monkeypatch.setattr("tumorseg.guard_likeness._sides_that_matter", lambda _: (slice(None),) * 3)
    assert around == pytest.approx(fit_of(t1ce, t2), rel=1e-6)
