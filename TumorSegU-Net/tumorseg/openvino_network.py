"""Our U-Net as an OpenVINO graph, made from its weights without torch: importing torch costs more than a prediction.

The counterpart of ``network.py``, with the same names of weights; a test holds both against each other for every
choice of ``UNet3DConfig``. OpenVINO's own converter is not used: it needs torch, and sends usage statistics.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from openvino import Model, Node, PartialShape
from openvino import opset13 as ops

from tumorseg.network_config import UNet3DConfig

NORM_EPSILON = 1e-5
"""Of torch's norms."""

LEAKY_SLOPE = 0.01

GROUPS = 8

Weights = Mapping[str, npt.NDArray[Any]]


def build_graph(config: UNet3DConfig, weights: Weights, members: int = 1) -> Model:
    """The network, or the mean of an ensemble's, for inputs (1, channel, z, y, x) of any size.

    Args:
        config: architecture.
        weights: by the names of ``network.py``.
        members: above 1 the names begin with ``member<k>.``.

    Raises:
        KeyError, RuntimeError: weights that are missing or do not fit.
    """
    image = ops.parameter(PartialShape([1, config.in_channels, -1, -1, -1]), np.float32)
    prefixes = [f"member{number}." for number in range(members)] if members > 1 else [""]
    logits = [_Builder(config, weights, prefix).network(image) for prefix in prefixes]
    total = logits[0]
    for other in logits[1:]:
        total = ops.add(total, other)
    if members > 1:
        total = ops.divide(total, _constant([members]))
    return Model([total], [image], "UNet3D")


class _Builder:
    """Adds the layers of one network to a graph."""

    def __init__(self, config: UNet3DConfig, weights: Weights, prefix: str) -> None:
        self.config, self.weights, self.prefix = config, weights, prefix

    def network(self, image: Node) -> Node:
        config = self.config
        x, skips = image, []
        for level in range(len(config.features)):
            pooled = _halved(x) if level and config.down == "maxpool" else x
            x = self._stage(pooled, f"encoder.{level}", 2, 2 if level and config.down == "stride" else 1)
            skips.append(x)
        for level in range(len(config.features) - 2, config.output_level - 1, -1):
            up = self._enlarged(x, f"up.{level}")
            merged = ops.concat([up, skips[level]], 1) if config.skip == "concat" else ops.add(up, skips[level])
            x = self._stage(merged, f"decoder.{level}", config.decoder_blocks)
        logits = self._convolution(x, f"heads.{config.output_level}")
        return _interpolated(logits, 2.0**config.output_level) if config.output_level else logits

    def _stage(self, x: Node, name: str, blocks: int, stride: int = 1) -> Node:
        for block in range(blocks):
            x = self._convolution(x, f"{name}.{block}.conv", stride if block == 0 else 1)
            x = self._normalised(x, f"{name}.{block}.norm")
            x = ops.relu(x) if self.config.activation == "relu" else ops.prelu(x, _constant([LEAKY_SLOPE]))
        return x

    def _convolution(self, x: Node, name: str, stride: int = 1) -> Node:
        kernel = self._weight(f"{name}.weight")
        padding = [size // 2 for size in kernel.shape[2:]]
        return self._biased(ops.convolution(x, _constant(kernel), [stride] * 3, padding, padding, [1] * 3), name)

    def _enlarged(self, x: Node, name: str) -> Node:
        if self.config.up == "trilinear":
            return _interpolated(self._convolution(x, f"{name}.0"), 2.0)
        kernel, none = _constant(self._weight(f"{name}.weight")), [0] * 3
        larger = ops.convolution_backprop_data(x, kernel, [2] * 3, pads_begin=none, pads_end=none, dilations=[1] * 3)
        return self._biased(larger, name)

    def _biased(self, x: Node, name: str) -> Node:
        bias = f"{self.prefix}{name}.bias"
        return ops.add(x, _per_channel(self.weights[bias])) if bias in self.weights else x

    def _normalised(self, x: Node, name: str) -> Node:
        if self.config.norm == "none":
            return x
        gain, shift = self._weight(f"{name}.weight"), self._weight(f"{name}.bias")
        if self.config.norm == "batch":
            gain = gain / np.sqrt(self._weight(f"{name}.running_var") + np.float32(NORM_EPSILON))
            shift = shift - gain * self._weight(f"{name}.running_mean")
        elif self.config.norm == "instance":
            x = ops.mvn(x, _spatial(), True, NORM_EPSILON, "inside_sqrt")
        else:
            return _group_normalised(x, gain, shift)
        return ops.add(ops.multiply(x, _per_channel(gain)), _per_channel(shift))

    def _weight(self, name: str) -> npt.NDArray[np.float32]:
        return self.weights[self.prefix + name].astype(np.float32)


def _group_normalised(x: Node, gain: npt.NDArray[np.float32], shift: npt.NDArray[np.float32]) -> Node:
    """Group norm from the moments of single channels.

    ``GroupNormalization`` of the CPU plug-in leaves its fast memory layout, and is off by 1e-4.
    """
    channels = len(gain)
    size = channels // min(GROUPS, channels)
    mixing = _constant(np.kron(np.eye(channels // size), np.full((size, size), 1 / size)).astype(np.float32))
    row, volume = _integers([1, channels]), _integers([1, channels, 1, 1, 1])

    def group_mean(values: Node) -> Node:
        return ops.reshape(ops.matmul(ops.reshape(values, row, False), mixing, False, False), volume, False)

    extent = ops.reduce_prod(ops.gather(ops.shape_of(x), _spatial(), _integers(0)), _integers([0]), False)
    norm = ops.reduce_l2(x, _spatial(), True)
    mean = group_mean(ops.reduce_mean(x, _spatial(), True))
    mean_square = group_mean(ops.divide(ops.multiply(norm, norm), ops.convert(extent, "f32")))
    variance = ops.relu(ops.subtract(mean_square, ops.multiply(mean, mean)))  # rounding may leave it below 0
    deviation = ops.sqrt(ops.add(variance, _constant([NORM_EPSILON])))
    scale = ops.divide(_per_channel(gain), deviation)
    return ops.add(ops.multiply(x, scale), ops.subtract(_per_channel(shift), ops.multiply(mean, scale)))


def _halved(x: Node) -> Node:
    pooled = ops.max_pool(x, [2] * 3, [1] * 3, [0] * 3, [0] * 3, [2] * 3)
    return pooled.output(0)


def _interpolated(x: Node, scale: float) -> Node:
    """Enlarged, trilinear, the outer faces stay where they are (``align_corners=False``)."""
    scales = _constant(np.full(3, scale, np.float32))
    return ops.interpolate(
        x,
        scales,
        mode="linear_onnx",
        shape_calculation_mode="scales",
        coordinate_transformation_mode="half_pixel",
        axes=_spatial(),
    )


def _per_channel(values: npt.NDArray[Any]) -> Node:
    return _constant(values.astype(np.float32).reshape(1, -1, 1, 1, 1))


def _constant(values: Any) -> Node:
    return ops.constant(np.ascontiguousarray(values, np.float32))


def _integers(values: Any) -> Node:
    return ops.constant(np.array(values, np.int64))


def _spatial() -> Node:
    return _integers([2, 3, 4])
