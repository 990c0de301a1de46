"""Backgrounds that are not 0: taken for what lies outside of the brain, and told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from support.moved import HEAD, head_model, head_patient, moved
from tumorseg.case_files import find_case, read_case
from tumorseg.guard import check_case
from tumorseg.modelfile import Model, load_model
from tumorseg.modelstore import find_model
from tumorseg.outside import with_zero_outside
from tumorseg.pipeline import Options, segment
from tumorseg.report_html import html_report
from tumorseg.sequences import SEQUENCES
from tumorseg.volume import FloatArray, Geometry, Volume

Case = dict[str, Volume]
Change = Callable[[FloatArray], FloatArray]


@pytest.fixture(scope="module")
def patient() -> Case:
    return head_patient("{sequence}.nii")


@pytest.fixture(scope="module")
def model() -> Model:
    return head_model()


def changed(case: Case, change: Change, *sequences: str) -> Case:
    return {s: replace(v, array=change(v.array)) if s in (sequences or SEQUENCES) else v for s, v in case.items()}


def padded(value: float) -> Change:
    return lambda array: np.where(array == 0, np.float32(value), array)


def over_everything(array: FloatArray) -> FloatArray:
    """z-scores with mean and deviation of the whole volume."""
    return np.asarray((array - array.mean()) / array.std())


def noisy(array: FloatArray) -> FloatArray:
    return array + np.random.default_rng(1).normal(0, 1e-5, array.shape).astype(np.float32)


@pytest.mark.parametrize("change", [padded(-1024), padded(7), over_everything, noisy])
def test_the_result_is_that_of_a_background_of_0(patient: Case, model: Model, change: Change) -> None:
    wanted = segment(patient, model, Options("cpu"))
    found = segment(changed(patient, change), model, Options("cpu"))
    np.testing.assert_array_equal(found.labels, wanted.labels)


def test_in_tight_slabs_and_in_one_volume_of_four(patient: Case, model: Model) -> None:
    inside = np.argwhere(patient["t1"].array != 0)
    low, high = inside.min(axis=0), inside.max(axis=0) + 1
    box = (slice(15, 30), slice(low[1], high[1]), slice(low[2], high[2]))
    slabs = {s: replace(v, array=v.array[box], geometry=v.geometry.crop(box)) for s, v in patient.items()}
    wanted = segment(slabs, model, Options("cpu"))
    for change in (over_everything, padded(7)):
        found = segment(changed(slabs, change, "t2"), model, Options("cpu"))
        np.testing.assert_array_equal(found.labels, wanted.labels)
        assert [f.volumes for f in found.findings if f.code == "constant-background"] == [("t2",)]


def test_before_volumes_are_registered(patient: Case, model: Model) -> None:
    grid = Geometry((27, 60, 60), (-118.0, -118.0, -78.0), (4.0, 4.0, 6.0))
    scanned = {**patient, "flair": moved(patient["flair"], (0, 0, 3), (2, 0, 0), grid)[0]}
    wanted = segment(scanned, model, Options("cpu"))
    found = segment(changed(scanned, padded(-1024)), model, Options("cpu"))
    np.testing.assert_array_equal(found.labels, wanted.labels)
    assert "constant-background" in {finding.code for finding in found.findings}


def test_what_is_said(patient: Case) -> None:
    (finding,) = check_case(changed(patient, padded(-1024), "t1"), SEQUENCES)
    assert (finding.code, finding.severity, finding.volumes) == ("constant-background", "note", ("t1",))
    assert finding.sentence == (
        "The background of T1 (t1.nii) is -1024, not 0; it was taken for what lies outside of the brain."
    )
    (finding,) = check_case(changed(patient, padded(7), "t1", "t2"), SEQUENCES)
    assert finding.message.startswith("The background of T1 (t1.nii) is 7 and T2 (t2.nii) is 7, not 0;")
    (finding,) = check_case(changed(patient, noisy, "flair"), SEQUENCES)
    assert (finding.code, finding.severity, finding.volumes) == ("inexact-background", "warning", ("flair",))
    assert finding.sentence == (
        "The background of FLAIR (flair.nii) is not exactly 0 (interpolation leaves that); what has less than 0.1% of "
        "the brightness was taken for 0. Set the background to 0, or give a brain mask."
    )


def test_interpolation_that_rings(patient: Case) -> None:
    def ringing(array: FloatArray) -> FloatArray:
        return ndimage.shift(array, 0.3, order=3).astype(np.float32)

    rung = changed(patient, ringing, "flair")
    cleared, findings = with_zero_outside(rung)
    assert [finding.code for finding in findings] == ["inexact-background"]
    assert np.count_nonzero(cleared["flair"].array) < 0.6 * np.count_nonzero(rung["flair"].array)
    assert with_zero_outside(changed(patient, ringing), masked=True)[1] == []


def test_what_stays_as_it_is(patient: Case) -> None:
    volumes = {
        "t1": patient["t1"],
        "t1ce": replace(patient["t1ce"], array=np.full(HEAD.shape, np.float32(7))),
        "t2": replace(patient["t2"], array=np.full(HEAD.shape, np.float32(np.nan))),
        "flair": Volume(np.zeros((0, 4, 4), np.float32), Geometry((0, 4, 4)), "empty"),
    }
    cleared, findings = with_zero_outside(volumes)
    assert findings == []
    assert all(cleared[sequence] is volume for sequence, volume in volumes.items())


def test_the_pictures_of_the_report_are_those_of_a_background_of_0(patient: Case, model: Model) -> None:
    result = segment(patient, model, Options("cpu"))
    odd = changed(patient, padded(-1024))
    card = model.spec.card
    assert html_report(result, odd, card, "Case") == html_report(result, patient, card, "Case")


def test_a_piece_without_background_is_told(patient: Case) -> None:
    box = (slice(12, 28), slice(20, 40), slice(20, 40))
    pieces = {s: replace(v, array=v.array[box], geometry=v.geometry.crop(box)) for s, v in patient.items()}
    pieces = changed(pieces, lambda array: np.maximum(array, 1))
    (finding,) = check_case(pieces, SEQUENCES)
    assert (finding.code, finding.severity, finding.volumes) == ("no-background", "warning", SEQUENCES)
    assert finding.sentence == (
        "T1 (t1.nii), T1ce (t1ce.nii), T2 (t2.nii) and FLAIR (flair.nii) have no background: 100% of the voxels are "
        "not 0. The brain is taken to be where a volume is not 0; set the rest to 0, or give a brain mask; "
        "the side of the tumor is not told."
    )


def test_a_real_case_with_another_background(data_folder: Path) -> None:
    case = read_case(find_case(data_folder / "brats2021" / "BraTS2021_01479"))
    shipped = load_model(find_model(None))
    wanted = segment(case, shipped, Options("cpu")).labels
    for change in (over_everything, padded(-1024)):
        found = segment(changed(case, change), shipped, Options("cpu")).labels
        overlap = np.count_nonzero((found > 0) & (wanted > 0))
        assert 2 * overlap > 0.97 * (np.count_nonzero(found) + np.count_nonzero(wanted))
