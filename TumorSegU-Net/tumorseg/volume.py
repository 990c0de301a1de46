"""Volumes: an array that never goes anywhere without its geometry."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import permutations
from math import prod

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
LabelArray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]

Triple = tuple[float, float, float]

SPACING_TOLERANCE = 1e-3
"""Relative difference of voxel sizes that still counts as equal; file formats store them as float32."""

POSITION_TOLERANCE_MM = 1e-2
"""Largest distance (mm) between corresponding corner voxels of two grids that count as the same."""


POSSIBLE_SPACING_MM = (0.01, 100.0)
"""Voxel sizes beyond are wrong numbers or units, not images: MR has 0.05 mm of a specimen to 30 mm of a thick slab."""

LARGEST_FIELD_ML = 1e6
"""A cube of 1 m. A whole body has half of that."""

MEASURED_DECIMALS = 3
"""Of whatever is measured, in mL and mm."""


@dataclass(frozen=True)
class Geometry:
    """Where the voxels of a volume lie in the patient, in the LPS convention of DICOM and SimpleITK.

    Attributes:
        shape: number of voxels along (z, y, x), as the array has them.
        origin: centre of voxel (0, 0, 0) as (x, y, z) in mm, LPS.
        spacing: voxel size along (x, y, z) in mm.
        direction: 3x3 direction cosines, row-major; column k is the direction of index axis k of (x, y, z).
    """

    shape: tuple[int, int, int]
    origin: Triple = (0.0, 0.0, 0.0)
    spacing: Triple = (1.0, 1.0, 1.0)
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    @property
    def index_to_lps(self) -> npt.NDArray[np.float64]:
        """4x4 matrix from homogeneous voxel indices (i, j, k) = (x, y, z) to millimetres in LPS."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.asarray(self.direction, float).reshape(3, 3) * np.asarray(self.spacing, float)
        matrix[:3, 3] = self.origin
        return matrix

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in millilitres."""
        return float(np.prod(self.spacing)) / 1000.0

    def volume_ml(self, mask: BoolArray) -> float:
        """Volume of a mask in millilitres, rounded to microlitres: once and here, so that whoever shows it with fewer
        decimals shows the same."""
        return round(int(np.count_nonzero(mask)) * self.voxel_volume_ml, MEASURED_DECIMALS)

    @property
    def extent_mm(self) -> Triple:
        """Length of the grid along (x, y, z) in mm."""
        nx, ny, nz = self.shape[::-1]
        return (nx * self.spacing[0], ny * self.spacing[1], nz * self.spacing[2])

    @property
    def impossible(self) -> str:
        """The voxels in words where no scanner makes such a grid, because a number or unit is wrong; else empty."""
        low, high = POSSIBLE_SPACING_MM
        possible = all(low <= size <= high for size in self.spacing)
        if possible and self.voxel_volume_ml * prod(self.shape) <= LARGEST_FIELD_ML:
            return ""
        return f"{_times(self.shape[::-1])} voxels of {_times(self.spacing)} mm"

    def crop(self, box: tuple[slice, ...]) -> Geometry:
        """The grid of ``array[box]``; the slices along (z, y, x) have no steps."""
        bounds = [part.indices(size) for part, size in zip(box, self.shape, strict=True)]
        corner = [start for start, _, _ in bounds[::-1]]
        nz, ny, nx = (max(0, stop - start) for start, stop, _ in bounds)
        x, y, z = (self.index_to_lps @ [*corner, 1.0])[:3].tolist()
        return replace(self, shape=(nz, ny, nx), origin=(x, y, z))

    def corners_lps(self) -> npt.NDArray[np.float64]:
        """Centres of the eight corner voxels, array (8, 3) in mm, LPS."""
        nx, ny, nz = self.shape[::-1]
        index = np.array([(i, j, k, 1.0) for k in (0, nz - 1) for j in (0, ny - 1) for i in (0, nx - 1)])
        return np.asarray((index @ self.index_to_lps.T)[:, :3])

    def shares_voxels(self, other: Geometry) -> bool:
        """Whether both grids are parts of one lattice, whose axes may be swapped or reversed: of the same voxels."""
        steps = np.linalg.inv(self.index_to_lps) @ other.index_to_lps
        whole = np.abs(np.round(steps))
        one_to_one = (whole[:3, :3].sum(axis=0) == 1).all() and (whole[:3, :3].sum(axis=1) == 1).all()
        off = np.abs(np.abs(steps) - whole)
        return bool(one_to_one and off[:3, :3].max() < 1e-4 and off[:3, 3].max() < POSITION_TOLERANCE_MM)

    def matches(self, other: Geometry) -> bool:
        """Whether both grids are the same up to rounding of file formats."""
        return not self.differences(other)

    def differences(self, other: Geometry) -> list[str]:
        """What distinguishes the other grid from this one, in words; empty when they are the same."""
        found = []
        if self.shape != other.shape:
            found.append(f"size {_times(other.shape[::-1])} instead of {_times(self.shape[::-1])} voxels")
        if not np.allclose(self.spacing, other.spacing, rtol=SPACING_TOLERANCE, atol=0):
            found.append(f"spacing {_times(other.spacing)} instead of {_times(self.spacing)} mm")
        if not np.allclose(self.direction, other.direction, atol=SPACING_TOLERANCE):
            found.append(self._turn(other))
        if found:
            return found
        distance = float(np.linalg.norm(self.corners_lps() - other.corners_lps(), axis=1).max())
        return (
            [f"shifted by {distance:.1f} mm" if distance >= 10 else f"shifted by {distance:.2g} mm"]
            if distance > POSITION_TOLERANCE_MM
            else []
        )

    @property
    def orientation(self) -> str:
        """Nearest anatomical direction of the x, y and z axes, e.g. ``LPS`` for an identity direction."""
        columns = np.reshape(self.direction, (3, 3)).T
        # All three axes together, so that no two of an oblique grid get the same letter.
        nearest = max(permutations(range(3)), key=lambda order: sum(abs(columns[k, a]) for k, a in enumerate(order)))
        return "".join("LPS"[a] if columns[k, a] > 0 else "RAI"[a] for k, a in enumerate(nearest))

    def _turn(self, other: Geometry) -> str:
        if self.orientation != other.orientation:
            return f"orientation {other.orientation} instead of {self.orientation}"
        rotation = np.reshape(self.direction, (3, 3)).T @ np.reshape(other.direction, (3, 3))
        degrees = np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1)))
        return f"turned by {degrees:.2g} degrees"


@dataclass(frozen=True)
class Volume:
    """One MR volume.

    Attributes:
        array: float32 intensities, axis order (z, y, x).
        geometry: where the voxels lie.
        name: what the user calls it (file name or node name); used in messages.
        provenance: where it came from, e.g. ``file``, ``sha256`` or DICOM ``uids``; kept with every result.
    """

    array: FloatArray
    geometry: Geometry
    name: str
    provenance: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.array.shape != self.geometry.shape:
            raise ValueError(f"{self.name}: array {self.array.shape} and geometry {self.geometry.shape} disagree")


def _times(values: tuple[float, ...]) -> str:
    return " x ".join(f"{value:.6g}" for value in values)
