"""An oblique, anisotropic grid, and the way from LPS to the RAS of nibabel and Slicer."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from tumorseg.volume import Geometry

OBLIQUE = Geometry(
    (4, 5, 6),
    (10.0, -20.0, 30.5),
    (0.5, 1.25, 3.0),
    tuple(Rotation.from_euler("xyz", [10, -20, 30], degrees=True).as_matrix().ravel()),
)
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
