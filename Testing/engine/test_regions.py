"""Labels, regions and conventions, on every combination of a few voxels."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tumorseg.regions import (
    ED,
    ET,
    NCR,
    SEGMENTS,
    UNDIVIDED,
    LabelConvention,
    from_convention,
    labels_from_regions,
    region_mask,
    regions_from_classes,
    to_convention,
)

probabilities = arrays.arrays(np.float32, (3, 2, 2, 2), elements=st.floats(0, 1, width=32))
engine_labels = arrays.arrays(np.uint8, (2, 3, 4), elements=st.sampled_from([0, NCR, ED, ET, UNDIVIDED]))


def voxels(*values: int) -> np.ndarray:
    return np.array(values, np.uint8).reshape(1, 1, -1)


def test_labels_of_every_combination_of_regions() -> None:
    columns = np.array(list(product([0.4, 0.6], repeat=3)), np.float32).T.reshape(3, 1, 1, 8)
    labels = labels_from_regions(columns, ("WT", "TC", "ET"), (0.5, 0.5, 0.5))
    #        none ET  TC   TC+ET WT  WT+ET WT+TC all
    expected = [0, ET, NCR, ET, ED, ET, NCR, ET]
    assert labels.ravel().tolist() == expected
    assert labels.dtype == np.uint8


@given(probabilities, st.permutations(["WT", "TC", "ET"]))
def test_regions_are_nested_whatever_the_network_says(values: np.ndarray, names: list[str]) -> None:
    labels = labels_from_regions(values, names, (0.5, 0.3, 0.7))
    whole, core, enhancing = (region_mask(labels, region) for region in ("WT", "TC", "ET"))
    assert not np.any(enhancing & ~core)
    assert not np.any(core & ~whole)
    assert np.array_equal(enhancing, values[names.index("ET")] > (0.5, 0.3, 0.7)[names.index("ET")])
    assert np.array_equal(whole, (values > np.reshape(np.float32((0.5, 0.3, 0.7)), (3, 1, 1, 1))).any(axis=0))


def test_whole_tumor_alone_is_undivided() -> None:
    labels = labels_from_regions(np.array([[[[0.2, 0.9]]]], np.float32), ("WT",), (0.5,))
    assert labels.tolist() == [[[0, UNDIVIDED]]]
    assert region_mask(labels, "WT").tolist() == [[[False, True]]]
    assert not region_mask(labels, "TC").any()


def test_regions_from_classes_adds_up() -> None:
    classes = np.array([0.1, 0.2, 0.3, 0.4], np.float32).reshape(4, 1, 1, 1)
    np.testing.assert_allclose(regions_from_classes(classes).ravel(), [0.9, 0.6, 0.4], rtol=1e-6)


@given(engine_labels, st.sampled_from(LabelConvention))
def test_conventions_round_trip_and_leave_the_argument_alone(labels: np.ndarray, convention: LabelConvention) -> None:
    before = labels.copy()
    assert np.array_equal(from_convention(to_convention(labels, convention), convention), before)
    assert np.array_equal(labels, before)


def test_brats_2020_writes_enhancing_tumor_as_four() -> None:
    assert to_convention(voxels(0, 1, 2, 3, 5), LabelConvention.BRATS_2020).ravel().tolist() == [0, 1, 2, 4, 5]
    assert to_convention(voxels(0, 1, 2, 3, 5), LabelConvention.BRATS_2023).ravel().tolist() == [0, 1, 2, 3, 5]


@pytest.mark.parametrize(
    ("labels", "convention", "message"),
    [
        (voxels(0, 3), LabelConvention.BRATS_2020, "labels [3] do not occur in the BraTS 2020 convention"),
        (voxels(4, 7), LabelConvention.BRATS_2023, "labels [4, 7] do not occur in the BraTS 2023 convention"),
    ],
)
def test_labels_of_another_convention_are_refused(
    labels: np.ndarray, convention: LabelConvention, message: str
) -> None:
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        from_convention(labels, convention)


def test_terminology_of_the_enhancing_tumor_is_the_entry_that_slicer_writes() -> None:
    assert SEGMENTS[ET].terminology == (
        "TumorSegUNet brain tumor~SCT^49755003^Morphologically Altered Structure~NCIt^C113842^Enhancing Lesion~^^"
        "~Anatomic codes - DICOM master list~SCT^12738006^Brain~^^"
    )
