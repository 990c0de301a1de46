"""What models of one recipe have in common: folds, members of an ensemble, and the model that folds speak for."""

from __future__ import annotations

from tumorseg.modelfile import ModelSpec

_SAME = {
    "architecture": "networks",
    "channels": "input sequences",
    "outputs": "kinds of outputs",
    "regions": "regions",
    "spacing": "voxel sizes",
    "patch_size": "patch sizes",
    "normalisation": "normalisations",
    "resized": "ways of using the patch",
    "single_pass": "ways of covering the brain, in one pass or not",
    "mirror_axes": "axes of mirroring",
    "tta": "ways of averaging over mirrored inputs",
    "guides": "guides of their outlines",
}
"""What it is, and how it is called."""


def difference(first: ModelSpec, second: ModelSpec) -> str | None:
    """What two models have otherwise, such as ``patch sizes ((64, 64, 64) and (96, 96, 96))``; None for nothing."""
    for name, words in _SAME.items():
        if getattr(first, name) != getattr(second, name):
            return words if name == "architecture" else f"{words} ({getattr(first, name)} and {getattr(second, name)})"
    return None
