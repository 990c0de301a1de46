"""Brain mask, crop, z-score and scaling to 0-1: exact small cases and parity with MONAI."""

import numpy as np
import pytest
import torch
from monai.transforms import NormalizeIntensity

from tumorseg.modelfile import NORMALISATIONS
from tumorseg.normalise import NORMALISERS, bounding_box, brain_mask, minmax, network_input, zscore


def test_the_brain_is_where_any_channel_differs_from_zero() -> None:
    first, second = np.zeros((2, 2, 2), np.float32), np.zeros((2, 2, 2), np.float32)
    first[0, 0, 0], second[1, 1, 1] = 5, -1
    assert np.argwhere(brain_mask([first, second])).tolist() == [[0, 0, 0], [1, 1, 1]]


def test_the_box_has_a_margin_and_stays_on_the_grid() -> None:
    mask = np.zeros((20, 20, 20), bool)
    mask[1, 8:10, 19] = True
    assert bounding_box(mask, margin=3) == (slice(0, 5), slice(5, 13), slice(16, 20))


def test_an_empty_mask_has_no_box() -> None:
    with pytest.raises(ValueError, match="empty"):
        bounding_box(np.zeros((4, 4, 4), bool))


def test_zscore_equals_monai_on_the_brain() -> None:
    channel = np.random.default_rng(0).gamma(3.0, 200.0, (6, 7, 8)).astype(np.float32)
    channel[:2] = 0
    expected = NormalizeIntensity(nonzero=True)(torch.from_numpy(channel)[None])[0].numpy()
    np.testing.assert_allclose(zscore(channel, channel != 0), expected, atol=1e-5)


def test_zscore_of_a_constant_brain_is_zero() -> None:
    np.testing.assert_array_equal(zscore(np.full((2, 2, 2), 7, np.float32), np.ones((2, 2, 2), bool)), 0)


@pytest.mark.parametrize(("scale", "shift"), [(3.0, 0.0), (0.01, 0.0), (1.0, 50.0)])
def test_the_network_input_does_not_depend_on_scanner_units(scale: float, shift: float) -> None:
    channel = np.random.default_rng(1).uniform(100, 900, (5, 5, 5)).astype(np.float32)
    mask = np.ones((5, 5, 5), bool)
    np.testing.assert_allclose(zscore(channel * scale + shift, mask), zscore(channel, mask), atol=1e-4)


def test_a_given_mask_decides_about_crop_and_statistics() -> None:
    channel = np.arange(1000, dtype=np.float32).reshape(10, 10, 10)
    mask = np.zeros((10, 10, 10), bool)
    mask[5, 5, 5] = mask[5, 5, 7] = True
    crop, (z, y, x) = network_input([channel, channel], mask)
    assert crop.shape == (2, 9, 9, 9)
    assert (z, y, x) == (slice(1, 10), slice(1, 10), slice(1, 10))
    assert crop[0, 4, 4, 4] == -1
    assert crop[0, 4, 4, 6] == 1
    assert np.count_nonzero(crop) == 4


@pytest.mark.parametrize("name", NORMALISERS)
def test_a_volume_of_a_part_of_the_brain_is_normalised_over_that_part(name: str) -> None:
    whole, part = np.random.default_rng(0).uniform(100, 900, (2, 20, 20, 20)).astype(np.float32)
    part[:10] = 0
    crop, _ = network_input([whole, part, np.zeros_like(whole)], normalisation=name)
    np.testing.assert_array_equal(crop[0], NORMALISERS[name](whole, whole != 0))
    np.testing.assert_array_equal(crop[1], NORMALISERS[name](part, part != 0))
    assert not crop[1, :10].any()
    assert not crop[2].any()


def test_few_zeros_in_the_brain_are_values_as_others() -> None:
    whole, holes = np.random.default_rng(0).uniform(100, 900, (2, 20, 20, 20)).astype(np.float32)
    holes[:2] = 0
    crop, _ = network_input([whole, holes])
    np.testing.assert_array_equal(crop[1], zscore(holes, whole != 0))


def test_scaling_to_0_1_is_over_the_brain_alone() -> None:
    channel = np.array([[[0, 0, 100, 150, 200, 999]]], np.float32)
    brain = np.array([[[False, True, True, True, True, False]]])
    np.testing.assert_array_equal(minmax(channel, brain), np.array([[[0, 0, 0.5, 0.75, 1, 0]]], np.float32))
    np.testing.assert_array_equal(minmax(np.full((2, 2, 2), 7, np.float32), np.ones((2, 2, 2), bool)), 0)


def test_scaling_to_0_1_is_the_same_before_and_after_a_zscore() -> None:
    channel = np.random.default_rng(0).gamma(3.0, 200.0, (6, 7, 8)).astype(np.float32)
    brain = channel > 300
    np.testing.assert_allclose(minmax(zscore(channel, brain), brain), minmax(channel, brain), atol=1e-6)


def test_every_normalisation_of_the_model_file_can_be_computed() -> None:
    assert tuple(NORMALISERS) == NORMALISATIONS
    channels = [np.arange(8, dtype=np.float32).reshape(2, 2, 2)]
    for name, normalise in NORMALISERS.items():
        crop, _ = network_input(channels, normalisation=name)
        np.testing.assert_array_equal(crop[0], normalise(channels[0], channels[0] != 0))
