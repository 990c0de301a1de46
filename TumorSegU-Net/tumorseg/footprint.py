"""What a network needs: memory per voxel of its input, and how far it looks; computed from its architecture."""

from __future__ import annotations

from tumorseg.network_config import UNet3DConfig

SLACK = 1.3
"""An estimate of what comes on top of the feature maps: work space of convolutions, blocks that the allocator
rounds up. The peaks that Testing/benchmarks/memory_ladder.py measured stay below it."""


def maps_at_peak(config: UNet3DConfig) -> float:
    """Float values per input voxel that live at once in a forward pass of ``UNet3D``, at its most expensive layer.

    All encoder levels stay for the skips. A block holds its input, its convolution's result and the normalised one.
    """
    volumes = [features / 8**level for level, features in enumerate(config.features)]
    peak, kept = 0.0, float(config.in_channels)
    for level, volume in enumerate(volumes):
        above = volumes[level - 1] if level else 0.0
        # The pooled input of the level is one eighth of the level above.
        peak = max(peak, kept + above / 8 + 2 * volume)
        kept += volume
    for level in range(len(volumes) - 2, config.output_level - 1, -1):
        merged = 2 if config.skip == "concat" else 1
        peak = max(peak, kept + (3 + merged) * volumes[level])
        kept += volumes[level]
    return max(peak, kept + config.out_channels)


def bytes_per_voxel(config: UNet3DConfig, value_bytes: int = 4) -> float:
    """Bytes per voxel (z, y, x) of the input that a forward pass takes.

    Args:
        config: of the network.
        value_bytes: of the number format, 4 for float32.
    """
    return SLACK * value_bytes * maps_at_peak(config)


def receptive_radius(config: UNet3DConfig) -> int:
    """Input voxels, along an axis and to one side, beyond which nothing changes an output value (norms aside).

    An upper bound. A 3x3x3 convolution looks one voxel of its level further; going down a level and up again costs
    two more voxels of that level at most.
    """
    levels = range(1, len(config.features))
    down = 2 + sum(4 * 2**level for level in levels)
    up = sum(config.decoder_blocks * 2**level for level in range(config.output_level, len(config.features) - 1))
    return down + up + (2**config.output_level if config.output_level else 0)
