"""Intensities: each change does what its formula says, and what was 0 stays 0."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from tumorseg_training.augment_draw import ChannelChange, Draw
from tumorseg_training.augment_intensity import axis_filter, bend, bias_field, change_intensity, filtered


def _changed(*changes: ChannelChange, patch: torch.Tensor, seed: int = 0) -> torch.Tensor:
    draw = Draw((0, 0, 0), (16, 16, 16), channels=changes, seed=seed)
    return change_intensity(patch.clone(), draw)


@pytest.fixture
def patch() -> torch.Tensor:
    """Two channels of random numbers in a ball, 0 outside."""
    random = np.random.default_rng(0)
    places = np.stack(np.meshgrid(*[np.linspace(-1, 1, 16)] * 3, indexing="ij"))
    inside = (places**2).sum(axis=0) < 0.8
    return torch.from_numpy((random.normal(size=(2, 16, 16, 16)) * inside).astype(np.float32))


def test_nothing_is_changed_by_no_change(patch: torch.Tensor) -> None:
    assert torch.equal(_changed(ChannelChange(), ChannelChange(), patch=patch), patch)
    assert torch.equal(change_intensity(patch.clone(), Draw((0, 0, 0), (16, 16, 16))), patch)


def test_a_channel_changes_alone(patch: torch.Tensor) -> None:
    changed = _changed(ChannelChange(), ChannelChange(factor=2.0, shift=0.5), patch=patch)
    inside = patch[1] != 0
    assert torch.equal(changed[0], patch[0])
    torch.testing.assert_close(changed[1][inside], 2 * patch[1][inside] + 0.5)


@pytest.mark.parametrize(
    "change",
    [
        ChannelChange(blur=1.0),
        ChannelChange(resolution=0.5),
        ChannelChange(noise=0.3),
        ChannelChange(shift=0.3),
        ChannelChange(bias=0.5),
        ChannelChange(gamma=1.4),
    ],
)
def test_the_background_stays_zero(change: ChannelChange, patch: torch.Tensor) -> None:
    changed = _changed(change, change, patch=patch)
    assert not changed[patch == 0].any()
    assert not torch.equal(changed, patch)


def test_a_dropped_sequence_is_zero_everywhere(patch: torch.Tensor) -> None:
    changed = _changed(ChannelChange(dropped=True, noise=0.3), ChannelChange(), patch=patch)
    assert not changed[0].any()
    assert torch.equal(changed[1], patch[1])


def test_an_absent_sequence_stays_absent(patch: torch.Tensor) -> None:
    patch[0] = 0
    everything = ChannelChange(1.0, 0.5, 0.3, 1.2, 0.3, 1.4, bias=0.5)
    assert not _changed(everything, everything, patch=patch)[0].any()


def test_noise_has_its_strength_and_its_seed() -> None:
    flat = torch.ones((1, 48, 48, 48))
    first, again, other = (_changed(ChannelChange(noise=0.2), patch=flat, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float(first.std()) == pytest.approx(0.2, rel=0.02)
    assert float(first.mean()) == pytest.approx(1, abs=0.005)


def test_a_bias_field_is_added_with_its_strength_and_seed(patch: torch.Tensor) -> None:
    field = bias_field(patch[0], torch.Generator().manual_seed(5))
    changed = _changed(ChannelChange(bias=0.5), ChannelChange(), patch=patch, seed=5)
    torch.testing.assert_close(changed[0], (patch[0] + 0.5 * field) * (patch[0] != 0))
    assert torch.equal(changed[1], patch[1])
    assert not torch.equal(_changed(ChannelChange(bias=0.5), ChannelChange(), patch=patch, seed=6)[0], changed[0])


def test_a_bias_field_is_linear_between_points_of_deviation_1() -> None:
    random = torch.Generator().manual_seed(0)
    fields = torch.stack([bias_field(torch.empty(9, 5, 7), random) for _ in range(400)])
    points = fields[:, ::4, ::2, ::3]
    assert float(points.std()) == pytest.approx(1, abs=0.03)
    torch.testing.assert_close(fields[:, 2, 0, 0], (points[:, 0, 0, 0] + points[:, 1, 0, 0]) / 2)


def test_the_blur_is_a_gaussian() -> None:
    image = np.zeros((24, 24, 24), np.float32)
    image[12, 11, 10] = 1
    ours = filtered(torch.from_numpy(image), 1.0, 1.0).numpy()
    np.testing.assert_allclose(ours, ndimage.gaussian_filter(image, 1.0, truncate=6, mode="constant"), atol=1e-5)


def test_a_filter_keeps_a_flat_image() -> None:
    for blur, resolution in ((1.0, 1.0), (0.0, 0.5), (0.7, 0.6)):
        rows = axis_filter(20, blur, resolution, torch.device("cpu")).sum(dim=1)
        torch.testing.assert_close(rows, torch.ones(20))


def test_a_lower_resolution_removes_what_is_finer() -> None:
    checks = torch.arange(16.0).remainder(2).expand(16, 16, 16)
    torch.testing.assert_close(filtered(checks, 0.0, 0.5), torch.full((16, 16, 16), 0.5))


def test_gamma_keeps_the_range_and_bends_between() -> None:
    image = torch.tensor([-1.0, 0.0, 1.0, 3.0])
    bend(image, 2.0, *image.aminmax())
    torch.testing.assert_close(image, torch.tensor([-1.0, -0.75, 0.0, 3.0]))  # 4 * ((x + 1) / 4)^2 - 1
    flat = torch.ones(3)
    bend(flat, 2.0, *flat.aminmax())
    torch.testing.assert_close(flat, torch.ones(3))


def test_the_other_half_gets_the_contrast_of_its_channel_and_no_noise(patch: torch.Tensor) -> None:
    first = ChannelChange(blur=1.0, resolution=0.5, noise=0.3, bias=0.5, factor=2.0, shift=0.5)
    own, other = patch.clone(), patch / 2
    change_intensity(own, Draw((0, 0, 0), (16, 16, 16), channels=(first, ChannelChange(dropped=True))), other)
    inside = patch[0] != 0
    torch.testing.assert_close(other[0], (patch[0] + 0.5) * inside)
    assert not torch.equal(own[0], (2 * patch[0] + 0.5) * inside)
    assert not other[1].any()
    assert not own[1].any()


def test_what_has_nothing_opposite_stays_equal_to_it(patch: torch.Tensor) -> None:
    change = ChannelChange(blur=1.0, noise=0.3, bias=0.5, factor=2.0, gamma=1.4)
    own, other = patch.clone(), patch.clone()
    other[:, :, :, 8:] /= 2
    change_intensity(own, Draw((0, 0, 0), (16, 16, 16), channels=(change, change)), other)
    assert torch.equal(own[..., :8], other[..., :8])
    inside = patch[..., 8:] != 0
    assert (own[..., 8:][inside] != other[..., 8:][inside]).all()


def test_gamma_bends_the_other_half_as_its_channel(patch: torch.Tensor) -> None:
    patch[1] = patch[0]
    draw = Draw((0, 0, 0), (16, 16, 16), channels=(ChannelChange(gamma=1.4), ChannelChange()))
    other = torch.stack([patch[0] / 2, patch[1]])
    other[0, 8, 8, 8] = patch[0].max() + 1  # brighter than anything on its own side
    own = change_intensity(patch.clone(), draw, other)
    low, high = patch[0].aminmax()
    expected = (high - low) * ((patch[0] / 2 - low) / (high - low)) ** 1.4 + low
    expected[8, 8, 8] = high
    torch.testing.assert_close(other[0], expected * (patch[0] != 0))
    torch.testing.assert_close(other[1], own[1])
