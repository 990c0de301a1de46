"""``UNet3D``: a configurable 3-D U-Net in plain torch, with stable state-dict keys.

Keys (level 0 is full resolution)::

    encoder.<level>.<block>.conv.weight|bias    encoder.<level>.<block>.norm.weight|bias
    up.<level>.weight|bias                      (absent with up="trilinear" and equal feature counts)
    decoder.<level>.<block>.conv|norm...        heads.<level>.weight|bias
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

Norm = Literal["instance", "batch", "group", "none"]
Activation = Literal["relu", "leaky_relu"]


@dataclass(frozen=True)
class UNet3DConfig:
    """Everything that shapes a ``UNet3D``.

    Attributes:
        in_channels: number of input sequences.
        out_channels: number of output maps (logits).
        features: channels per level, full resolution first.
        norm: after each convolution; convolutions have a bias only with ``none``. ``group`` uses 8 groups.
        activation: ``leaky_relu`` has slope 0.01.
        down: ``stride`` halves in the first convolution of a level, ``maxpool`` before it.
        up: ``transpose`` is a 2x2x2 transposed convolution, ``trilinear`` an interpolation and a 1x1x1 convolution.
        skip: whether the encoder's features are concatenated or added.
        decoder_blocks: convolutions per decoder level.
        output_level: level that carries the output head; above 0 its logits are interpolated to full resolution.
        deep_supervision: further heads on the levels below ``output_level``, used in training only.
    """

    in_channels: int = 4
    out_channels: int = 3
    features: tuple[int, ...] = (16, 32, 64, 96, 128)
    norm: Norm = "instance"
    activation: Activation = "leaky_relu"
    down: Literal["stride", "maxpool"] = "stride"
    up: Literal["transpose", "trilinear"] = "transpose"
    skip: Literal["concat", "add"] = "concat"
    decoder_blocks: int = 2
    output_level: int = 0
    deep_supervision: int = 2

    def __post_init__(self) -> None:
        if len(self.features) < 2 or min(self.features) < 1:
            raise ValueError(f"features must name at least two levels, got {self.features}")
        if not 0 <= self.output_level < len(self.features) - 1:
            raise ValueError(f"output_level {self.output_level} is not a decoder level of {self.features}")
        if not 0 <= self.deep_supervision < len(self.features) - 1 - self.output_level:
            raise ValueError(f"deep_supervision {self.deep_supervision} asks for more levels than the decoder has")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> UNet3DConfig:
        """Build from JSON values, where tuples are lists.

        Raises:
            TypeError, ValueError: unknown or unusable values.
        """
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return cls(**plain)

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable values."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @property
    def divisor(self) -> int:
        """Input sizes must be multiples of this number."""
        return int(2 ** (len(self.features) - 1))


PRESETS: dict[str, UNet3DConfig] = {
    "default": UNet3DConfig(),
    # The paper's Table I; docs/paper-network.md compares it row by row.
    "paper": UNet3DConfig(
        in_channels=1,
        out_channels=1,
        features=(32, 64, 128, 256),
        norm="none",
        activation="relu",
        down="maxpool",
        skip="add",
        decoder_blocks=1,
        output_level=1,
        deep_supervision=0,
    ),
    "tiny": UNet3DConfig(features=(4, 8), deep_supervision=0),
}


class UNet3D(nn.Module):
    """3-D U-Net from (batch, channel, z, y, x) intensities to logits of the same size.

    In training mode with deep supervision ``forward`` returns a list of logits, full resolution first, each next
    one half the size; otherwise one tensor.
    """

    def __init__(self, config: UNet3DConfig) -> None:
        super().__init__()
        self.config = config
        levels = range(config.output_level, len(config.features) - 1)
        inputs = (config.in_channels, *config.features[:-1])
        self.encoder = nn.ModuleList(
            _stage(config, inputs[level], width, blocks=2, stride=2 if level and config.down == "stride" else 1)
            for level, width in enumerate(config.features)
        )
        self.up = nn.ModuleDict({str(level): _upsampling(config, level) for level in levels})
        merged = 2 if config.skip == "concat" else 1
        self.decoder = nn.ModuleDict(
            {
                str(level): _stage(config, merged * width, width, blocks=config.decoder_blocks, stride=1)
                for level, width in enumerate(config.features[:-1])
                if level in levels
            }
        )
        self.heads = nn.ModuleDict(
            {
                str(level): nn.Conv3d(config.features[level], config.out_channels, kernel_size=1)
                for level in levels[: 1 + config.deep_supervision]
            }
        )
        self.pool = nn.MaxPool3d(2) if config.down == "maxpool" else nn.Identity()

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Map (batch, in_channels, z, y, x) to logits; see the class for what training mode returns."""
        if any(size % self.config.divisor for size in x.shape[2:]):
            raise ValueError(f"input size {tuple(x.shape[2:])} is not a multiple of {self.config.divisor}")
        skips = self._encode(x)
        decoded = self._decode(skips)
        wanted = self.config.deep_supervision if self.training else 0
        heads = list(self.heads)[: 1 + wanted]
        logits = [self._to_output_size(self.heads[level](decoded[level])) for level in heads]
        return logits if wanted else logits[0]

    def _encode(self, x: Tensor) -> list[Tensor]:
        features = []
        for level, stage in enumerate(self.encoder):
            x = stage(self.pool(x) if level else x)
            features.append(x)
        return features

    def _decode(self, skips: list[Tensor]) -> dict[str, Tensor]:
        x, decoded = skips[-1], {}
        for level in sorted(self.decoder, key=int, reverse=True):
            up, skip = self.up[level](x), skips[int(level)]
            x = self.decoder[level](torch.cat((up, skip), dim=1) if self.config.skip == "concat" else up + skip)
            decoded[level] = x
        return decoded

    def _to_output_size(self, logits: Tensor) -> Tensor:
        if not self.config.output_level:
            return logits
        scale = float(2**self.config.output_level)
        return nn.functional.interpolate(logits, scale_factor=scale, mode="trilinear", align_corners=False)


class ConvBlock(nn.Module):
    """3x3x3 convolution, normalisation, activation."""

    def __init__(self, config: UNet3DConfig, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1, bias=config.norm == "none")
        self.norm = _normalisation(config.norm, outputs)
        self.activation = nn.ReLU(inplace=True) if config.activation == "relu" else nn.LeakyReLU(0.01, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs, z, y, x) to (batch, outputs, ...)."""
        result: Tensor = self.activation(self.norm(self.conv(x)))
        return result


def _stage(config: UNet3DConfig, inputs: int, outputs: int, blocks: int, stride: int) -> nn.Sequential:
    first = ConvBlock(config, inputs, outputs, stride)
    return nn.Sequential(first, *(ConvBlock(config, outputs, outputs, 1) for _ in range(blocks - 1)))


def _upsampling(config: UNet3DConfig, level: int) -> nn.Module:
    inputs, outputs = config.features[level + 1], config.features[level]
    bias = config.norm == "none"
    if config.up == "transpose":
        return nn.ConvTranspose3d(inputs, outputs, kernel_size=2, stride=2, bias=bias)
    return nn.Sequential(nn.Conv3d(inputs, outputs, 1, bias=bias), nn.Upsample(scale_factor=2, mode="trilinear"))


def _normalisation(norm: Norm, channels: int) -> nn.Module:
    if norm == "instance":
        return nn.InstanceNorm3d(channels, affine=True)
    if norm == "batch":
        return nn.BatchNorm3d(channels)
    return nn.GroupNorm(min(8, channels), channels) if norm == "group" else nn.Identity()
