"""Rigid registration: known motions of synthetic and real heads are found, and what cannot be registered stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK as sitk

from support.moved import HEAD, head_patient, moved
from tumorseg.case_files import find_case, read_case
from tumorseg.errors import CancelledError
from tumorseg.registration import Motion, no_motion, rigid_motion
from tumorseg.volume import Geometry, Volume

Head = dict[str, Volume]


def ignore(_: float) -> None:
    """A report that nobody hears."""


@pytest.fixture(scope="module")
def head() -> Head:
    """Four contrasts of a synthetic patient at 4 mm."""
    return head_patient()


def error_mm(found: Motion, motion: sitk.Euler3DTransform, volume: Volume) -> float:
    """Mean distance between where the found and the true motion bring the content of a volume."""
    index = np.argwhere(volume.array != 0)[::97, ::-1]
    places = np.column_stack([index, np.ones(len(index))]) @ volume.geometry.index_to_lps.T
    truth = np.array([motion.TransformPoint(place[:3].tolist()) for place in places])
    return float(np.linalg.norm((places @ found.matrix.T)[:, :3] - truth, axis=1).mean())


MOTIONS = {
    "turned and moved": ((5.0, -6.0, 4.0), (6.0, -4.0, 7.0)),
    "moved a little": ((0.0, 0.0, 0.0), (1.5, 0.0, -1.0)),
    "in another room": ((2.0, 0.0, 0.0), (150.0, -120.0, 90.0)),
}


@pytest.mark.parametrize("name", MOTIONS)
@pytest.mark.parametrize("sequence", ["t1", "t2", "flair"])
def test_a_known_motion_is_found(head: Head, name: str, sequence: str) -> None:
    volume, motion = moved(head[sequence], *MOTIONS[name])
    found = rigid_motion(head["t1ce"], volume, ignore)
    assert error_mm(found, motion, head["t1ce"]) < 1.0
    places = error_mm(no_motion(), motion, head["t1ce"])
    assert found.distance_mm == pytest.approx(places, abs=1.0)


def scored(volume: Volume) -> Volume:
    """Mean 0 and deviation 1 in the brain, with the 0 around it, as it is often kept for networks."""
    inside = volume.array[volume.array != 0]
    scores = (volume.array - inside.mean()) / inside.std()
    return replace(volume, array=np.where(volume.array != 0, scores, 0).astype(np.float32))


@pytest.mark.parametrize("sequence", ["t2", "flair"])
def test_the_motion_of_volumes_of_mean_0_is_found(head: Head, sequence: str) -> None:
    volume, motion = moved(head[sequence], *MOTIONS["turned and moved"], None, (4.0, 4.0, 6.0))
    found = rigid_motion(scored(head["t1ce"]), scored(volume), ignore)
    assert error_mm(found, motion, head["t1ce"]) < 1.0


def test_a_real_flair_of_mean_0_is_registered(data_folder: Path) -> None:
    """Without the outline of the brain it lay 11 mm beside its place, with that as it is 0.6 mm."""
    case = read_case(find_case(data_folder / "brats2021" / "BraTS2021_01485", ("t1ce", "flair")))
    volume, motion = moved(case["flair"], (5, -4, 6), (5, -4, 6), None, (1.0, 1.0, 5.0))
    found = rigid_motion(scored(case["t1ce"]), scored(volume), ignore)
    assert error_mm(found, motion, case["t1ce"]) < 1.5


def test_thick_slices_of_another_orientation_are_registered(head: Head) -> None:
    coronal = Geometry((39, 40, 60), HEAD.origin, (4.0, 6.0, 4.0))
    sagittal = Geometry((40, 60, 60), (-116.0, -116.0, 118.0), (4.0, 4.0, 6.0), (0, 0, 1, 1, 0, 0, 0, -1, 0))
    for grid in (coronal, sagittal):
        volume, motion = moved(head["flair"], (3.0, 2.0, -5.0), (4.0, 3.0, -2.0), grid)
        assert error_mm(rigid_motion(head["t1ce"], volume, ignore), motion, head["t1ce"]) < 1.0


def test_what_lies_right_stays_there(head: Head) -> None:
    found = rigid_motion(head["t1ce"], head["t2"], ignore)
    np.testing.assert_array_equal(found.matrix, np.eye(4))
    assert found.distance_mm == 0


def noise(head: Head) -> Volume:
    """An image without a head."""
    array = np.random.default_rng(1).normal(100, 10, HEAD.shape).astype(np.float32)
    return replace(head["t2"], array=array)


def slab(head: Head) -> Volume:
    """A single slice."""
    return Volume(head["t2"].array[20:21], head["t2"].geometry.crop((slice(20, 21), slice(None), slice(None))), "slab")


@pytest.mark.parametrize("make", [noise, slab])
def test_what_cannot_be_registered_gets_a_rigid_motion_all_the_same(head: Head, make: Callable[[Head], Volume]) -> None:
    matrix = rigid_motion(head["t1ce"], make(head), ignore).matrix
    assert np.isfinite(matrix).all()
    np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-9)


def test_small_images_do_not_lead_astray() -> None:
    """A cube with little but its outline, at whose 8 and 4 mm the optimizer ends further away than it began."""
    grid = Geometry((32, 32, 32), (5.0, 6.0, 7.0), (2.0, 2.0, 2.0))
    cube, random = np.max(np.abs(np.indices(grid.shape) - 16), axis=0) < 12, np.random.default_rng(0)
    first, second = (
        Volume(np.where(cube, 100 + random.normal(0, 5, grid.shape), 0).astype(np.float32), grid, name)
        for name in ("t1ce", "flair")
    )
    second = replace(second, geometry=replace(grid, origin=(1.0, 6.0, 7.0)))
    found = rigid_motion(first, second, ignore)
    np.testing.assert_allclose(found.matrix[:3, 3], (-4.0, 0.0, 0.0), atol=1.0)


def test_an_image_of_one_value_stays_where_it_is(head: Head) -> None:
    flat = replace(head["t2"], array=np.full(HEAD.shape, 7, np.float32))
    found = rigid_motion(head["t1ce"], flat, ignore)
    np.testing.assert_array_equal(found.matrix, no_motion().matrix)
    assert found.distance_mm == 0


def test_the_same_volumes_give_the_same_motion(head: Head) -> None:
    volume, _ = moved(head["t2"], (3.0, 0.0, 0.0), (4.0, 0.0, 0.0))
    first, second = (rigid_motion(head["t1ce"], volume, ignore).matrix for _ in range(2))
    np.testing.assert_allclose(first, second, atol=1e-5)  # ITK adds up its threads in any order


def test_it_reports_before_each_level_and_can_be_ended(head: Head) -> None:
    told: list[float] = []
    rigid_motion(head["t1ce"], head["t2"], told.append)
    assert told == [0.0, 0.5]

    def stop(fraction: float) -> None:
        if fraction:
            raise CancelledError

    with pytest.raises(CancelledError):
        rigid_motion(head["t1ce"], head["t2"], stop)


def test_degrees_and_transform_belong_to_the_matrix() -> None:
    matrix: npt.NDArray[np.float64] = np.eye(4)
    angle = np.radians(30)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:3, 3] = 1, 2, 3
    motion = Motion(matrix, 5.0)
    assert motion.degrees == pytest.approx(30)
    np.testing.assert_allclose(motion.transform.TransformPoint((10.0, 0.0, 0.0)), (matrix @ (10, 0, 0, 1))[:3])
    assert no_motion().degrees == 0


REAL = [("t1", (1.0, 1.0, 5.0)), ("t2", (0.5, 0.5, 4.0)), ("flair", (1.0, 5.0, 1.0))]


@pytest.mark.parametrize("number", ["01477", "01479", "01485"])
def test_real_heads_are_registered(data_folder: Path, number: str) -> None:
    """Thick slices along different axes, turned by up to 8 degrees and moved by up to 8 mm along each axis."""
    case = read_case(find_case(data_folder / "brats2021" / f"BraTS2021_{number}"))
    random = np.random.default_rng(1)
    for sequence, spacing in REAL:
        volume, motion = moved(case[sequence], random.uniform(-8, 8, 3), random.uniform(-8, 8, 3), spacing=spacing)
        assert error_mm(rigid_motion(case["t1ce"], volume, ignore), motion, case["t1ce"]) < 1.0


def test_a_motion_that_finding_it_may_be_off_by_is_not_made(data_folder: Path) -> None:
    """The volumes of BraTS fit each other; what a registration finds between them is its own error."""
    case = read_case(find_case(data_folder / "brats2021" / "BraTS2021_01479"))
    np.testing.assert_array_equal(rigid_motion(case["t1ce"], case["flair"], ignore).matrix, np.eye(4))
