"""``UNet3D``: a configurable 3-D U-Net in plain torch, with stable state-dict keys.

Keys (level 0 is full resolution)::

    encoder.<level>.<block>.conv.weight|bias    encoder.<level>.<block>.norm.weight|bias
    up.<level>.weight|bias                      (absent with up="trilinear" and equal feature counts)
    decoder.<level>.<block>.conv|norm...        heads.<level>.weight|bias

An ``Ensemble`` holds several of them under ``member<k>.``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tumorseg.network_config import Norm, UNet3DConfig


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


class Ensemble(nn.Module):
    """Networks of one architecture; their mean logits are the answer, as nnU-Net averages its folds.

    They run one after the other, so that an ensemble needs hardly more memory than one network. It is for prediction:
    in training mode networks with deep supervision cannot be averaged.
    """

    def __init__(self, config: UNet3DConfig, members: int) -> None:
        super().__init__()
        self.config = config
        for number in range(members):
            self.add_module(member_name(number), UNet3D(config))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, in_channels, z, y, x) to the mean logits, same size."""
        networks = list(self.children())
        total: Tensor = networks[0](x)
        for network in networks[1:]:
            total = total + network(x)
        return total / len(networks)


def member_name(number: int) -> str:
    """First part of the state-dict keys of an ensemble's member, counted from 0."""
    return f"member{number}"


def build_network(config: UNet3DConfig, members: int = 1) -> UNet3D | Ensemble:
    """A network, or an ensemble of several."""
    return UNet3D(config) if members == 1 else Ensemble(config, members)


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
