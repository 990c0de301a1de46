"""The network: shapes, stable keys, the paper's parameter counts, and equality with MONAI's DynUNet."""

import pytest
import torch
from monai.networks.nets import DynUNet

from tumorseg.network import UNet3D
from tumorseg.network_config import PRESETS, UNet3DConfig

# The paper's Table I next to what a 3-D U-Net can have; docs/paper-network.md explains the four rows that differ.
PAPER_TABLE = [
    ("encoder.0.0", 896, 896),
    ("encoder.0.1", 9_248, 27_680),
    ("encoder.1.0", 55_360, 55_360),
    ("encoder.1.1", 110_656, 110_656),
    ("encoder.2.0", 221_312, 221_312),
    ("encoder.2.1", 442_496, 442_496),
    ("encoder.3.0", 884_992, 884_992),
    ("encoder.3.1", 1_769_856, 1_769_728),
    ("up.2", 524_544, 262_272),
    ("decoder.2", 442_496, 442_496),
    ("up.1", 131_200, 65_600),
    ("decoder.1", 110_656, 110_656),
    ("heads.1", 65, 65),
]


@pytest.mark.parametrize(("module", "printed", "expected"), PAPER_TABLE)
def test_the_paper_preset_has_the_documented_parameters_row_by_row(module: str, printed: int, expected: int) -> None:
    network = UNet3D(PRESETS["paper"])
    count = sum(parameter.numel() for parameter in network.get_submodule(module).parameters())
    assert count == expected
    assert (printed == expected) == (module not in {"encoder.0.1", "encoder.3.1", "up.2", "up.1"})


def test_the_paper_table_covers_every_parameter() -> None:
    total = sum(parameter.numel() for parameter in UNet3D(PRESETS["paper"]).parameters())
    assert total == sum(expected for _, _, expected in PAPER_TABLE) == 4_394_209


def test_the_four_channel_three_region_variant_of_the_paper_runs() -> None:
    values = {**PRESETS["paper"].to_dict(), "in_channels": 4, "out_channels": 3}
    network = UNet3D(UNet3DConfig.from_dict(values)).eval()
    assert network(torch.zeros(1, 4, 16, 16, 16)).shape == (1, 3, 16, 16, 16)


def test_the_default_preset_fits_the_shipping_limit_as_float16() -> None:
    parameters = sum(parameter.numel() for parameter in UNet3D(PRESETS["default"]).parameters())
    assert 2 * parameters < 6_000_000


@pytest.mark.parametrize("name", PRESETS)
def test_output_has_the_size_of_the_input(name: str) -> None:
    config = PRESETS[name]
    size = (config.divisor, 2 * config.divisor, 3 * config.divisor)
    logits = UNet3D(config).eval()(torch.randn(1, config.in_channels, *size))
    assert logits.shape == (1, config.out_channels, *size)


def test_deep_supervision_halves_the_size_per_head_in_training_only() -> None:
    network = UNet3D(UNet3DConfig(features=(2, 4, 6, 8), deep_supervision=2))
    x = torch.randn(2, 4, 16, 8, 8)
    assert [tuple(y.shape) for y in network(x)] == [(2, 3, 16, 8, 8), (2, 3, 8, 4, 4), (2, 3, 4, 2, 2)]
    assert network.eval()(x).shape == (2, 3, 16, 8, 8)


def test_state_dict_keys_are_the_documented_ones() -> None:
    network = UNet3D(UNet3DConfig(features=(2, 4), deep_supervision=0))
    blocks = ["encoder.0.0", "encoder.0.1", "encoder.1.0", "encoder.1.1", "decoder.0.0", "decoder.0.1"]
    expected = {f"{block}.{part}" for block in blocks for part in ("conv.weight", "norm.weight", "norm.bias")}
    assert set(network.state_dict()) == expected | {"up.0.weight", "heads.0.weight", "heads.0.bias"}


def test_configuration_survives_json_values() -> None:
    config = UNet3DConfig(features=(2, 4, 8), norm="group", up="trilinear", deep_supervision=1)
    assert UNet3DConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"features": (8,)}, "at least two levels"),
        ({"features": (2, 4), "output_level": 1}, "not a decoder level"),
        ({"features": (2, 4, 8), "deep_supervision": 2}, "more levels than the decoder has"),
    ],
)
def test_impossible_configurations_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        UNet3DConfig(**values)


def test_an_input_that_cannot_be_halved_is_refused() -> None:
    with pytest.raises(ValueError, match="not a multiple of 4"):
        UNet3D(UNet3DConfig(features=(2, 2, 2), deep_supervision=0))(torch.zeros(1, 4, 8, 8, 6))


def _monai_twin(network: UNet3D) -> DynUNet:
    """MONAI's DynUNet, configured alike and with the weights copied over."""
    features = network.config.features
    halvings = [2] * (len(features) - 1)
    twin = DynUNet(
        spatial_dims=3,
        in_channels=network.config.in_channels,
        out_channels=network.config.out_channels,
        kernel_size=[3] * len(features),
        strides=[1, *halvings],
        upsample_kernel_size=halvings,
        filters=features,
        norm_name=("INSTANCE", {"affine": True}),
    ).eval()
    stages = [twin.input_block, *twin.downsamples, twin.bottleneck]
    pairs = [(block, stage) for block, stage in zip(network.encoder, stages, strict=True)]
    for level in range(len(features) - 1):
        upsample = twin.upsamples[len(features) - 2 - level]
        upsample.transp_conv.conv.load_state_dict(network.up[str(level)].state_dict())
        pairs.append((network.decoder[str(level)], upsample.conv_block))
    for ours, theirs in pairs:
        for index, block in enumerate(ours, start=1):
            getattr(theirs, f"conv{index}").conv.load_state_dict(block.conv.state_dict())
            getattr(theirs, f"norm{index}").load_state_dict(block.norm.state_dict())
    twin.output_block.conv.conv.load_state_dict(network.heads["0"].state_dict())
    return twin


@pytest.mark.parametrize("config", [PRESETS["default"], UNet3DConfig(features=(4, 6, 8, 10), deep_supervision=2)])
def test_equals_monai_dynunet_with_the_same_weights(config: UNet3DConfig) -> None:
    torch.manual_seed(0)
    network = UNet3D(config).eval()
    for name, parameter in network.named_parameters():
        if ".norm." in name:  # they start at 1 and 0, which would hide a swapped one
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    x = torch.randn(1, 4, 32, 48, 32)
    with torch.inference_mode():
        torch.testing.assert_close(network(x), _monai_twin(network)(x), rtol=1e-5, atol=1e-5)
