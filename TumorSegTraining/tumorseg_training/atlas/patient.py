"""A person without a tumor: the anatomy of an atlas, bent, with contrasts, findings and scanner drawn from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tumorseg.phantom import Patient, PatientSpec, draw_spec
from tumorseg.phantom.anatomy import individual_positions, sample
from tumorseg.phantom.contrast import Contrast
from tumorseg.phantom.deep import deep_structures
from tumorseg.phantom.distractors import Deep, Distractors, distractors
from tumorseg.phantom.imaging import paste, scatter, take_images
from tumorseg.phantom.noise import stream
from tumorseg.phantom.outline import outline
from tumorseg.phantom.rendering import Textures, draw_textures, healthy_brightness
from tumorseg.phantom.shapes import coverage
from tumorseg.phantom.space import Grid, brain_box, image_grid
from tumorseg.phantom.tissues import TissueShares
from tumorseg.volume import BoolArray, FloatArray
from tumorseg_training.atlas.anatomy import Atlas, at
from tumorseg_training.atlas.look import Look, draw_look

_MARGIN_CENTRE = 0.75
"""Middle (mm) of the range of the phantom's ``mask_margin``: the atlases' masks are those of usual skull stripping."""

_CEREBELLUM_SOFTNESS = 8.0
"""Width (mm) of its border: it is where textbooks have it, not where this atlas does."""


@dataclass(frozen=True)
class Brain:
    """What is where, at the n points inside ``mask`` (z, y, x).

    Attributes:
        mask: of the brain.
        tissues: shares of CSF, gray and white matter.
        others: vessels, choroid plexus, lesions of age.
        textures: of the tissues, smooth noise.
        detail: texture of the atlas's T1, relative to white matter.
        cerebellum: share of it.
        look: how strongly each sequence shows the last two.
    """

    mask: BoolArray
    tissues: TissueShares
    others: Distractors
    textures: Textures
    detail: FloatArray
    cerebellum: FloatArray
    look: Look

    def brightness(self, sequence: str, contrast: Contrast) -> FloatArray:
        """Ideal brightness (n,), white matter (on T2: CSF) about 1."""
        value = healthy_brightness(contrast, self.tissues, self.others, self.textures)
        value *= 1 + np.float32(self.look.detail[sequence]) * self.detail
        tissue = self.cerebellum * (1 - self.tissues.csf)
        return np.asarray(value * (1 + np.float32(self.look.cerebellum[sequence]) * tissue), np.float32)


def make_atlas_patient(
    atlases: Sequence[Atlas], seed: int, shape: tuple[int, int, int] = (155, 240, 240), spacing: float = 1.0
) -> Patient:
    """Make person ``seed`` from one of the atlases, on a grid as ``tumorseg.phantom.make_patient`` makes it.

    The labels are 0 everywhere, and what the spec says about the tumor has no meaning.

    Args:
        atlases: to choose from.
        seed: not negative.
        shape: of the volumes, (z, y, x).
        spacing: voxel size along each axis, mm.

    Raises:
        ValueError: the seed is negative.
    """
    spec = draw_spec(seed)
    box, grid = brain_box(image_grid(shape, spacing))
    atlas = atlases[int(stream(seed, "atlas").integers(len(atlases)))]
    brain = bent_brain(atlas, spec, grid)
    images = take_images(spec, brain.mask, grid, brain.brightness)
    return Patient(
        images={sequence: paste(image, shape, box) for sequence, image in images.items()},
        labels=np.zeros(shape, np.uint8),
        tissues=paste(scatter(brain.tissues.classes(), brain.mask), shape, box),
        spacing=(spacing, spacing, spacing),
        spec=spec,
    )


def bent_brain(atlas: Atlas, spec: PatientSpec, grid: Grid) -> Brain:
    """The atlas as the brain of one person on a grid: scaled, bent by smooth noise of some mm, mirrored or not."""
    look = draw_look(spec.seed)
    field = individual_positions(spec, stream(spec.seed, "brain"))
    everywhere = np.stack(np.broadcast_arrays(*grid.mesh()))
    voxels = atlas.indices(np.stack([sample(axis, everywhere) for axis in field]), look.mirrored)
    depth = at(atlas.surface, voxels) / np.float32(atlas.scale) - np.float32(spec.mask_margin - _MARGIN_CENTRE)
    mask = depth < 0
    points, voxels = everywhere[:, mask], voxels[:, mask]
    tissues = _tissues(atlas, voxels)
    deep = Deep(
        ventricles=at(atlas.ventricles, voxels) / np.float32(atlas.scale),
        choroid=sample(deep_structures(field, spec.ventricle_scale).choroid, points),
    )
    cerebellum = outline(field, spec.sulcal_width, np.zeros_like(field[0])).cerebellum
    return Brain(
        mask=mask,
        tissues=tissues,
        others=distractors(spec, deep, tissues, points, depth[mask]),
        textures=draw_textures(spec, points),
        detail=at(atlas.texture, voxels),
        cerebellum=coverage(sample(cerebellum, points), _CEREBELLUM_SOFTNESS),
        look=look,
    )


def _tissues(atlas: Atlas, voxels: FloatArray) -> TissueShares:
    grey, white = at(atlas.grey, voxels), at(atlas.white, voxels)
    return TissueShares(1 - grey - white, grey, white)
