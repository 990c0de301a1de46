"""A synthetic glioma patient: four MR sequences, the tumour's labels and the tissues underneath."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .anatomy import healthy_anatomy, sample, sample_anatomy
from .contrast import Contrast
from .distractors import Deep, Distractors, distractors
from .foci import place_foci
from .imaging import paste, scatter, take_images
from .mass_effect import tissue_origins
from .rendering import Textures, brightness, draw_textures
from .space import Floats, Grid, Mask, brain_box, image_grid
from .spec import PatientSpec, draw_spec
from .tissues import TissueShares, tissue_shares
from .tumour import Site, Tumour, grow_tumour

_SHARPEST_BORDER = 1.0  # mm: fields of 2 mm carry no sharper tissue borders


@dataclass(frozen=True)
class Patient:
    """One patient on one voxel grid (z, y, x) with +z = superior, +y = posterior, +x = left.

    ``images`` has the keys t1, t1ce, t2, flair: float32, exactly 0 outside the brain, at least 1 inside.
    ``labels`` is uint8: 0 background, 1 necrotic or non-enhancing core, 2 oedema, 3 enhancing tumour (BraTS 2023).
    ``tissues`` is uint8: 0 outside the brain, 1 CSF, 2 grey, 3 white matter, mass effect included.
    ``spacing`` is in mm along (x, y, z).
    """

    images: dict[str, Floats]
    labels: npt.NDArray[np.uint8]
    tissues: npt.NDArray[np.uint8]
    spacing: tuple[float, float, float]
    spec: PatientSpec


def make_patient(
    seed: int,
    shape: tuple[int, int, int] = (155, 240, 240),
    spacing: float = 1.0,
    spec: PatientSpec | None = None,
) -> Patient:
    """Make patient ``seed`` on a grid of ``shape`` (z, y, x) voxels of ``spacing`` mm centred on the field of view.

    The same seed is the same patient at every shape and spacing. ``spec`` replaces what ``draw_spec(seed)`` draws.
    ``ValueError`` if the grid misses the brain, the spacing is not positive, or the foci of ``spec`` find no room.
    """
    if spacing <= 0:
        raise ValueError(f"the spacing must be positive, got {spacing}")
    spec = draw_spec(seed) if spec is None else spec
    box, grid = brain_box(image_grid(shape, spacing))
    brain = _build_brain(spec, grid)
    images = take_images(spec, brain.mask, grid, lambda _, contrast: brain.brightness(contrast))
    return Patient(
        images={sequence: paste(image, shape, box) for sequence, image in images.items()},
        labels=paste(scatter(brain.tumour.labels, brain.mask), shape, box),
        tissues=paste(scatter(brain.tissues.classes(), brain.mask), shape, box),
        spacing=(spacing, spacing, spacing),
        spec=spec,
    )


@dataclass(frozen=True)
class _Brain:
    """What is where, at the points inside ``mask``, before any sequence looks at it."""

    mask: Mask
    tissues: TissueShares
    tumour: Tumour
    others: Distractors
    textures: Textures

    def brightness(self, contrast: Contrast) -> Floats:
        """Brightness (n,) without scanner effects."""
        return brightness(contrast, self.tissues, self.tumour, self.others, self.textures)


def _build_brain(spec: PatientSpec, grid: Grid) -> _Brain:
    anatomy, mask_field = healthy_anatomy(spec)
    foci = place_foci(spec, anatomy, mask_field)
    mesh = np.stack(np.broadcast_arrays(*grid.mesh()))
    everywhere = sample(mask_field, mesh)
    mask = everywhere < 0
    if not mask.any():
        raise ValueError(f"a grid of {grid.shape} voxels of {grid.spacing[0]} mm misses the brain")
    points, mask_distance = mesh[:, mask], everywhere[mask]
    origins = tissue_origins(points, foci, spec.mass_effect, mask_distance)
    displaced = sample_anatomy(anatomy, origins)
    softness = max(grid.spacing[0], _SHARPEST_BORDER)
    tissues = tissue_shares(displaced, softness)
    deep = Deep(displaced.ventricles, displaced.choroid)
    return _Brain(
        mask=mask,
        tissues=tissues,
        tumour=grow_tumour(spec, foci, displaced, Site(mask, points, mask_distance), softness),
        others=distractors(spec, deep, tissues, origins, mask_distance),
        textures=draw_textures(spec, points),
    )
