"""Shares of CSF, grey and white matter, from the distances that describe the anatomy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .anatomy import Anatomy
from .cortex import CORTEX_THICKNESS
from .shapes import coverage
from .space import Floats

CSF, GREY, WHITE = 1, 2, 3  # values of Patient.tissues

_FOLIA_THICKNESS = 1.8  # mm of grey matter on either side of a fissure of the cerebellum
_CEREBELLAR_CORTEX = 11.0  # mm: deeper than this the cerebellum is white matter
# White share of structures between grey and white, by their brightness on T1.
_BRAINSTEM_WHITE = 0.8
_MIXED_NUCLEI_WHITE = 0.45


@dataclass(frozen=True)
class TissueShares:
    """Shares (0-1) at each sampled point, (n,) each; they add up to 1."""

    csf: Floats
    grey: Floats
    white: Floats

    def classes(self) -> npt.NDArray[np.uint8]:
        """The largest share's tissue at each point: CSF, GREY or WHITE."""
        largest = np.argmax([self.csf, self.grey, self.white], axis=0)
        return np.asarray(largest + CSF, dtype=np.uint8)


def tissue_shares(anatomy: Anatomy, softness: float) -> TissueShares:
    """Tissue shares at sampled points; borders are ramps of ``softness`` mm, about one voxel."""
    white = coverage(anatomy.pia + np.float32(CORTEX_THICKNESS), softness)
    grey = coverage(anatomy.pia, softness) - white
    cerebellar_white = _cerebellar_white(anatomy, softness)
    cerebellar_fissures = np.float32(0.6) * coverage(anatomy.folia - np.float32(0.5), softness)
    layers: list[tuple[Floats, float | Floats, float | Floats]] = [  # distance, grey, white: later ones lie on top
        (anatomy.cerebellum, 1 - cerebellar_white - cerebellar_fissures, cerebellar_white),
        (anatomy.brainstem, 1 - _BRAINSTEM_WHITE, _BRAINSTEM_WHITE),
        (anatomy.callosum, 0.0, 1.0),
        (anatomy.mixed_nuclei, 1 - _MIXED_NUCLEI_WHITE, _MIXED_NUCLEI_WHITE),
        (anatomy.grey_nuclei, 1.0, 0.0),
        (anatomy.ventricles, 0.0, 0.0),
    ]
    for distance, layer_grey, layer_white in layers:
        cover = coverage(distance, softness)
        grey += cover * (np.float32(layer_grey) - grey)
        white += cover * (np.float32(layer_white) - white)
    return TissueShares(1 - grey - white, grey, white)


def _cerebellar_white(anatomy: Anatomy, softness: float) -> Floats:
    between_folia = coverage(np.float32(_FOLIA_THICKNESS) - anatomy.folia, softness)
    centre = coverage(anatomy.cerebellum + np.float32(_CEREBELLAR_CORTEX), 4.0)
    return np.asarray(np.maximum(np.float32(0.7) * between_folia, centre), dtype=np.float32)
