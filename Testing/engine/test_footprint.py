"""The network's needs: counted by hand for a small one, and how far it looks against what it does."""

import numpy as np
import pytest
import torch

from tumorseg.footprint import bytes_per_voxel, maps_at_peak, receptive_radius
from tumorseg.network import UNet3D
from tumorseg.network_config import UNet3DConfig


def test_feature_maps_at_the_peak_counted_by_hand() -> None:
    config = UNet3DConfig(features=(8, 16), deep_supervision=0)
    # Input 4, skips 8 and 16/8, then in the decoder: enlarged 8, joined 16, convolved 8 and normalised 8.
    assert maps_at_peak(config) == 4 + 8 + 2 + 8 + 16 + 8 + 8
    added = UNet3DConfig(features=(8, 16), skip="add", deep_supervision=0)
    assert maps_at_peak(added) == maps_at_peak(config) - 8
    assert bytes_per_voxel(config, 2) * 2 == bytes_per_voxel(config)


@pytest.mark.parametrize(
    "config",
    [
        UNet3DConfig(features=(2, 4), norm="none", deep_supervision=0),
        UNet3DConfig(features=(2, 4, 4), norm="none", deep_supervision=0),
        UNet3DConfig(features=(2, 4, 4), norm="none", down="maxpool", up="trilinear", deep_supervision=0),
        UNet3DConfig(features=(2, 4), norm="none", down="maxpool", skip="add", decoder_blocks=1, deep_supervision=0),
    ],
)
def test_no_output_changes_beyond_the_receptive_radius(config: UNet3DConfig) -> None:
    torch.manual_seed(0)
    network = UNet3D(config).eval()
    size, radius = 96, receptive_radius(config)
    image = torch.randn(1, 4, 8, 8, size, generator=torch.Generator().manual_seed(0))
    changed = image.clone()
    changed[..., 48] += 10
    with torch.inference_mode():
        difference = (network(image) - network(changed)).abs().amax((0, 1, 2, 3)).numpy()
    reached = np.abs(np.flatnonzero(difference) - 48).max()
    assert radius / 3 < reached <= radius
