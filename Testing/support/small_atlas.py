"""Files of an atlas in the layout of the published ones, made from a synthetic patient of 4 mm voxels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from tumorseg.images import to_image, write_image
from tumorseg.phantom import draw_spec, make_patient
from tumorseg.volume import Geometry

SHAPE, SPACING_MM = (39, 60, 60), 4.0

_RAS = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)
"""Direction of the files of MNI; the arrays of patients are LPS."""


def write_small_atlas(folder: Path) -> Path:
    """Write the files of both atlases, of the same brain: SRI24's in LPS, MNI's in RAS."""
    folder.mkdir(parents=True, exist_ok=True)
    patient = make_patient(3, SHAPE, SPACING_MM, replace(draw_spec(3), tumour_radius=5.0, n_foci=1))
    grid = Geometry(SHAPE, spacing=(SPACING_MM,) * 3)
    t1, tissues = patient.images["t1"], patient.tissues
    for name, array in {"t1_brain": t1, "tissues": tissues}.items():
        write_image(to_image(array, grid), folder / f"sri24_{name}.nii.gz")
    maps = {"t1_brain": t1, "gm": np.uint8(255) * (tissues == 2), "wm": np.uint8(255) * (tissues == 3)}
    for name, array in maps.items():
        image = to_image(array[:, ::-1, ::-1], replace(grid, direction=_RAS))
        write_image(image, folder / f"mni152_2009a_sym_{name}.nii.gz")
    return folder
