"""What shapes a network, readable without torch: a model file is checked before torch is loaded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

Norm = Literal["instance", "batch", "group", "none"]
Activation = Literal["relu", "leaky_relu"]
Down = Literal["stride", "maxpool"]
Up = Literal["transpose", "trilinear"]
Skip = Literal["concat", "add"]

MAX_LEVELS = 8
MAX_BLOCKS = 8
"""Of networks in use the deepest have seven levels (nnU-Net's) and two convolutions per decoder level."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "norm": get_args(Norm),
    "activation": get_args(Activation),
    "down": get_args(Down),
    "up": get_args(Up),
    "skip": get_args(Skip),
}


@dataclass(frozen=True)
class UNet3DConfig:
    """Everything that shapes a ``UNet3D``.

    Attributes:
        in_channels: number of inputs: the sequences, twice as many where both halves of the brain are compared.
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
    down: Down = "stride"
    up: Up = "transpose"
    skip: Skip = "concat"
    decoder_blocks: int = 2
    output_level: int = 0
    deep_supervision: int = 2

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} {getattr(self, name)!r} is not one of {', '.join(allowed)}")
        sizes = (self.in_channels, self.out_channels, *self.features, self.decoder_blocks)
        if any(type(size) is not int for size in (*sizes, self.output_level, self.deep_supervision)):
            raise ValueError("the sizes of a network must be whole numbers")
        if not 2 <= len(self.features) <= MAX_LEVELS or min(self.features) < 1:
            raise ValueError(f"features must name at least two levels and at most {MAX_LEVELS}, got {self.features}")
        if not 1 <= self.decoder_blocks <= MAX_BLOCKS:
            raise ValueError(f"decoder_blocks {self.decoder_blocks} is not a number from 1 to {MAX_BLOCKS}")
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
