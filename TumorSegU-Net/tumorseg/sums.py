"""What every runtime offers, and the sums of its tiles: numpy arrays on the host, tensors on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from tumorseg.modelfile import OUTPUT_CLASSES
from tumorseg.regions import regions_from_classes
from tumorseg.volume import FloatArray

LARGEST_LOGIT = 87.0
"""The exponential of a larger number overflows float32."""

Axes = tuple[int, ...]
"""Axes of (channel, z, y, x) along which an image is mirrored."""


class RuntimeFailedError(Exception):
    """An optional runtime cannot run this network; another one can. Its text says why, as part of a sentence."""


class Runtime(Protocol):
    """A network ready to run. Arrays that it makes support slices, ``+=``, ``*`` and ``/=``."""

    name: str
    """Library and number format, for the user."""

    def logits(self, image: Any, mirrorings: Sequence[Axes]) -> Any:
        """Run (channel, z, y, x) in several mirrorings; the sum (channel, z, y, x) of their logits, mirrored back.

        The image is what ``array`` made, or a part of it.
        """

    def zeros(self, shape: Sequence[int]) -> Any:
        """An array for a sum, float32."""

    def array(self, values: FloatArray) -> Any:
        """Values where the sums are, which is where images are cut into tiles."""

    def is_finite(self, total: Any) -> bool:
        """Whether no value overflowed."""

    def probabilities(self, logits: Any, outputs: str) -> FloatArray:
        """Region probabilities (region, z, y, x) of logits (channel, z, y, x); see ``ModelSpec.outputs``."""


class HostSums:
    """Sums in numpy."""

    def zeros(self, shape: Sequence[int]) -> FloatArray:
        """See ``Runtime``."""
        return np.zeros(shape, np.float32)

    def array(self, values: FloatArray) -> FloatArray:
        """See ``Runtime``."""
        return values

    def is_finite(self, total: FloatArray) -> bool:
        """See ``Runtime``."""
        return bool(np.isfinite(total).all())

    def probabilities(self, logits: FloatArray, outputs: str) -> FloatArray:
        """See ``Runtime``."""
        if outputs == OUTPUT_CLASSES:
            exponentials = np.exp(logits - logits.max(axis=0))
            return regions_from_classes(exponentials / exponentials.sum(axis=0))
        return np.asarray(1 / (1 + np.exp(-np.clip(logits, -LARGEST_LOGIT, LARGEST_LOGIT))), np.float32)
